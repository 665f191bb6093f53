"""The sessions in README and docs are what the commands print today."""

from __future__ import annotations

import pytest

from tools import transcript


@pytest.mark.parametrize("document", transcript.DOCUMENTS)
def test_the_document_shows_what_the_commands_print(document: str) -> None:
    text = (transcript.ROOT / document).read_text("utf-8")
    assert "\n$ remotemedia " in text
    assert transcript.filled(text) == text, "python3 -m tools.transcript writes it anew"


def test_a_stale_block_is_replaced_by_what_the_commands_print() -> None:
    text = "before\n```console\n$ echo new; echo err >&2\nold\n$ false\n$ echo $?\n```\nafter\n"
    assert transcript.filled(text) == (
        "before\n```console\n$ echo new; echo err >&2\nnew\nerr\n$ false\n$ echo $?\n1\n```\nafter\n"
    )


def test_a_command_is_continued_behind_a_backslash() -> None:
    text = "```console\n$ echo one \\\n> two\nold\n> old, too\n```\n"
    assert transcript.filled(text) == "```console\n$ echo one \\\n> two\none two\n```\n"


def test_what_a_terminal_would_wrap_is_folded() -> None:
    text = "```console\n$ python3 -c \"print(('123456789 ' * 10).strip()); print('x' * 90)\"\n```\n"
    nines = "123456789 " * 8
    assert transcript.filled(text).splitlines()[2:-1] == [
        nines.strip(),
        "    123456789 123456789",
        "x" * 80,
        "    " + "x" * 10,
    ]
