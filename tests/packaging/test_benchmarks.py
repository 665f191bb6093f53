"""What benchmarks decide without a clock: the search for the most calls, ages of results, and the chart."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from project import ROOT, run, succeed

from benchmarks import bench_calls, bench_frontend, chart
from benchmarks.sides import busy, calls
from tools import machine
from tools.commands import benchmark_names


def test_every_benchmark_is_explained() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    assert {"busy", "calls", "frontend"} <= set(benchmark_names())
    assert [name for name in benchmark_names() if f"--only {name}`" not in text and f"\n## {name}" not in text] == []


class Pretended:
    """A side that holds so many calls, but fails each count the first time where it is `shaky`."""

    def __init__(self, most: int, *, shaky: bool = False) -> None:
        self.side = SimpleNamespace(name="pretended")
        self.most, self.shaky, self.counts = most, shaky, list[int]()

    def given(self, trial: list[float]) -> dict[str, float]:
        count = int(trial[0])
        self.counts.append(count)
        is_late = count > self.most or (self.shaky and self.counts.count(count) == 1)
        return {"p50_ms": 1.0, "p99_ms": 50.0 if is_late else 2.0, "share": 0.5}


@pytest.mark.parametrize("most", [1, 2, 15, 16, 17, 24, 100, 199, 200, 350, 1000])
@pytest.mark.parametrize("shaky", [False, True])
def test_the_most_calls_are_found_by_bisection(most: int, shaky: bool) -> None:
    side = Pretended(most, shaky=shaky)
    held = bench_calls.largest(side)  # type: ignore[arg-type]
    assert most * (1 - 2 * bench_calls.STEP) - 1 <= held.count <= most
    assert len(set(side.counts)) < 16


def test_a_side_that_holds_no_call_ends_the_search() -> None:
    assert bench_calls.largest(Pretended(0)).count == 0  # type: ignore[arg-type]


def test_the_age_of_a_window_counts_from_its_last_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [bytes(calls.FRAME_BYTES)] * 8
    call = calls.Call(0, 0.001, frames, calls.WARM_FRAMES + 8)
    call.begin = 10.0
    monkeypatch.setattr(calls, "time", SimpleNamespace(perf_counter=lambda: 11.0))
    expected = []
    for index in range(len(call.frames)):
        whole = (index + 1) * calls.FRAME_SAMPLES // calls.WINDOW
        fresh = whole - len(call.probabilities)
        call.found([0.5] * fresh)
        if index >= calls.WARM_FRAMES:
            expected += [11.0 - 10.001 - index * calls.FRAME_SECONDS] * fresh
    assert call.ages == pytest.approx(expected)
    assert len(expected) == 5
    assert call.complete.is_set()


def test_a_chunk_that_is_timed_was_warmed_up(tmp_path: Path) -> None:
    numpy.save(tmp_path / "input.npy", numpy.arange(busy.CHUNK * 3, dtype=numpy.float32))
    seen = [len(chunk) for chunk in busy.chunks_of(tmp_path)]
    assert seen == [busy.CHUNK] * 3


@pytest.mark.parametrize("wrong", [[0.5, 0.502], [0.5]])
def test_other_probabilities_are_refused(wrong: list[float]) -> None:
    results = {"ours": numpy.array([0.5, 0.5]), "theirs": numpy.array(wrong)}
    with pytest.raises(machine.Problem, match="theirs"):
        bench_frontend.check(results, (2,), "ours")


def kept(folder: Path, name: str, times: dict[str, list[float]]) -> None:
    """The file that a benchmark leaves."""
    benchmarks: list[dict[str, Any]] = [
        {"metadata": {"name": each}, "runs": [{"values": values}]} for each, values in times.items()
    ]
    (folder / f"{name}.json").write_text(json.dumps({"benchmarks": benchmarks}))


def test_the_chart_shows_what_is_kept_and_names_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path, "vad", {"vad: remotemedia": [1.0, 2.0, 30.0], "vad: onnxruntime": [4.0, 4.0, 40.0]})
    kept(tmp_path, "frontend", {"frontend_live: remotemedia": [3.0], "frontend_live: pipecat": [2.0]})
    spread = [1.0] * 98 + [5.0, 5.0]
    kept(tmp_path, "busy", {"busy: remotemedia": spread, "busy: PyAV": [10.0]})
    picture = tmp_path / "bench.svg"
    chart.draw(tmp_path, picture)

    said = capsys.readouterr().out
    assert "left out: decode, whose times are not all kept: `python3 build.py bench --only decode`" in said
    assert "--only vad`" not in said
    svg = ElementTree.fromstring(picture.read_text("utf-8"))
    name = "{http://www.w3.org/2000/svg}"
    spoken = svg.findtext(f"{name}desc")
    assert spoken == (
        "Detect speech, Silero VAD beside onnxruntime: 0.50; Voice front end, 20 ms frames beside pipecat: 1.50; "
        "20 ms beside a busy thread, p99 beside PyAV: 0.50."
    )
    bars = [(each.get("class"), float(each.get("width", 0))) for each in svg.iter(f"{name}rect")]
    assert [kind for kind, _ in bars] == ["bar", "over", "bar"]
    whole = chart.WIDTH - chart.LEFT - chart.RIGHT
    assert [width for _, width in bars] == pytest.approx([whole * 0.4, whole, whole * 0.4], abs=0.1)
    shown = [each.text for each in svg.iter(f"{name}text")]
    assert "Voice front end, 20 ms frames" in shown
    assert "prefers-color-scheme: dark" in (svg.findtext(f"{name}style") or "")


def test_each_bar_of_the_chart_has_a_benchmark() -> None:
    assert {bar.benchmark for bar in chart.BARS} <= set(benchmark_names())


def test_a_chart_of_nothing_is_one_sentence_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(machine.Problem, match="nothing to draw"):
        chart.draw(tmp_path, tmp_path / "bench.svg")
    assert not (tmp_path / "bench.svg").exists()


def test_the_chart_is_drawn_or_a_benchmark_is_run() -> None:
    assert "--chart" in succeed(["python3", "build.py", "bench", "--help"])
    assert run(["python3", "build.py", "bench", "--chart", "--only", "await"]).returncode == 2
