"""PCM that arrives in pieces: short frames go to a packer without an `Audio` on their way, and are the same bytes."""

from __future__ import annotations

from typing import Any

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
