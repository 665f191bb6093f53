"""A day of sound through one live session, in minutes: memory stays flat, time does not drift, nothing is lost.

    .build/venv/bin/python tools/endurance/virtual_day.py                # 24 hours
    .build/venv/bin/python tools/endurance/virtual_day.py --hours 0.1    # as the tests run it

Frames of 20 ms at 48 kHz go through a resampler, a Python function that sees every tenth of a second, and a level
meter, in a session whose clock is virtual. Everything is counted: each frame that went in, each call of the function,
each level and its exact time. After the first hour, or the first quarter, the resident size may grow by `GROWTH_BYTES`.
Exits with 1 if anything does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from pathlib import Path

import numpy as np
import remotemedia as rm
from remotemedia._abi.library import check, lib
from remotemedia._codec.call_buffers import acquire, release

GROWTH_BYTES = 8 << 20
"""What fragmentation of the heap may add. A leak of 2 bytes for each of four million frames would be past it."""

LETS_GO_SECONDS = 10.0
"""How long a thread may take to let go of what has ended."""

IN_RATE, OUT_RATE, FRAME_MS, CHUNK_MS = 48_000, 16_000, 20, 100
FRAMES_AT_A_TIME = 50


def resident() -> int:
    """The bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def alive() -> dict[str, int]:
    """The native objects that exist."""
    gc.collect()
    used = acquire()
    try:
        used.ready()
        check(lib.rm_live_objects(used.output, used.error), used.error)
        return dict(used.unpack())
    finally:
        release(used)


def day(hours: float) -> list[str]:
    """Plays it; what does not hold."""
    before = alive()
    problems = asyncio.run(played(hours))
    names = ("runs", "nodes", "sessions", "host_buffers", "memories")
    until = time.monotonic() + LETS_GO_SECONDS
    # The worker that has ended the run lets go of it just after it has told so.
    while any((after := alive())[name] > before[name] for name in names) and time.monotonic() < until:
        time.sleep(0.01)
    return problems + [
        f"{name}: {before[name]} before, {after[name]} after" for name in names if after[name] > before[name]
    ]


async def played(hours: float) -> list[str]:
    """The day itself."""
    frames = round(hours * 3_600_000 / FRAME_MS)
    levels_expected = frames * FRAME_MS // CHUNK_MS
    warm = min(frames // 4, 3_600_000 // FRAME_MS)
    each = IN_RATE * FRAME_MS // 1000
    wave = np.sin(np.arange(each, dtype="f4") / 7) / 2
    seen_frames = 0
    calls = 0

    def look(sound: rm.Audio) -> rm.Audio:
        nonlocal seen_frames, calls
        calls += 1
        seen_frames += sound.frames
        return sound

    pipeline = (
        rm.Pipeline("day")
        >> rm.nodes.AudioResample(rate=OUT_RATE)
        >> rm.nodes.AudioChunk(duration_ms=CHUNK_MS)
        >> rm.node(look)()
        >> rm.nodes.AudioLevel(window_ms=CHUNK_MS)
    )
    problems: list[str] = []
    sizes: dict[str, int] = {}
    live: dict[str, dict[str, int]] = {}
    begun = time.monotonic()
    async with pipeline.session(clock="virtual", buffer={"packets": FRAMES_AT_A_TIME}) as session:

        async def feed() -> None:
            for number in range(frames):
                # From the count, never added up.
                pts = number * each * 1_000_000_000 // IN_RATE
                await session.send(rm.Audio(wave, IN_RATE, pts_ns=pts))
                if number + 1 in (warm, frames):
                    name = "warm" if number + 1 == warm else "end"
                    sizes[name], live[name] = resident(), alive()
            await session.finish()

        feeding = asyncio.create_task(feed())
        count = 0
        async for packet in session:
            # No window may be missing, and none a nanosecond off.
            if packet.pts_ns != count * CHUNK_MS * 1_000_000 or packet.duration_ns != CHUNK_MS * 1_000_000:
                problems.append(f"level {count} is at {packet.pts_ns} ns for {packet.duration_ns} ns")
                break
            count += 1
        await feeding
        sent = session.metrics().sent
    seconds = time.monotonic() - begun
    counts = {
        "frames sent": (sent, frames),
        "samples that the function saw": (seen_frames, frames * OUT_RATE * FRAME_MS // 1000),
        "calls of the function": (calls, levels_expected),
        "levels": (count, levels_expected),
    }
    for name, (got, expected) in counts.items():
        print(f"{name}: {got}")
        if got != expected:
            problems.append(f"{name}: {got}, not {expected}")
    growth = sizes["end"] - sizes["warm"]
    at = warm * FRAME_MS / 3_600_000
    print(f"resident after {at:.2f} h: {sizes['warm'] >> 10} KiB, at the end {growth >> 10:+} KiB")
    if growth > GROWTH_BYTES:
        problems.append(f"the resident size grew by {growth} bytes")
    for name in ("runs", "nodes", "sessions", "pipelines", "ports"):
        if live["end"][name] != live["warm"][name]:
            problems.append(f"{name}: {live['warm'][name]} were alive, {live['end'][name]} are")
    print(f"{hours:g} h of sound in {seconds:.1f} s: {hours * 3600 / seconds:.0f} x real time")
    return problems


def main() -> int:
    """Reads the command line, plays the day, tells what does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=24.0)
    problems = day(parser.parse_args().hours)
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
