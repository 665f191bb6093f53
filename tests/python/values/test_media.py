"""Audio, File and Tensor: what they take, what they refuse and with which words."""

from __future__ import annotations

import array
import io
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import PASS_TEXT

MONO = array.array("f", [0.0, 0.5])


def test_audio_tells_what_it_is() -> None:
    audio = rm.Audio(np.zeros((2, 24000), "float32"), rate=48000, pts=1.5)
    assert (audio.channels, audio.frames, audio.rate, audio.layout) == (2, 24000, 48000, "stereo")
    assert (audio.duration, audio.pts, audio.pts_ns) == (0.5, 1.5, 1_500_000_000)
    assert repr(audio) == "Audio(stereo, 24000 frames, 48000 Hz, 0.500 s, pts 1.500 s)"


def test_one_dimension_is_mono_and_shares_the_memory() -> None:
    samples = np.arange(5, dtype="float32")
    audio = rm.Audio(samples, rate=8000)
    assert audio.samples.shape == (1, 5)
    assert np.shares_memory(audio.samples, samples)
    assert repr(audio) == "Audio(mono, 5 frames, 8000 Hz, 0.001 s)"


def test_channels_that_are_not_contiguous_are_copied() -> None:
    interleaved = np.arange(6, dtype="float32").reshape(3, 2)
    audio = rm.Audio(interleaved.T, rate=8000)
    assert audio.samples.flags.c_contiguous
    assert audio.samples.tolist() == [[0, 2, 4], [1, 3, 5]]


def test_plain_arrays_need_no_numpy() -> None:
    audio = rm.Audio(array.array("f", [0.0, 0.5]), rate=8000)
    assert isinstance(audio.samples, rm.Tensor)
    assert audio.samples.tolist() == [[0.0, 0.5]]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            np.zeros((48000, 2), "float32"),
            "samples of shape (48000, 2) are 48000 channels of 2 frames; "
            "Audio is (channels, frames): transpose them, samples.T",
        ),
        (
            np.zeros((1, 5), "int16"),
            'samples are int16; Audio holds float32: write samples.astype("float32") / 32768, '
            'or Audio.from_pcm(data, "s16", rate=..., channels=...) for interleaved bytes',
        ),
        (np.zeros(5), 'samples are float64; Audio holds float32: write samples.astype("float32")'),
        (
            np.zeros(5, "uint8"),
            'samples are uint8; Audio holds float32: write Audio.from_pcm(data, "s16", rate=..., channels=...) '
            "for bytes of PCM, or convert them to floats",
        ),
        (np.zeros((2, 2, 2), "float32"), "samples have shape (2, 2, 2); Audio is (channels, frames)"),
        (np.zeros((0, 5), "float32"), "samples of shape (0, 5) have 0 channels, not between 1 and 1024"),
        (
            [0.0, 1.0],
            "samples must be a float32 array of shape (channels, frames), got list; "
            'write numpy.asarray(samples, dtype="float32") or array.array("f", samples)',
        ),
    ],
)
def test_wrong_samples_are_refused_with_the_cure(samples: Any, message: str) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.Audio(samples, rate=48000)
    assert str(caught.value) == message


@pytest.mark.parametrize("rate", [0, -1, 2**32, 44100.5, True, "44100"])
def test_a_wrong_rate_is_refused(rate: Any) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Audio(np.zeros(5, "float32"), rate=rate)
    assert str(caught.value) == f"rate must be a whole number of frames per second from 1 to 4294967295, got {rate!r}"


def test_a_file_is_a_path_or_bytes() -> None:
    assert repr(rm.File(Path("a/b.flac"), mime="audio/flac")) == "File('a/b.flac', mime='audio/flac')"
    assert repr(rm.File(b"abc")) == "File(<3 bytes>)"
    assert rm.File("x") == rm.File(Path("x"))
    opened: Any = io.BytesIO(b"a")
    with pytest.raises(rm.MarshalError, match=r"not from BytesIO; write File\(source.read\(\)\)$"):
        rm.File(opened)
    with pytest.raises(rm.MarshalError, match=r"a File is made from a path or from bytes, not from int$"):
        rm.File(3)  # type: ignore[arg-type]


def test_a_tensor_shares_its_memory_with_numpy() -> None:
    data = bytearray(24)
    tensor = rm.Tensor(data, "int32", (2, 3))
    seen = np.asarray(tensor)
    data[4:8] = (7).to_bytes(4, "little")
    assert seen.tolist() == [[0, 7, 0], [0, 0, 0]] == tensor.tolist()
    assert (tensor.strides, tensor.nbytes, len(tensor)) == ((12, 4), 24, 2)


@pytest.mark.parametrize(
    ("data", "dtype", "shape", "message"),
    [
        (bytes(4), "int32", (2,), "shape (2,) of int32 needs 8 bytes, data has 4"),
        (
            bytes(4),
            "float",
            (1,),
            "dtype 'float' is none of bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, "
            "bfloat16, float32, float64, complex64, complex128",
        ),
    ],
)
def test_a_wrong_tensor_is_refused(data: bytes, dtype: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.Tensor(data, dtype, shape)
    assert str(caught.value) == message


PCM = [
    ("u8", bytes([128, 255, 0]), [0.0, 127 / 128, -1.0]),
    ("s16", b"\x00\x00\xff\x7f\x00\x80", [0.0, 32767 / 32768, -1.0]),
    ("s24", b"\x00\x00\x00\xff\xff\x7f\x00\x00\x80", [0.0, 8388607 / 8388608, -1.0]),
    ("s32", b"\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x80", [0.0, 0.5, -1.0]),
    ("f32", np.array([0.0, 0.25, -1.0], "<f4").tobytes(), [0.0, 0.25, -1.0]),
    ("mulaw", b"\xff\x80\x00", [0.0, 32124 / 32768, -32124 / 32768]),
    ("alaw", b"\xd5\xaa\x2a", [8 / 32768, 32256 / 32768, -32256 / 32768]),
]


@pytest.mark.parametrize(("format", "data", "samples"), PCM, ids=[row[0] for row in PCM])
def test_pcm_becomes_audio_and_pcm_again(format: str, data: bytes, samples: list[float]) -> None:  # noqa: A002
    audio = rm.Audio.from_pcm(data, format, rate=8000, channels=1)
    assert (audio.rate, audio.layout, audio.samples.tolist()) == (8000, "mono", [pytest.approx(samples)])
    assert audio.to_pcm(format) == data


def test_interleaved_frames_become_channels() -> None:
    data = np.arange(20_000, dtype="<i2").tobytes()
    audio = rm.Audio.from_pcm(memoryview(data), "s16", rate=44100, channels=2)
    assert (audio.channels, audio.frames, audio.layout) == (2, 10_000, "stereo")
    assert (audio.samples[1] * 32768).tolist() == list(range(1, 20_000, 2))
    assert audio.to_pcm("s16") == data


def test_samples_beyond_full_scale_saturate() -> None:
    audio = rm.Audio(np.array([1.0, -1.5, 7.0], "float32"), rate=8000)
    assert np.frombuffer(audio.to_pcm("s16"), "<i2").tolist() == [32767, -32768, 32767]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_no_integer_stands_for_what_is_no_number(bad: float) -> None:
    audio = rm.Audio(np.array([[0.0] * 3, [0.0, bad, bad]], "float32"), rate=8000)
    for call in (lambda: audio.numpy("int16"), lambda: audio.to_pcm("s24"), lambda: audio.to_pcm("mulaw")):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            call()
        assert str(caught.value) == (
            "the sound has samples that are NaN or infinite, the first in frame 1; replace them"
        )
    assert np.array_equal(np.frombuffer(audio.to_pcm("f32"), "<f4").reshape(-1, 2).T, audio.samples, equal_nan=True)


@pytest.mark.parametrize(
    ("format", "rate", "channels"), [("s12", 8000, 1), ("s16", 0, 1), ("s16", 8000, 0), ("s16", 8000, 3), (16, 8000, 1)]
)
def test_wrong_pcm_is_refused(format: Any, rate: int, channels: int) -> None:  # noqa: A002
    with pytest.raises(rm.InvalidArgumentError):
        rm.Audio.from_pcm(bytes(4), format, rate, channels)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -float("inf")])
def test_a_rate_that_is_no_number_is_refused(rate: float) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Audio(np.zeros(3, "float32"), rate=rate)  # type: ignore[arg-type]
    assert str(caught.value) == f"rate must be a whole number of frames per second from 1 to 4294967295, got {rate!r}"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rm.PCM("s16", 8000), "channels is missing; write PCM('s16', 8000, 1)"),  # type: ignore[call-overload]
        (
            lambda: rm.PCM(rate=8000, channels=1),  # type: ignore[call-overload]
            "sample_format is missing; it is one of u8, s16, s24, s32, f32, mulaw, alaw",
        ),
        (lambda: rm.PCM("s16", channels=2), "rate is missing; write PCM('s16', 16000, 2)"),  # type: ignore[call-overload]
        (lambda: rm.PCM("mulaw"), "rate is missing; write PCM('mulaw', 16000, 1)"),  # type: ignore[call-overload]
        (
            lambda: rm.Audio.from_pcm(b"", "s16", 8000),  # type: ignore[call-overload]
            "channels is missing; write Audio.from_pcm(data, 's16', 8000, 1)",
        ),
    ],
)
def test_what_is_missing_of_a_pcm_format_is_said(call: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("pts", [float("nan"), float("inf"), 1e11, "soon"])
def test_a_start_that_is_no_time_is_refused(pts: Any) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Audio(np.zeros(3, "float32"), rate=8000, pts=pts)
    assert str(caught.value) == f"pts must be a number of seconds between -9.2e9 and 9.2e9, got {pts!r}"


@pytest.mark.parametrize("seconds", [np.float32(10_000.25), np.float16(2.5), np.array(10_000.25, np.float32)])
def test_a_time_of_few_bits_is_that_time_to_the_nanosecond(seconds: Any) -> None:
    assert rm.Audio(np.zeros(3, "float32"), rate=8000, pts=seconds).pts_ns == int(float(seconds) * 4) * 250_000_000


@pytest.mark.parametrize("shape", [(-1, -1), (-1, 0), 1, "1", (1.0,), (True,), [[1]], None])
def test_a_tensor_has_whole_numbers_as_its_shape(shape: Any) -> None:
    data = b"" if shape == (-1, 0) else b"ab"
    with pytest.raises(rm.MarshalError) as caught:
        rm.Tensor(data, "int16", shape)
    wanted = "shape must be whole numbers of 0 or more, one for each dimension, such as (2, 3), got"
    assert str(caught.value) == f"{wanted} {shape!r}"
    assert rm.Tensor(b"ab", "int16", np.array([1])).shape == rm.Tensor(b"ab", "int16", [np.int64(1)]).shape == (1,)


def test_a_tensor_is_made_of_memory() -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.Tensor([1, 2], "int16", (2,))
    assert str(caught.value) == (
        "the data of a Tensor is memory, such as bytes, not a value of the type list; "
        "numbers in lists are an array of numpy: numpy.asarray(data)"
    )


def test_pcm_takes_integers_of_numpy() -> None:
    audio = rm.Audio.from_pcm(b"\0\0\0\0", "s16", np.int64(8000), np.int32(2))  # type: ignore[arg-type]
    assert (audio.rate, audio.channels, audio.frames) == (8000, 2, 1)


def test_a_format_is_not_cut_at_a_nul() -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Audio.from_pcm(b"ab", "s16\0x", 8000, 1)
    assert (
        str(caught.value)
        == "sample_format must be one of u8, s16, s24, s32, f32, mulaw, alaw, got 's16\\x00x'; did you mean 's16'?"
    )


@pytest.mark.parametrize(
    ("planes", "name", "error", "message"),
    [
        ([np.zeros((2, 4), "uint8")], "bgr24", rm.InvalidArgumentError,
         "format 'bgr24' is none of gray, rgb24, rgba, yuv420p, nv12"),
        ([np.zeros((2, 4), "float32")], "gray", rm.MarshalError,
         "a picture in gray of 4 x 2 has uint8 planes of the shapes (2, 4); got float32 (2, 4)"),
        ([np.zeros((2, 4), "uint8")], "nv12", rm.MarshalError,
         "a picture in nv12 of 4 x 2 has uint8 planes of the shapes (2, 4), (1, 4); got uint8 (2, 4)"),
        ([], "gray", rm.MarshalError, "a picture in gray of 4 x 2 has uint8 planes of the shapes (2, 4); got none"),
        ([b"12345678"], "gray", rm.MarshalError,
         "a picture in gray of 4 x 2 has uint8 planes of the shapes (2, 4); got uint8 (8,)"),
        ([np.zeros((2, 3, 4), "uint8")], "rgb24", rm.MarshalError,
         "a picture in rgb24 of 4 x 2 has uint8 planes of the shapes (2, 12); got uint8 (2, 3, 4)"),
        ([np.ma.masked_array(np.zeros((2, 4), "uint8"), True)], "gray", rm.MarshalError,
         "planes[0]: MaskedArray would lose its mask; write value.filled(number), and pass value.mask beside it if it "
         "matters"),
    ],
)  # fmt: skip
def test_planes_that_are_no_picture_are_refused(planes: Any, name: str, error: Any, message: str) -> None:
    with pytest.raises(error) as caught:
        rm.Video(planes, name, 4, 2)
    assert str(caught.value) == message


def test_a_picture_shows_what_it_is_and_takes_arrays_with_a_dimension_for_colors() -> None:
    video = rm.Video([np.zeros((2, 4, 3), "uint8")], "rgb24", 4, 2, pts=1.5)
    assert (repr(video), video.pts_ns, video.planes[0].shape) == (
        "Video(rgb24, 4 x 2, pts=1.500 s)",
        1_500_000_000,
        (2, 12),
    )


@pytest.mark.parametrize("engine", ["native", "python"])
def test_media_take_numbers_of_numpy_and_memory_of_others(engine: Any) -> None:
    plane = memoryview(bytes(range(8))).cast("B", (2, 4))
    video = rm.Video([plane], "gray", np.int64(4), np.int64(2), pts_ns=np.int64(5))  # type: ignore[arg-type]
    (back,) = rm.execute_sync(PASS_TEXT, [video], engine=engine)
    assert [(type(each), each) for each in (back.width, back.height, back.pts_ns)] == [(int, 4), (int, 2), (int, 5)]
    assert type(back.planes[0]) is np.ndarray
    assert back.planes[0].tolist() == plane.tolist()
    (sound,) = rm.execute_sync(PASS_TEXT, [rm.Audio(array.array("f", [1, 2]), 8000)], engine=engine)
    assert type(sound.samples) is np.ndarray


def test_samples_with_a_mask_are_refused() -> None:
    with pytest.raises(rm.MarshalError, match=r"^samples: MaskedArray would lose its mask; write value\.filled"):
        rm.Audio(np.ma.masked_array(np.ones((1, 3), "float32"), [[0, 1, 0]]), 8000)


def test_a_table_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(rm.LibraryError) as caught:
        rm.Table(0, b"", []).to_pandas()
    assert str(caught.value) == "to_arrow and to_pandas need pyarrow; pip install pyarrow"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rm.Audio(MONO, 8000, layout="stereo"), "layout 'stereo' has 2 channels, the samples have 1"),
        (lambda: rm.Audio(MONO, 8000, layout="5.1(side)"), "layout '5.1(side)' has 6 channels, the samples have 1"),
        (
            lambda: rm.Audio(MONO, 8000, layout=3),  # type: ignore[arg-type]
            "layout must be a name such as 'stereo' or '5.1', or None, got 3",
        ),
        (
            lambda: rm.Audio(MONO, 8000, pts_ns=1.5),  # type: ignore[arg-type]
            "pts_ns must be a whole number of nanoseconds within 64 bits, got 1.5",
        ),
        (
            lambda: rm.Audio(MONO, 8000, pts_ns=2**63),
            "pts_ns must be a whole number of nanoseconds within 64 bits, got 9223372036854775808",
        ),
        (
            lambda: rm.Audio(MONO, 8000, pts="x"),  # type: ignore[arg-type]
            "pts must be a number of seconds between -9.2e9 and 9.2e9, got 'x'",
        ),
        (
            lambda: rm.File("a", mime=3),  # type: ignore[arg-type]
            "mime must be a media type such as 'audio/flac', or None, got 3",
        ),
    ],
)
def test_layout_start_and_mime_are_checked_where_they_are_given(make: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize("layout", ["mono", "front", "1.0"])
def test_layouts_that_fit_or_are_not_known_are_kept(layout: str) -> None:
    assert rm.Audio(MONO, 8000, layout=layout).layout == layout


def test_media_values_are_one_line() -> None:
    values = [
        rm.Audio(np.zeros((3, 4), "float32"), 8000, layout="a\nb", pts=1.5),
        rm.File("a\nb", mime="x/y"),
        rm.File(b"123"),
        rm.Tensor(bytes(24), "float32", (2, 3)),
    ]
    assert list(map(str, values)) == [
        "Audio(3 channels, 4 frames, 8000 Hz, 0.001 s, pts 1.500 s)",
        "File('a\\nb', mime='x/y')",
        "File(<3 bytes>)",
        "Tensor(float32, shape=(2, 3))",
    ]


@pytest.mark.parametrize("value", [rm.Audio(MONO, 8000), rm.File("a.wav"), rm.Tensor(b"ab", "uint8", [2])])
def test_media_values_pickle_by_the_path_that_users_know(value: Any) -> None:
    pickled = pickle.dumps(value, protocol=4)
    assert b"remotemedia.media" in pickled
    assert b"_media" not in pickled.replace(b"remotemedia.media", b"")
    assert type(value).__module__ == "remotemedia.media"


def test_media_values_pickle() -> None:
    audio = pickle.loads(pickle.dumps(rm.Audio(array.array("f", [1, 2]), 8000, pts_ns=5)))
    assert (audio.samples.tolist(), audio.rate, audio.layout, audio.pts_ns) == ([[1.0, 2.0]], 8000, "mono", 5)


@pytest.mark.parametrize("use", [lambda tensor: tensor[0], lambda tensor: 2 * tensor, lambda tensor: tensor / 2, abs])
def test_a_tensor_that_is_taken_for_an_array_says_how_to_get_one(use: Any) -> None:
    with pytest.raises(TypeError) as caught:
        use(rm.Tensor(bytes(8), "float32", (2,)))
    assert str(caught.value) == (
        "a Tensor is memory without arithmetic; install numpy, and results are arrays of numpy, or make one: "
        "numpy.asarray(tensor)"
    )
