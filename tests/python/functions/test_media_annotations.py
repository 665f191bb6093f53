"""Annotations that are types of media: another value is an error of the node, with the item at which it came."""

from __future__ import annotations

import array
import asyncio
import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import remotemedia as rm
from remotemedia._functions.arguments import converter

AUDIO = rm.Audio(np.zeros((1, 160), "float32"), 16000)
VIDEO = rm.Video([np.zeros((1, 2), "uint8")], "gray", 2, 1)

engines = pytest.mark.parametrize("engine", ["native", "python"])


@dataclasses.dataclass
class Segment:
    """A dataclass with sound in it."""

    start: float
    audio: rm.Audio


class Pair(NamedTuple):
    """A tuple with sound in it."""

    name: str
    audio: rm.Audio


def audio(s: rm.Audio) -> Any:
    return "fine"


async def awaited_audio(s: rm.Audio) -> Any:
    return "fine"


def maybe(s: rm.Audio | None) -> Any:
    return "fine"


def either(s: rm.Audio | rm.File) -> Any:
    return "fine"


def audio_or_text(s: rm.Audio | str) -> Any:
    return "fine"


def file(f: rm.File) -> Any:
    return "fine"


def tensor(t: rm.Tensor) -> Any:
    assert type(t) is rm.Tensor
    return "fine"


def table(t: rm.Table) -> Any:
    return "fine"


def video(v: rm.Video) -> Any:
    return "fine"


def sounds(many: list[rm.Audio]) -> Any:
    return "fine"


def segment(s: Segment) -> Any:
    return "fine"


def pair(p: Pair) -> Any:
    return "fine"


@engines
@pytest.mark.parametrize(
    ("function", "right"),
    [
        (audio, [AUDIO]),
        (awaited_audio, [AUDIO]),
        (maybe, [AUDIO]),
        (either, [AUDIO, rm.File("a.wav")]),
        (audio_or_text, [AUDIO, "text", 3]),
        (file, [rm.File(b"abc")]),
        (tensor, [np.zeros(3)]),
        (video, [VIDEO]),
        (sounds, [[AUDIO, AUDIO], []]),
        (segment, [{"start": 0.5, "audio": AUDIO}]),
        (pair, [["a", AUDIO]]),
    ],
)
def test_the_right_type_passes(engine: Any, function: Any, right: list[Any]) -> None:
    manifest = (rm.Pipeline() >> rm.node(function)).manifest()
    assert list(rm.execute_sync(manifest, right, engine=engine)) == ["fine"] * len(right)


@engines
@pytest.mark.parametrize(
    ("function", "wrong", "message"),
    [
        (audio, 3, "expected audio (annotation of 's'), got int"),
        (audio, np.zeros(3), "expected audio (annotation of 's'), got ndarray"),
        (audio, rm.File("a.wav"), "expected audio (annotation of 's'), got File"),
        (awaited_audio, "text", "expected audio (annotation of 's'), got str"),
        (maybe, 3.5, "expected audio (annotation of 's'), got float"),
        (either, 3, "expected audio or a file (annotation of 's'), got int"),
        (file, "a.wav", "expected a file (annotation of 'f'), got str"),
        (tensor, [1.0], "expected an array (annotation of 't'), got list"),
        (table, {"x": [1]}, "expected a table (annotation of 't'), got dict"),
        (video, AUDIO, "expected a video frame (annotation of 'v'), got Audio"),
        (sounds, [AUDIO, 3], "expected audio (annotation of 'many'), got int"),
        (segment, {"start": 0.5, "audio": "a.wav"}, "expected audio (annotation of 'audio'), got str"),
        (pair, ["a", b""], "expected audio (annotation of 'audio'), got bytes"),
    ],
)
def test_another_type_is_an_error_of_the_node(engine: Any, function: Any, wrong: Any, message: str) -> None:
    manifest = (rm.Pipeline() >> rm.node(function)(name="mine")).manifest()
    right = {audio: AUDIO, awaited_audio: AUDIO}.get(function)
    inputs = [wrong] if right is None else [right, wrong]
    for run in (rm.execute_sync, lambda *given, **options: asyncio.run(rm.execute(*given, **options))):
        with pytest.raises(rm.NodeError) as caught:
            run(manifest, inputs, engine=engine)
        assert (caught.value.node_id, caught.value.item) == ("mine", len(inputs) - 1)
        assert type(caught.value.__cause__) is TypeError
        assert str(caught.value.__cause__) == message
        assert message in str(caught.value)


def test_of_a_batch_the_one_value_is_named() -> None:
    @rm.node(batch=8)
    def lengths(sounds: list[rm.Audio]) -> list[int]:
        return [len(sound) for sound in sounds]

    with pytest.raises(rm.NodeError) as caught:
        (rm.Pipeline() >> lengths).run_sync([AUDIO, AUDIO, "text", AUDIO])
    assert caught.value.item == 2
    assert str(caught.value.__cause__) == "expected audio (annotation of 'sounds'), got str"


def test_a_class_is_checked_and_other_values_pass_with_skip() -> None:
    @rm.node
    class Length:
        def process(self, sound: rm.Audio) -> int:
            return len(sound)

    skipping: Any = rm.Pipeline() >> Length(on_error="skip")
    assert skipping.run_sync([AUDIO, 3, AUDIO]) == [160, 160]


def test_what_the_function_before_returned_is_checked() -> None:
    @rm.node
    def samples(sound: rm.Audio) -> Any:
        return array.array("f", [0.0])

    with pytest.raises(rm.NodeError) as caught:
        (rm.Pipeline() >> samples >> rm.node(audio)(name="second")).run_sync([AUDIO])
    assert caught.value.node_id == "second"


def test_tables_are_checked_too() -> None:
    none = rm.Table(0, b"", [])
    convert = converter(table)
    assert convert is not None
    assert convert(none) is none
