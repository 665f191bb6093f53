"""`pad_batch`: what numpy makes of the same sounds by its own padding, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy
import pytest
import remotemedia as rm

CHANCE = numpy.random.default_rng(3)


def sounds(channels: int, *lengths: int, rate: int = 16000) -> list[rm.Audio]:
    return [rm.Audio(CHANCE.uniform(-1, 1, (channels, frames)).astype("float32"), rate) for frames in lengths]


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("value", [0.0, -1.5, float("inf")])
@pytest.mark.parametrize("length", [None, 40])
def test_it_is_what_numpy_pads(channels: int, value: float, length: int | None) -> None:
    audios = sounds(channels, 7, 0, 31, 30)
    batch, lengths = rm.pad_batch(audios, value=value, length=length)
    assert lengths == [7, 0, 31, 30]
    frames = length or 31
    padded = [numpy.pad(each.samples, ((0, 0), (0, frames - each.frames)), constant_values=value) for each in audios]
    expected = numpy.stack(padded)[:, 0] if channels == 1 else numpy.stack(padded)
    assert batch.dtype == "float32"
    assert batch.shape == expected.shape
    assert numpy.array_equal(batch.numpy(), expected)
    assert not batch.readonly


def test_channels_that_lie_apart_are_packed() -> None:
    wide = CHANCE.uniform(-1, 1, (2, 100)).astype("float32")
    part = rm.Audio(wide[:, 10:60], 8000)
    assert not part.samples.flags.c_contiguous
    batch, lengths = rm.pad_batch(iter([part, part[:0.001]]))
    assert lengths == [50, 8]
    assert numpy.array_equal(batch.numpy()[0], wide[:, 10:60])
    assert numpy.array_equal(batch.numpy()[1, :, :8], wide[:, 10:18])
    assert not batch.numpy()[1, :, 8:].any()


def test_a_batch_of_nothing_but_silence_without_length_has_no_frames() -> None:
    batch, lengths = rm.pad_batch(sounds(1, 0, 0))
    assert (batch.shape, lengths) == ((2, 0), [0, 0])


@pytest.mark.parametrize(
    ("audios", "given", "kind", "message"),
    [
        ([], {}, rm.InvalidArgumentError, "pad_batch takes one Audio or more, got none"),
        (
            [*sounds(1, 5), None],
            {},
            rm.MarshalError,
            "audios[1] is None, the sound of a file that could not be read, and pad_batch takes Audio",
        ),
        (["a.wav"], {}, rm.MarshalError, "audios[0] is of type str, and pad_batch takes Audio"),
        (
            [*sounds(1, 5), *sounds(1, 5, rate=8000)],
            {},
            rm.InvalidArgumentError,
            "audios[1] has 8000 Hz, and those before it have 16000; read all with the same rate=, or resample it: "
            "audio.resample(16000)",
        ),
        (
            [*sounds(2, 5, 5), *sounds(1, 5)],
            {},
            rm.InvalidArgumentError,
            "audios[2] has 1 channel, and those before it have 2 channels; read all with the same channels=, "
            "or mix each to one: audio.mono()",
        ),
        (
            sounds(1, 5, 9),
            {"length": 8},
            rm.InvalidArgumentError,
            "audios[1] has 9 frames, more than length=8; cut it first, such as audio[:0.0005], or leave length out",
        ),
        (
            sounds(1, 5),
            {"length": 5.5},
            rm.InvalidArgumentError,
            "length must be a whole number from 0 to 1099511627776, got 5.5",
        ),
        (
            sounds(1, 5),
            {"value": "0"},
            rm.InvalidArgumentError,
            "value must be a number that a float32 holds, got '0'",
        ),
        (
            sounds(1, 5),
            {"value": 1e60},
            rm.InvalidArgumentError,
            "value must be a number that a float32 holds, got 1e+60",
        ),
    ],
)
def test_what_is_no_batch_is_refused(audios: list[Any], given: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as refused:
        rm.pad_batch(audios, **given)
    assert str(refused.value) == message


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 352_800])
def test_what_is_cut_as_advised_fits(rate: int) -> None:
    (audio,) = sounds(1, 6_000_000, rate=rate)
    for length in (0, 1, 100_001, 1_234_567, 4_999_999, 5_000_001, 5_999_999):
        with pytest.raises(rm.InvalidArgumentError) as refused:
            rm.pad_batch([audio], length=length)
        cut = re.search(r"audio\[:(.+?)\]", str(refused.value))
        assert cut is not None
        part = audio[: float(cut[1])]
        assert part.frames == length
        assert rm.pad_batch([part], length=length)[1] == [length]


def test_it_is_the_same_without_numpy() -> None:
    program = """
import array, sys
sys.modules["numpy"] = None
import remotemedia as rm
audios = [rm.Audio(array.array("f", values), 8000) for values in ([1, 2, 3], [4], [])]
batch, lengths = rm.pad_batch(audios, value=-0.5)
print(batch, batch.tolist(), lengths)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    expected = "[[1.0, 2.0, 3.0], [4.0, -0.5, -0.5], [-0.5, -0.5, -0.5]] [3, 1, 0]"
    assert done.stdout.strip() == f"Tensor(float32, shape=(3, 3)) {expected}"
