"""PCM that arrives in pieces: short frames go to a packer without an `Audio` on their way, and are the same bytes."""

from __future__ import annotations

import array
import ctypes
from typing import Any

import numpy
import pytest
import remotemedia as rm
from hypothesis import example, given
from hypothesis import strategies as st
from remotemedia._abi.library import ffi
from remotemedia._codec.call_buffers import CallBuffers
from remotemedia._codec.pcm import FRAME_BYTES, SHORT_BYTES
from remotemedia._media.audio_samples import MAX_CHANNELS

PIECES = st.lists(st.integers(0, 300) | st.sampled_from([SHORT_BYTES - 1, SHORT_BYTES, SHORT_BYTES + 1]), max_size=6)


def documents(value: Any) -> tuple[bytes, list[bytes]]:
    """What a packer makes of a value, and the memory that it lends."""
    used = CallBuffers()
    document = used.pack([value], "value")
    lent = [bytes(ffi.buffer(ffi.cast("char *", address), length)) for address, length, _ in used.table]
    used.forget()
    return document, lent


@given(
    sample_format=st.sampled_from(sorted(FRAME_BYTES)),
    rate=st.sampled_from([1, 127, 128, 8000, 44100, 65535, 65536, 2**31]),
    channels=st.sampled_from([1, 2, 3, 6, 8, 13, 64]),
    pieces=PIECES,
    kind=st.sampled_from([bytes, bytearray, memoryview]),
    frames=st.sampled_from([0, 1, 2**31]),
)
@example(sample_format="s16", rate=48000, channels=1, pieces=[640, 640, 641, 639, 640], kind=bytes, frames=0)
def test_packed_frames_are_those_of_an_audio(
    sample_format: str, rate: int, channels: int, pieces: list[int], kind: Any, frames: int
) -> None:
    packed, plain = (rm.PCM(sample_format, rate, channels).reader() for _ in range(2))
    packed.state = plain.state = b"", frames
    for number, length in enumerate(pieces):
        # Below 1 as float32 too, and no NaN.
        piece = bytes((index * 7 + number) % 60 for index in range(length))
        ours, audio = packed.take_packed(kind(piece)), plain.take(piece)
        assert packed.state == plain.state
        assert (ours is None) == (audio is None)
        if audio is not None:
            assert documents(ours) == documents(audio)


def test_most_of_a_call_needs_no_audio() -> None:
    reader = rm.PCM("s16", 48000, 2).reader()
    frame = bytes(4 * 960)
    kinds = [type(reader.take_packed(frame)).__name__ for _ in range(4)]
    assert kinds == ["Audio", "ExtType", "ExtType", "ExtType"]


def test_the_greatest_number_of_channels_and_samples_that_are_no_numbers() -> None:
    packed, plain = (rm.PCM("f32", 8000, MAX_CHANNELS).reader() for _ in range(2))
    frame = b"\x00\x00\xc0\x7f" * MAX_CHANNELS
    for _ in range(3):
        assert documents(packed.take_packed(frame)) == documents(plain.take(frame))


def test_what_is_no_bytes_is_refused_and_nothing_is_lost() -> None:
    reader = rm.PCM("s16", 48000, 2).reader()
    reader.take_packed(bytes(6))
    state = reader.state
    with pytest.raises(rm.InvalidArgumentError, match="send takes bytes, got str"):
        reader.take_packed("abcd")
    assert reader.state == state == (bytes(2), 1)


SAMPLES = numpy.arange(12, dtype="int16")


@pytest.mark.parametrize(
    ("data", "sample_format", "channels"),
    [
        (SAMPLES, "s16", 2),
        (SAMPLES.view("uint8"), "s16", 2),
        (SAMPLES.reshape(6, 2), "s16", 2),
        (SAMPLES.reshape(2, 6).T, "s16", 2),
        (SAMPLES.reshape(1, 12), "s16", 1),
        (array.array("h", SAMPLES.tolist()), "s16", 2),
        ((ctypes.c_int16 * 12)(*SAMPLES.tolist()), "s16", 2),
        (SAMPLES.astype("int32"), "s32", 3),
        (SAMPLES.astype("float32"), "f32", 1),
    ],
)
def test_an_array_of_samples_is_taken_as_its_bytes(data: Any, sample_format: str, channels: int) -> None:
    expected = rm.Audio.from_pcm(numpy.asarray(data).tobytes(), sample_format, 8000, channels)
    assert rm.Audio.from_pcm(data, sample_format, 8000, channels) == expected
    reader = rm.PCM(sample_format, 8000, channels).reader()
    assert numpy.array_equal(reader.take(data).samples, expected.samples)  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", [(12, 1), (1, 12), (1, 1, 12), (0, 1)])
def test_one_channel_may_be_along_any_axis(shape: tuple[int, ...]) -> None:
    samples = SAMPLES.reshape(-1)[: numpy.prod(shape)]
    audio = rm.Audio.from_pcm(samples.reshape(shape), "s16", 8000, 1)
    assert audio == rm.Audio.from_pcm(samples.tobytes(), "s16", 8000, 1)


@pytest.mark.parametrize(
    ("shape", "channels", "wrong"),
    [((6, 2), 1, "1 channel"), ((2, 6), 1, "1 channel"), ((12, 1), 2, "2 channels"), ((4, 3), 2, "2 channels")],
)
def test_an_array_of_another_number_of_channels_is_refused(shape: tuple[int, int], channels: int, wrong: str) -> None:
    reader = rm.PCM("s16", 8000, channels).reader()
    with pytest.raises(rm.InvalidArgumentError) as caught:
        reader.take_packed(SAMPLES.reshape(shape))
    assert str(caught.value) == (
        f"an array of shape {shape} is not of {wrong}, which is (frames, {channels}); "
        "send one of that shape, or write in PCM how many channels there are"
    )
    assert reader.state == (b"", 0)


@pytest.mark.parametrize(
    ("data", "sample_format", "message"),
    [
        (
            SAMPLES.astype("float32"),
            "s16",
            "elements of float32 are no samples of the format 's16'; convert them, or write 'f32' for these",
        ),
        (SAMPLES.astype("float64"), "f32", "elements of float64 are no samples of the format 'f32'; convert them"),
        (SAMPLES.astype("uint16"), "s16", "elements of uint16 are no samples of the format 's16'; convert them"),
        (SAMPLES.astype(">i2"), "s16", "elements of >h are no samples of the format 's16'; convert them"),
        (SAMPLES > 3, "u8", "elements of bool are no samples of the format 'u8'; convert them"),
        (
            SAMPLES.astype("int32"),
            "s24",
            "elements of int32 are no samples of the format 's24'; convert them, or write 's32' for these",
        ),
        (
            SAMPLES.reshape(2, 6),
            "s16",
            "an array of shape (2, 6) is not interleaved, which is (frames, 2); transpose it: samples.T",
        ),
    ],
)
def test_an_array_of_other_elements_is_refused(data: Any, sample_format: str, message: str) -> None:
    reader = rm.PCM(sample_format, 8000, 2).reader()
    for take in (lambda: rm.Audio.from_pcm(data, sample_format, 8000, 2), lambda: reader.take_packed(data)):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            take()
        assert str(caught.value) == message
    with pytest.raises(rm.InvalidArgumentError):
        reader.take_many([bytes(4 * reader._size), data])
    assert reader.state == (b"", 0)
