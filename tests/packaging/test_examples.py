"""What README and examples promise: the recording is the one described, the programs run and print what is shown."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import pytest
from project import ROOT, succeed

EXAMPLES = ROOT / "examples"


def test_the_recording_is_the_one_that_its_provenance_describes() -> None:
    recording = (EXAMPLES / "speech.flac").read_bytes()
    assert len(recording) < 300_000
    assert hashlib.sha256(recording).hexdigest() in (EXAMPLES / "README.md").read_text("utf-8")


def shown_by_the_demo() -> list[str]:
    """What the demo prints, without how long it took."""
    printed = succeed([sys.executable, EXAMPLES / "demo.py"])
    return [line for line in printed.splitlines() if not line.startswith("took")]


def test_the_demo_prints_what_the_readme_shows() -> None:
    lines = shown_by_the_demo()
    assert [line.split()[0] for line in lines] == ["recording", "duration", "loudest", "quietest", "peak", "RMS"]
    readme = (ROOT / "README.md").read_text("utf-8")
    for line in lines:
        assert f"    {line}\n" in readme


def test_the_levels_are_those_of_the_samples() -> None:
    # From the 113,600 samples that `flac -d` gives, with numpy: 10 log10 of the mean square of all and of each 100 ms,
    # 20 log10 of the peak, full scale 2^15. The table rounds to 0.1 dB.
    shown = {line.split()[0]: line for line in shown_by_the_demo()}
    assert float(shown["RMS"].split()[1]) == pytest.approx(-24.411, abs=0.051)
    assert float(shown["peak"].split()[1]) == pytest.approx(-7.486, abs=0.051)
    assert shown["loudest"].endswith(" -15.9 dBFS at 1.4 s")
    assert shown["quietest"].endswith(" -47.2 dBFS at 0.1 s")


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_the_python_of_a_document_runs(document: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for number, block in enumerate(blocks):
        program = tmp_path / f"block_{number}.py"
        program.write_text(block, "utf-8")
        printed = succeed([sys.executable, program])
        assert printed
        if document == "README.md":
            assert "dBFS" in printed
