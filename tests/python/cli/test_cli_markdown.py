"""The Markdown of the node docs as plain text: nothing is lost, and it fits."""

from __future__ import annotations

from remotemedia.cli.markdown import plain_text

PAGE = """\
Cuts what comes into pieces.

A paragraph that is longer than the width goes on in the next line, and `code stays` as it is written.
- An item of a list that is too long is continued below its first word.
- Another.

| key | value |
|---|---|
| `a` | `x \\| y` |
| `b` | so many words that they need more than one line |

    an example,   as it is
"""


def test_paragraphs_lists_and_tables() -> None:
    assert "\n".join(plain_text(PAGE, 40)) == (
        "Cuts what comes into pieces.\n"
        "\n"
        "A paragraph that is longer than the\n"
        "width goes on in the next line, and\n"
        "`code stays` as it is written.\n"
        "- An item of a list that is too long is\n"
        "  continued below its first word.\n"
        "- Another.\n"
        "\n"
        "key  value\n"
        "---  -----------------------------------\n"
        "`a`  `x | y`\n"
        "`b`  so many words that they need more\n"
        "     than one line\n"
        "\n"
        "    an example,   as it is"
    )
