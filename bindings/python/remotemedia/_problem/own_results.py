"""What to write where one value is asked for and a result of this package that holds it was passed.

The types are known by their names: the rooms that have them stand above this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AUDIO = "media.Audio"
LOADED = "_files.many.Loaded"
PACKET = "_results.outputs.Packet"
OUTPUTS = "_results.outputs.Outputs"

NAMES = {LOADED: "loaded", PACKET: "packet", OUTPUTS: "outputs"}
"""What messages call the values."""


def cure_for_value(value: Any) -> str | None:
    """What to write in place of a value with its place; None for others than those of this package."""
    kind = _kind(value)
    if kind == PACKET:
        return "write packet.value"
    return cure_for_audio(value) if kind == LOADED else None


def cure_for_audio(value: Any) -> str | None:
    """What to write in place of a result that is, or holds, audio; None for values that hold none."""
    if _kind(value) == LOADED and value.audio is None:
        return "it has no audio, and loaded.error says why"
    expression = audio_in(value)
    if expression is not None:
        return f"write {expression}"
    if not isinstance(value, (list, tuple)) or not value:
        return None
    first = _audio_in(value[0], f"{_name(value)}[0]")
    if first is None:
        return None
    joined = ", or end the pipeline in AudioConcat() if they are parts of one" if _kind(value[0]) == AUDIO else ""
    return f"it holds {len(value)}: write one of them, such as {first}{joined}"


def audio_in(value: Any) -> str | None:
    """The expression for the only audio in a result, such as `packet.value`; None if there is not one."""
    return _audio_in(value, _name(value))


def _audio_in(value: Any, name: str) -> str | None:
    kind = _kind(value)
    if kind == AUDIO:
        return name
    if kind == PACKET:
        return _audio_in(value.value, f"{name}.value")
    if kind == LOADED:
        return _audio_in(value.audio, f"{name}.audio")
    if isinstance(value, Mapping):
        return _audio_in(value["audio"], f'{name}["audio"]') if _kind(value.get("audio")) == AUDIO else None
    if isinstance(value, (list, tuple)):
        of_sinks = getattr(value, "_sinks", None)
        if of_sinks is not None:
            found = (_audio_in(each, f"{name}[{sink!r}]") for sink, each in of_sinks.items())
            return next(filter(None, found), None)
        return _audio_in(value[0], f"{name}[0]") if len(value) == 1 else None
    return None


def _kind(value: Any) -> str:
    """The name of the first type of this package that a value is of, from the package on."""
    for kind in type(value).__mro__:
        package, _, module = kind.__module__.partition(".")
        if package == __name__.partition(".")[0]:
            return f"{module}.{kind.__qualname__}"
    return ""


def _name(value: Any) -> str:
    known = NAMES.get(_kind(value))
    if known is not None:
        return known
    if isinstance(value, Mapping):
        return "segment"
    if isinstance(value, Sequence) and value:
        return {LOADED: "loaded", PACKET: "packets", AUDIO: "audios"}.get(_kind(value[0]), "segments")
    return "audio"
