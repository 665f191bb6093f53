"""What README and examples promise: the recording is the one described, the programs run and print what is shown.

The C programs are tests of CMake's project.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import remotemedia as rm
from project import ROOT, run, succeed

EXAMPLES = ROOT / "examples"


def test_the_recording_is_the_one_that_its_provenance_describes() -> None:
    recording = (EXAMPLES / "speech.flac").read_bytes()
    assert len(recording) < 300_000
    assert hashlib.sha256(recording).hexdigest() in (EXAMPLES / "README.md").read_text("utf-8")


def shown_by_the_demo() -> dict[str, str]:
    """What the demo prints, by the name of the row, without how long it took; "" is the row without a name."""
    printed = succeed([sys.executable, EXAMPLES / "demo.py"])
    rows = {line[:10].rstrip(): line for line in printed.splitlines()}
    assert re.fullmatch(r"took +\d+ ms, \d+ times as fast as real time \(the first run \d+ ms\)", rows.pop("took")), (
        printed
    )
    return rows


def test_the_demo_prints_what_the_readme_shows() -> None:
    rows = shown_by_the_demo()
    assert list(rows) == ["recording", "level", "speech", "", "loudness", "peak", "loudest", "quietest"]
    readme = (ROOT / "README.md").read_text("utf-8")
    for line in rows.values():
        assert f"    {line}\n" in readme


def test_the_demo_shows_the_levels_of_the_samples() -> None:
    # From the 113,600 samples that `flac -d` gives, with numpy: 10 log10 of the mean square of each 100 ms, full scale
    # 2^15.
    rows = shown_by_the_demo()
    assert rows["recording"].endswith(" speech.flac, 7.10 s")
    assert rows["loudest"].endswith(" -15.9 dBFS at 1.4 s")
    assert rows["quietest"].endswith(" -47.2 dBFS at 0.1 s")
    # 64 bars for 71 windows, the highest where the window at 1.4 s is.
    bars = rows["level"][11:]
    assert (len(bars), bars.index("█")) == (64, 13)
    # The samples peak at -7.486 dBFS; what lies between them is not far above.
    assert float(rows["peak"].split()[1]) == pytest.approx(-7.48, abs=0.1)


def test_the_demo_marks_where_somebody_speaks() -> None:
    # silero-vad 6.2.3 finds speech from 0.322 to 6.910 s with its defaults (tests/speech/reference.json of the nodes).
    rows = shown_by_the_demo()
    assert rows[""].strip() == "0.32 to 6.91 s"
    marks = rows["speech"][11:]
    assert (marks.index("━"), len(marks), marks.count("━")) == (round(64 * 0.322 / 7.1), 62, 59)


def test_the_demo_measures_loudness_as_r128() -> None:
    pipeline = rm.Pipeline() >> rm.nodes.AudioDecode() >> rm.nodes.Loudness()
    measured = pipeline.run_sync([rm.File(EXAMPLES / "speech.flac")])[-1]["integrated_lufs"]
    assert f"{measured:.1f} LUFS" in shown_by_the_demo()["loudness"]


def test_the_demo_says_that_nobody_speaks() -> None:
    printed = succeed([sys.executable, EXAMPLES / "demo.py", ROOT / "tests" / "media" / "stereo.mp3"])
    assert "\n           nobody speaks\n" in printed


def test_a_dataset_is_made_of_what_can_be_read(tmp_path: Path) -> None:
    folder, out = tmp_path / "recordings", tmp_path / "out"
    folder.mkdir()
    for name in ("0880.flac", "0890.flac"):
        shutil.copy(ROOT / "tests" / "media" / "librivox" / name, folder)
    shutil.copy(ROOT / "tests" / "media" / "stereo.webm", folder)
    whole = (EXAMPLES / "speech.flac").read_bytes()
    (folder / "speech.flac").write_bytes(whole)
    (folder / "cut.flac").write_bytes(whole[:30_000])
    done = run([sys.executable, EXAMPLES / "prepare_dataset.py", folder, out])
    assert done.returncode == 1
    assert done.stderr.startswith("cut.flac: node 'audiodecode' (AudioDecode), input 0 'cut.flac' at 00:00:01.024: ")
    progress = done.stdout.splitlines()
    assert sorted(line.split()[0] for line in progress[:5]) == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert re.fullmatch(r"3 pieces of speech, \d+\.\d s, from 4 of 5 files", progress[5])
    # The tone and the sweep of stereo.webm are no speech.
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name}_000.{ending}" for name in ("0880", "0890", "speech") for ending in ("flac", "npy")
    ]
    for path in out.glob("*.npy"):
        sound = rm.read(path.with_suffix(".flac"))
        # Whisper's frames are 10 ms apart.
        assert (sound.rate, sound.channels, np.load(path).shape) == (16_000, 1, (80, sound.frames // 160))


def test_the_front_end_hands_each_piece_of_speech_to_a_function() -> None:
    lines = succeed([sys.executable, EXAMPLES / "live_frontend.py", EXAMPLES / "speech.flac", "20"]).splitlines()
    assert lines[0].startswith("speech from 0.32 s to 6.91 s: Audio(mono, ")
    assert re.fullmatch(r"  there -?\d+ ms after it ended", lines[1])
    # 7.1 s and the silence behind.
    assert lines[2] == "1 pieces of speech in 405 frames"
    assert lines[3].startswith("frames were late by ")


def test_a_folder_of_files_gives_a_row_for_each_and_names_what_failed(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    whole = (EXAMPLES / "speech.flac").read_bytes()
    (folder / "whole.flac").write_bytes(whole)
    (folder / "cut.flac").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("not a recording")
    result = tmp_path / "result.csv"
    done = run([sys.executable, EXAMPLES / "folder.py", folder, result])
    assert done.returncode == 1, done.stderr
    with result.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "duration_s", "loudest_db", "error"]
    assert [row[0] for row in rows[1:]] == ["cut.flac", "whole.flac"]
    assert rows[1][1:3] == ["", ""]
    assert "'cut.flac'" in rows[1][3]
    assert "ends too early" in rows[1][3]
    assert rows[2] == ["whole.flac", "7.10", "-15.9", ""]


def test_a_live_meter_shows_each_window_of_what_comes_in() -> None:
    # Two seconds of a full-scale square wave, which has 0 dBFS, then one of silence; 16-bit PCM, in a single piece.
    square = (b"\x00\x80" * 8 + b"\xff\x7f" * 8) * 2000
    done = subprocess.run(
        [sys.executable, EXAMPLES / "live.py"],
        input=square + bytes(32_000),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [f"{quarter / 4:.2f}" for quarter in range(12)]
    levels = [float(line.split()[2]) for line in lines]
    assert all(abs(level) < 0.1 for level in levels[:8])
    assert all(level < -100 for level in levels[8:])


def test_the_function_of_ones_own_cuts_pauses(tmp_path: Path) -> None:
    result = tmp_path / "short.wav"
    printed = succeed([sys.executable, EXAMPLES / "own_function.py", EXAMPLES / "speech.flac", result])
    # 122 of the 142 packets of 50 ms are at -40 dBFS or above.
    assert printed.splitlines()[-1] == "7.10 s, 6.10 s without pauses"
    assert result.stat().st_size == 44 + 2 * 97_600


def test_the_slow_node_is_found() -> None:
    assert succeed([sys.executable, EXAMPLES / "slow_graph.py"]).splitlines()[-1] == "slowest: smooth"


def test_the_tests_of_a_pipeline_pass() -> None:
    printed = succeed([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "test_levels.py"])
    assert "7 passed" in printed


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_the_node_in_rust_fades_in() -> None:
    # The whole workspace, as `cargo test` builds it: nothing is built twice.
    command = ["cargo", "build", "--quiet", "--locked", "--workspace", "--examples", "--message-format", "json"]
    built = [json.loads(line) for line in succeed(command).splitlines()]
    (program,) = [each["executable"] for each in built if each.get("target", {}).get("name") == "own_node"]
    printed = succeed([program, EXAMPLES / "speech.flac"])
    levels = {float(at): float(db) for at, db in re.findall(r"^ *([\d.]+) s +(-[\d.]+) dBFS$", printed, re.MULTILINE)}
    plain = levels_of_the_recording()
    assert list(levels) == list(plain)
    # The fade ends at 4 s: from there on nothing is changed.
    for at, db in plain.items():
        assert (levels[at] == pytest.approx(db, abs=0.051)) == (at >= 4.0)
        assert levels[at] <= db + 0.051
    assert levels[0.0] < plain[0.0] - 15


def levels_of_the_recording() -> dict[float, float]:
    """Its RMS every half second, by the start."""
    pipeline = rm.Pipeline() >> rm.nodes.AudioDecode() >> rm.nodes.AudioLevel(window_ms=500)
    return {
        packet.pts: packet.value["rms_db"] for packet in pipeline.run_sync([rm.File(EXAMPLES / "speech.flac")]).packets
    }


def test_twenty_calls_of_the_voice_agent_are_heard_interrupted_and_ended() -> None:
    program = (
        "import asyncio, json, dataclasses, voice_agent\n"
        "print(json.dumps(dataclasses.asdict(asyncio.run(voice_agent.serve(20, clock='virtual')))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=EXAMPLES, capture_output=True, text=True, timeout=240, check=True
    )
    report = json.loads(done.stdout)
    # One of twenty hangs up in the middle of a word; the others ask twice, and begin to speak twice.
    assert (report["ended"], report["vanished"]) == (19, 1)
    assert 38 <= report["heard"] <= 39
    assert report["interrupted"] == 39
    # What was said before the second question is cut short, what answers it is said to its end.
    assert report["frames"] >= 19 * 100
