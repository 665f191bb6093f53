"""What comes from outside is short in messages, and commands no terminal: in errors, and in what the command prints."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
import remotemedia as rm
from remotemedia._problem.outside_text import LONGEST, one_line, printable, printable_json
from remotemedia.cli import main


@rm.node
def double(value: int) -> int:
    return 2 * value


RUDE = "a\x1b[31m\x9b2J\x7f\u202e\u2066\u200f\ufeff\U000e0041\udc80é"
PLAIN = r"a\u001b[31m\u009b2J\u007f\u202e\u2066\u200f\ufeff\u{e0041}\udc80é"


def test_what_a_terminal_obeys_is_escaped() -> None:
    assert printable(RUDE) == PLAIN
    assert printable("a\tb\nc\r") == "a\tb\nc\\r"
    assert one_line("a\tb\nc\r") == "a\\tb\\nc\\r"
    assert json.loads(printable_json(json.dumps([RUDE], ensure_ascii=False))) == [RUDE]
    for code in range(0x110000):
        shown = printable(chr(code))
        assert shown in "\n\t" or not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in shown)


def test_words_of_every_script_stay_as_they_are() -> None:
    for text in ("naïve 日本語　です", "می‌خواهم", "שלום", "👩‍👩‍👧", "a b"):
        assert printable(text) == text


def test_messages_of_errors_are_short_and_plain() -> None:
    assert str(rm.InvalidArgumentError(f"no {RUDE}")) == f"no {PLAIN}"
    assert len(str(rm.MarshalError("x" * 1_000_000))) == LONGEST + 3
    with pytest.raises(rm.ManifestError) as caught:
        rm.Pipeline.load({"version": "v1", "nodes": [{"id": "a", "node_type": "Echo", "params": {"k" * 1000: 1}}]})
    assert len(str(caught.value)) < 400


def test_a_function_with_many_wrong_params_is_told_about_enough_of_them() -> None:
    many = {"version": "v1", "nodes": [{"id": "a", "node_type": double, "params": {f"x{n}": n for n in range(50_000)}}]}
    long = {"version": "v1", "nodes": [{"id": "a", "node_type": double, "params": {"\x1bk" * 500_000: 1}}]}
    for manifest, count in ((many, 100), (long, 1)):
        with pytest.raises(rm.ManifestError) as caught:
            rm.Pipeline.load(manifest).validate()
        assert len(caught.value.problems) == count
        assert len(str(caught.value)) < 10_000
        assert "\x1b" not in str(caught.value)


def test_a_rude_manifest_says_nothing_to_the_terminal(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rude = "x\x1b]0;title\x07\x9b2J\u202ey"
    node = {"id": "a", "node_type": "PassThrough"}
    good = {"version": "v1", "metadata": {"name": rude}, "nodes": [node]}
    manifests = [
        good,
        {"version": rude, "nodes": [node]},
        {"version": "v1", "nodes": [{**node, "node_type": rude}, {**node, rude: 1}]},
        {"version": "v1", "nodes": [{"id": rude, "node_type": "Echo", "params": {rude: rude}}]},
        {"version": "v1", "nodes": [node], "connections": [{"from": rude, "to": f"a.{rude}"}]},
    ]
    for index, manifest in enumerate(manifests):
        path = tmp_path / f"{index}{rude.replace('/', '')}.json"
        path.write_text(json.dumps(manifest), "utf-8")
        for words in (["validate", str(path)], ["graph", str(path)], ["run", str(path), "-i", rude]):
            main(words)
            shown = "".join(capfd.readouterr())
            assert shown
            assert not any(unicodedata.category(letter) in ("Cc", "Cf") and letter not in "\n\t" for letter in shown), (
                shown
            )
