"""Text from outside (names, keys, values) as messages and terminals show it.

The same rules as in the native library (`runtime/core/src/outside.rs`): what a terminal would obey is written as
escapes, and a message does not grow with what it quotes.
"""

from __future__ import annotations

LONGEST = 65_536
"""The most characters of a message; longer ones lose their middle. The native library needs fewer."""

SHOWN = 60
"""The most characters of one text that are shown."""

LONGEST_CLAUSE = 500
"""The most characters of a clause on one place in a manifest."""

# Control characters but for line breaks and tabs, what changes the direction of text, what shows nothing, and halves of
# characters, which no terminal can be sent.
_COMMANDS = (
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
    "\\U000e0000-\\U000e007f\\ud800-\\udfff]"
)


def printable(text: str) -> str:
    """The text with escapes in place of what a terminal obeys; line breaks and tabs stay."""
    if text.isprintable():
        return text
    import re

    return re.sub(_COMMANDS, lambda found: _escape(found[0]), text)


def printable_json(text: str) -> str:
    """JSON text that means the same, with escapes in place of what a terminal obeys."""
    if text.isprintable():
        return text
    import re

    # They are in strings: JSON has no such characters outside of them.
    return re.sub(_COMMANDS, lambda found: "".join(f"\\u{unit:04x}" for unit in _units(found[0])), text)


def one_line(text: str) -> str:
    """The text with escapes in place of what a terminal obeys, line breaks and tabs among it."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def shown(text: str) -> str:
    """The text on one line; a long one without its end."""
    return one_line(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def brief(text: str) -> str:
    """A clause of a message on one line; a long one without its middle."""
    if len(text) > LONGEST_CLAUSE:
        text = f"{text[: LONGEST_CLAUSE // 2]} … {text[-(LONGEST_CLAUSE // 2) :]}"
    return one_line(text)


def message(text: str) -> str:
    """A whole message, printable; a very long one without its middle."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-(LONGEST // 2) :]}"
    return printable(text)


def _escape(character: str) -> str:
    code = ord(character)
    if character == "\r":
        return "\\r"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"


def _units(character: str) -> list[int]:
    """The code units of a character in UTF-16, of which JSON's escapes are made."""
    data = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
