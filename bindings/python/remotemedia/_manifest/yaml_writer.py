"""Writes plain values as YAML 1.2: blocks for maps and lists, JSON's notation for what stands in them.

Only writing, and only what a manifest holds; the native library reads. Text is bare where every reader of YAML, old or
new, takes it for text, and in double quotes elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ManifestError, Problem

BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*\Z")
# Plain scalars that YAML 1.1 or 1.2 reads as something else than text.
WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def to_yaml(document: Mapping[str, Any]) -> str:
    """The text of a map, which reads back as an equal map.

    Raises `ManifestError` for what a manifest can't hold: NaN, the infinities, and types that JSON lacks.
    """
    return "".join(f"{line}\n" for line in _map(document, ""))


def _map(document: Mapping[str, Any], path: str) -> list[str]:
    lines: list[str] = []
    for key, value in document.items():
        lines += _entry(f"{_text(_key(key, path))}:", value, f"{path}.{key}" if path else key)
    return lines


def _entry(lead: str, value: Any, path: str) -> list[str]:
    """`lead`, which ends in a colon, with its value: beside it, or in the lines below."""
    if isinstance(value, Mapping) and value and not _is_flat(value):
        return [lead, *(f"  {line}" for line in _map(value, path))]
    if isinstance(value, (list, tuple)) and any(isinstance(entry, (Mapping, list, tuple)) for entry in value):
        return [lead, *(f"  {line}" for line in _list(value, path))]
    return [f"{lead} {_flow(value, path)}"]


def _list(entries: list[Any] | tuple[Any, ...], path: str) -> list[str]:
    lines: list[str] = []
    for index, entry in enumerate(entries):
        here = f"{path}[{index}]"
        if isinstance(entry, Mapping) and entry and not _is_connection(entry):
            first, *rest = _map(entry, here)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines.append(f"- {_flow(entry, here)}")
    return lines


def _is_flat(value: Mapping[str, Any]) -> bool:
    return False if len(value) > 4 else not any(isinstance(entry, (Mapping, list, tuple)) for entry in value.values())


def _is_connection(entry: Mapping[str, Any]) -> bool:
    return entry.keys() == {"from", "to"}


def _flow(value: Any, path: str) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_text(_key(key, path))}: {_flow(entry, f'{path}.{key}')}" for key, entry in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_flow(entry, f'{path}[{index}]') for index, entry in enumerate(value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float.__repr__(value)
        raise _refused(path, "a finite number", repr(float(value)))
    raise _refused(path, "a value that JSON has", type(value).__name__)


def _key(key: Any, path: str) -> str:
    if isinstance(key, str):
        return key
    raise _refused(path, "text as keys", repr(key))


def _text(text: str) -> str:
    # A member of an enum of texts prints as its name.
    text = str.__str__(text)
    if BARE.match(text) and text.lower() not in WORDS:
        return text
    return f'"{"".join(map(_character, text))}"'


def _character(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    code = ord(char)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _refused(path: str, expected: str, got: str) -> ManifestError:
    message = f"expected {expected}, got {got}"
    return ManifestError(f"{path}: {message}", [Problem(path, message, expected=expected, got=got)])
