"""`Audio` as a value: compared, measured, cut by seconds, taken by numpy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from hypothesis import given
from hypothesis import strategies as st


def _ramp(channels: int, frames: int, rate: int = 8000, **place: Any) -> rm.Audio:
    samples = np.arange(channels * frames, dtype="float32").reshape(channels, frames) / 1024
    return rm.Audio(samples, rate, **place)


def test_numpy_sees_the_samples_and_shares_their_memory() -> None:
    audio = _ramp(2, 5)
    array_of = np.asarray(audio)
    assert array_of.shape == (2, 5)
    assert array_of.dtype == np.float32
    assert np.shares_memory(array_of, audio.samples)
    assert not np.shares_memory(np.array(audio), audio.samples)
    doubles = np.asarray(audio, dtype="float64")
    assert doubles.dtype == np.float64
    assert np.array_equal(doubles, audio.samples)
    assert np.mean(audio) == np.mean(audio.samples)


def test_numpy_2_is_told_where_a_copy_can_not_be_avoided() -> None:
    with pytest.raises(ValueError, match="the samples are float32; as float64 they have to be copied"):
        _ramp(1, 3).__array__("float64", copy=False)


def test_equal_sound_is_equal() -> None:
    assert rm.testing.speech() == rm.testing.speech()
    assert _ramp(2, 5) == _ramp(2, 5)
    assert _ramp(2, 0) == _ramp(2, 0)


@pytest.mark.parametrize(
    "other",
    [
        _ramp(2, 5, rate=16000),
        _ramp(2, 5, pts=1.0),
        _ramp(2, 5, layout="2.0"),
        _ramp(1, 10),
        _ramp(5, 2),
        rm.Audio(np.zeros((2, 5), "float32"), 8000),
        "audio",
    ],
)
def test_sound_that_differs_in_anything_is_not_equal(other: object) -> None:
    assert _ramp(2, 5) != other


def test_sound_with_nan_equals_nothing_as_everywhere() -> None:
    audio = rm.Audio(np.array([np.nan], "float32"), 8000)
    assert audio != rm.Audio(np.array([np.nan], "float32"), 8000)


def test_what_can_be_written_to_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(_ramp(1, 1))


def test_its_length_is_in_frames() -> None:
    assert len(_ramp(2, 5)) == 5
    assert not _ramp(2, 0)


def test_a_part_is_cut_by_seconds_and_keeps_its_place_in_time() -> None:
    audio = _ramp(2, 8000, pts=10.0)
    part = audio[0.25:0.5]
    assert (part.frames, part.rate, part.layout, part.pts_ns) == (2000, 8000, "stereo", 10_250_000_000)
    assert np.array_equal(part.samples, audio.samples[:, 2000:4000])
    assert np.shares_memory(part.samples, audio.samples)
    assert audio[-0.25:] == audio[0.75:]
    assert audio[:] == audio
    assert audio[5:9].frames == 0
    assert audio[0.5:0.25].frames == 0
    assert _ramp(1, 8000)[0.5:].pts_ns is None


def test_a_part_begins_and_ends_where_that_of_a_file_does(tmp_path: Path) -> None:
    audio = _ramp(1, 11025 * 3, rate=11025, pts=0.0)
    path = tmp_path / "a.wav"
    rm.write(path, audio, sample_format="f32")
    # The middle between two frames, every second one of which is odd.
    for begin in (0.5, 0.1, 1.5):
        part = audio[begin : begin + 1]
        assert part == rm.read(path, start_s=begin, duration_s=1)
        assert part.frames == 11025
    assert audio[-0.5:] == audio[2.5:]


def test_a_time_of_numpy_is_the_number_that_it_is() -> None:
    audio = rm.Audio(np.zeros((1, 48_000 * 700), "float32"), 48_000)
    for time in (np.float32(600.123), np.float32(500.003), np.float16(10.5), np.float64(1.5)):
        assert audio[time:].frames == audio[float(time) :].frames


@given(
    st.integers(1, 3),
    st.integers(0, 400),
    st.sampled_from([8000, 11025, 44100, 48000]),
    st.one_of(st.none(), st.floats(-1, 1)),
    st.one_of(st.none(), st.floats(-1, 1)),
)
def test_a_cut_is_the_same_with_numpy_and_without(
    channels: int, frames: int, rate: int, begin: float | None, end: float | None
) -> None:
    samples = np.arange(channels * frames, dtype="float32").reshape(channels, frames)
    plain = rm.Audio(rm.Tensor(samples.tobytes(), "float32", (channels, frames)), rate, pts=0.0)
    cut = plain[begin:end]
    assert cut == rm.Audio(samples, rate, pts=0.0)[begin:end]
    assert isinstance(cut.samples, rm.Tensor)


def test_parts_that_meet_are_the_whole() -> None:
    audio = _ramp(2, 1001, rate=44100)
    parts = [audio[:0.01], audio[0.01:0.0117], audio[0.0117:]]
    assert np.array_equal(np.concatenate([part.samples for part in parts], axis=1), audio.samples)


@pytest.mark.parametrize("place", [3, 0.5, "a", (0, 1)])
def test_what_is_no_span_of_seconds_is_refused_with_the_cure(place: Any) -> None:
    with pytest.raises(TypeError, match=r"cut by times in seconds, such as audio\[0.5:2.0\], not by"):
        _ramp(1, 8)[place]


@pytest.mark.parametrize("span", [slice("a", None), slice(None, float("nan")), slice(float("inf"), None)])
def test_a_bound_that_is_no_time_is_refused(span: slice) -> None:
    with pytest.raises(TypeError, match="cut by times in seconds"):
        _ramp(1, 8)[span]


def test_a_step_is_refused_with_the_cure() -> None:
    with pytest.raises(TypeError, match=r"without a step; audio.resample\(rate\) changes the rate"):
        _ramp(1, 8)[::2]


def test_it_is_no_sequence_of_frames() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(_ramp(1, 8))  # type: ignore[call-overload]


def test_all_of_it_works_without_numpy() -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "import array, remotemedia as rm\n"
        "one = rm.Audio(array.array('f', [0, .5, 1, 0]), 4)\n"
        "assert one == rm.Audio(array.array('f', [0, .5, 1, 0]), 4) != rm.Audio(array.array('f', [0, .5, 1, 1]), 4)\n"
        "assert one[0.25:0.75] == rm.Audio(array.array('f', [.5, 1]), 4) and len(one) == 4\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
