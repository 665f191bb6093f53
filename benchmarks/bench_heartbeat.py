"""B7: how late an asyncio loop is while heavy work goes on, beside a loop that is idle, soxr and PyAV in threads.

A beat is a sleep of 2 ms, its lateness what it took beyond that. That the work goes on: it is done at least once in
each round, over and over until the last beat. Figures are the medians of the rounds, sides in turns.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy

from benchmarks import bench_decode
from benchmarks.contest import FOLDER, Row, Side, contestants, installed, run, show
from tools.machine import Problem

IDLE = Side("idle", "plain_asyncio", task="idle")
RESAMPLE = Side("AudioResample", "ours_live", task="heartbeat_resample")
DECODE = Side("AudioDecode", "ours_live", task="heartbeat_decode")
PEERS = [
    Side("soxr in a thread", "soxr", "soxr", task="heartbeat"),
    Side("PyAV in a thread", "pyav", "pyav", task="heartbeat"),
]
BARS_MS = {"p99_ms": 0.15, "max_ms": 2.0}
ROUNDS = 7


def make_input(folder: Path) -> None:
    """A minute of noise, and the MP3 file that the benchmark of decoding makes."""
    noise = numpy.random.default_rng(1).uniform(-0.5, 0.5, 60 * 48_000)
    numpy.save(folder / "minute.npy", noise.astype(numpy.float32))


def main() -> None:
    """Print the table."""
    folder = FOLDER / "decode"
    present, missing = installed(PEERS)
    bench_decode.make_input(folder)
    make_input(folder)
    measured: dict[str, list[dict[str, float]]] = {}
    with contestants([IDLE, RESAMPLE, DECODE, *present], "heartbeat", folder) as ready:
        for index in range(ROUNDS + 1):
            for each in ready if index % 2 == 0 else reversed(ready):
                answer = each.result()
                if each.side is not IDLE and answer["times"] < 1:
                    raise Problem(f"{each.side.name} has done nothing meanwhile.")
                if index > 0:
                    measured.setdefault(each.side.name, []).append(answer)
    rows = []
    for what, bar in BARS_MS.items():
        typical = {name: statistics.median(answer[what] for answer in answers) for name, answers in measured.items()}
        idle = typical.pop(IDLE.name)
        for name, late in typical.items():
            more = f"{late - idle:+.2f} ms"
            if name in (RESAMPLE.name, DECODE.name):
                verdict = "met" if late <= idle + bar else "NOT MET"
                rows.append(
                    Row(
                        f"lateness, {what[:3]}: {name}",
                        f"{late:.2f} ms",
                        f"idle {idle:.2f} ms",
                        None,
                        None,
                        f"{verdict}: {more}, bar {bar:+.2f} ms",
                    )
                )
            else:
                rows.append(Row(f"lateness, {what[:3]}: {name}", "", f"{late:.2f} ms", None, None, more))
    show(rows)
    for line in missing:
        print(line)


if __name__ == "__main__":
    run(main)
