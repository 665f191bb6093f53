"""`--report`: a page about a run that opens anywhere, and the numbers on it."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.job.summary import cause_of, duration_bins, even_bins, percentile

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"


class Page(HTMLParser):
    """The text of a page, its tags, and the tags that are not closed."""

    VOID = frozenset(("meta", "br", "line"))

    def __init__(self, path: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(Path(path).read_text("utf-8"))
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recording, a minute of silence, and five files that are none, for two reasons."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(RECORDING, "a.flac")
    rm.write("b.flac", np.zeros((1, 8000 * 60), "float32"), rate=8000)
    for name in ("<b>&.flac", "x y.flac", "it's.flac", "z9.flac"):
        (tmp_path / name).write_bytes(b"no sound")
    (tmp_path / "cut.flac").write_bytes(RECORDING.read_bytes()[:3000])
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_page_has_counts_hours_causes_and_measures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("levels", "*.flac", "-o", "out", "--report", "report.html", "--measure", "loudness,speech")
    code, _, err = command(capsys, *words)
    assert code == 1
    assert ", the report is report.html\n" in err
    assert err.splitlines()[-3:] == [
        "remotemedia: 1.1 min of audio in 2 files",
        "remotemedia: failed: 4 at 'audiodecode': … is not audio that remotemedia knows; it begins with …",
        "remotemedia: failed: 1 at 'audiodecode': … ends before its first frame of sound",
    ]
    page = Page("report.html")
    assert page.open == []
    assert "files done 2 failed 5 of audio 1.1 min" in page.text
    assert page.text.index("4 at audiodecode") < page.text.index("1 at audiodecode")
    # Three examples of four, whatever they are called.
    assert page.text.count("is not audio that remotemedia knows") == 1 + 3
    assert "and 1 more" in page.text
    assert "<b>&.flac node" in page.text
    for title in ("Duration, s", "Integrated loudness, LUFS", "True peak, dBTP", "Part that is speech"):
        assert title in page.text
    assert page.tags.count("svg") == 4
    loudest = list((rm.Pipeline() >> rm.nodes.AudioDecode() >> rm.nodes.Loudness()).run_sync([rm.File("a.flac")]))[-1]
    assert f"{loudest['integrated_lufs']:.3g}" in page.words


def test_a_page_needs_no_network_and_no_scripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "levels", "*.flac", "--report", "report.html")[0] == 1
    page = Page("report.html")
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href", "style"} & page.attributes
    assert not re.search(r"https?:|url\(|@import", Path("report.html").read_text("utf-8"))


def test_a_page_of_a_resumed_run_is_about_all_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("levels", "*.flac", "-o", "out", "--index", "rows.jsonl", "--report", "report.html")
    assert command(capsys, *words)[0] == 1
    shutil.copy(RECORDING, "cut.flac")
    code, _, err = command(capsys, *words, "--resume")
    assert (code, "remotemedia: 1.2 min of audio in 3 files\n" in err) == (1, True)
    page = Page("report.html")
    assert "files done 3 failed 4 of audio 1.2 min" in page.text
    assert "first frame of sound" not in page.text


def test_a_page_of_a_resumed_run_counts_the_rows_of_its_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("levels", "-o", "out", "--index", "rows.jsonl", "--report", "report.html")
    assert command(capsys, *words, "*.flac")[0] == 1
    failed = Page("report.html")
    # One more, and none of those that failed.
    shutil.copy(RECORDING, "new.wav")
    code, _, err = command(capsys, *words, "*.wav", "--resume")
    assert (code, "in 3 files\nremotemedia: failed: 4 at 'audiodecode': " in err) == (0, True)
    page = Page("report.html")
    assert "files done 3 failed 5 " in page.text
    assert "first frame of sound" in page.text
    failures = "4 at audiodecode"
    assert (failures in failed.text, failures in page.text) == (True, True)
    assert Path("rows.jsonl").read_text().count('"error": null') == 3


def test_a_run_that_was_cut_off_names_no_report(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("remotemedia.cli.job.batch.Batch._one", interrupted)
    words = ("levels", "*.flac", "-o", "out", "--index", "rows.jsonl", "--report", "report.html")
    code, _, err = command(capsys, *words)
    assert (code, Path("report.html").exists()) == (130, False)
    assert "the index is rows.jsonl; to continue, repeat" in err


def test_a_report_does_not_replace_something_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(capsys, "levels", "a.flac", "--report", "a.flac")
    assert (code, err) == (
        2,
        "remotemedia: --report a.flac: this is an input and would be emptied; choose another name\n",
    )
    code, _, err = command(capsys, "levels", "a.flac", "--report", "x", "--index", "x")
    assert (code, err) == (2, "remotemedia: --report x: --index is the same file; choose another name\n")


def test_messages_of_one_cause_are_the_same() -> None:
    place = "node 'decode' (AudioDecode), input 0 'it's: a.flac' at 00:00:07.100: "
    one = f"{place}'/x/it.flac' has 3 frames, not 4.5. Use MP3."
    other = "node 'decode' (AudioDecode), input 12 'b.flac': '/y/z.flac' has 70 frames, not 1. Use MP3."
    assert cause_of(one) == cause_of(other) == "… has # frames, not #. Use MP3."
    assert cause_of("'in/it's 1'b'.flac' is empty.") == "… is empty."
    assert cause_of("No such file or directory: 'a.flac'") == "No such file or directory: …"
    assert cause_of('it begins with "a \\"b\\" c"') == "it begins with …"


def test_bins_have_each_value_once() -> None:
    generator = np.random.default_rng(7)
    for low, high, count in ((-60, -3, 1000), (0, 1, 50), (1e-6, 2e-6, 20), (-5000, 90000, 300), (3, 3, 4)):
        values = generator.uniform(low, high, count).tolist()
        bins = even_bins(values)
        assert (sum(each.total for each in bins), len(bins) <= 20) == (count, True)
        for each in bins:
            assert each.total == sum(each.low <= value < each.high for value in values)
    assert even_bins([]) == duration_bins([]) == []
    assert [tuple(each) for each in duration_bins([0.5, 1, 1.5, 4, 4000])][:3] == [(0, 1, 1), (1, 2, 2), (2, 5, 1)]
    values = sorted(generator.normal(size=101).tolist())
    for part in (0, 0.05, 0.5, 0.333, 1):
        assert percentile(values, part) == pytest.approx(np.quantile(values, part))
