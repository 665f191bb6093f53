"""The methods of `Audio` that are pipelines: other rates, channels and levels, files, players and pictures."""

from __future__ import annotations

import base64
import io
import re
import sys
import types
import wave
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.nodes import AudioGain, AudioMix, AudioResample


def _stereo(frames: int = 4800) -> rm.Audio:
    time = np.arange(frames) / 48000
    samples = np.stack([np.sin(2 * np.pi * 440 * time), 0.5 * np.cos(2 * np.pi * 220 * time)])
    return rm.Audio(samples.astype("float32"), 48000, pts=2.0)


@pytest.mark.parametrize(
    ("method", "node"),
    [
        (lambda audio: audio.resample(16000), AudioResample(rate=16000)),
        (lambda audio: audio.resample(44100, quality="best"), AudioResample(rate=44100, quality="best")),
        (lambda audio: audio.mono(), AudioMix(channels=1)),
        (lambda audio: audio.gain(-6.0), AudioGain(gain_db=-6.0)),
    ],
)
def test_a_method_gives_what_its_node_gives(method: Any, node: rm.Node) -> None:
    audio = _stereo(480_000)
    outputs: Any = (rm.Pipeline() >> node).run_sync([audio])
    expected = np.concatenate([np.asarray(part) for part in outputs], axis=1)
    found = method(audio)
    assert (found.rate, found.channels, found.pts_ns) == (outputs[0].rate, outputs[0].channels, audio.pts_ns)
    assert np.array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("method", [lambda a: a.resample(8000), lambda a: a.mono(), lambda a: a.gain(3)])
def test_of_no_frames_there_are_none_in_the_new_form_and_place(method: Any) -> None:
    sound = rm.Audio(np.zeros((6, 4800), "float32"), 48000, layout="5.1", pts=2.0)
    found, like = method(sound[:0]), method(sound)
    assert (found.frames, found.rate, found.layout, found.pts) == (0, like.rate, like.layout, 2.0)


def test_a_param_out_of_range_is_named() -> None:
    with pytest.raises(rm.InvalidArgumentError, match="rate: expected an integer from 1000 to 768000, got 5"):
        _stereo().resample(5)
    with pytest.raises(rm.InvalidArgumentError, match="quality: expected"):
        _stereo().resample(8000, quality="worst")


def test_it_is_saved_as_write_does(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    _stereo().save(path, sample_format="s24")
    assert np.allclose(np.asarray(rm.read(path)), np.asarray(_stereo()), atol=2.0**-22, rtol=0)


async def test_methods_work_where_a_loop_runs() -> None:
    assert _stereo().mono().resample(16000).frames == 1600


def _element(page: str, name: str) -> ElementTree.Element:
    whole = re.search(rf"<{name}.*?</{name}>", page, re.DOTALL)
    assert whole is not None
    return ElementTree.fromstring(whole[0].replace(" controls", ' controls="1"').replace(" autoplay", ' autoplay="1"'))


def test_a_notebook_gets_a_player_and_a_waveform() -> None:
    audio = rm.testing.speech()
    page = audio._repr_html_()
    content = _element(page, "audio").attrib["src"].removeprefix("data:audio/wav;base64,")
    with wave.open(io.BytesIO(base64.b64decode(content))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16000, 1, audio.frames)
        assert file.readframes(audio.frames) == audio.to_pcm("s16")
    drawing = _element(page, "svg")
    assert drawing.attrib["aria-label"] == "waveform of 7.100 s of audio"
    texts = [element.text for element in drawing if element.tag.endswith("text")]
    assert texts == [f"{second} s" for second in range(8)]
    assert "Audio(mono, 113600 frames, 16000 Hz, 7.100 s" in page


def test_the_waveform_has_the_peaks_of_the_sound() -> None:
    samples = np.zeros(8000, "float32")
    samples[4000:] = 0.5
    drawing = _element(rm.Audio(samples, 8000)._repr_html_(), "svg")
    peaks = next(element.attrib["d"] for element in drawing if element.tag.endswith("path"))
    points = [tuple(map(float, point.split())) for point in peaks.strip("MZ").split("L")]
    above = points[: len(points) // 2]
    # The axis is at 60 of 120; half of full scale is 30 from it.
    assert {y for x, y in above if x < 355} == {60.0}
    assert {y for x, y in above if x > 365} == {30.0}


@pytest.mark.parametrize(
    "audio",
    [
        _stereo()[:0],
        rm.Audio(np.zeros((6, 4800), "float32"), 48000, layout="5.1"),
        rm.Audio(np.zeros((7, 4800), "float32"), 48000),
        rm.Audio(np.full((1, 4800), np.inf, "float32"), 48000)[:0],
    ],
)
def test_every_sound_has_a_page(audio: rm.Audio) -> None:
    page = audio._repr_html_()
    assert _element(page, "svg").attrib["role"] == "img"
    if audio.frames:
        content = _element(page, "audio").attrib["src"].partition(",")[2]
        with wave.open(io.BytesIO(base64.b64decode(content))) as file:
            assert file.getnchannels() <= 2


def _texts(drawing: ElementTree.Element) -> list[str | None]:
    return [element.text for element in drawing if element.tag.endswith("text")]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("has_numpy", [True, False])
def test_samples_that_are_not_finite_are_drawn_as_0_and_counted(
    value: float, channels: int, has_numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    samples = np.full((channels, 8000), 0.25, "float32")
    clean = samples.copy()
    for frame in (4000, 6000):
        samples[-1, frame], clean[-1, frame] = value, 0.0
    if not has_numpy:
        monkeypatch.setattr("remotemedia._codec.samples.numpy_if_installed", lambda: None)
    as_given: Any = samples if has_numpy else rm.Tensor(samples.tobytes(), "float32", samples.shape)
    audio = rm.Audio(as_given, 8000, pts=2.0)
    page, expected = audio._repr_html_(), rm.Audio(clean, 8000, pts=2.0)._repr_html_()
    note = "2 samples are NaN or infinite and drawn as 0, the first at 2.500 s"
    for drawing in (_element(page, "svg"), _element(audio.plot().svg, "svg")):
        assert _texts(drawing) == [*_texts(_element(expected, "svg")), note]
    assert re.findall('<path d="([^"]+)', page) == re.findall('<path d="([^"]+)', expected)
    assert _element(page, "audio").attrib == _element(expected, "audio").attrib
    assert np.array_equal(np.asarray(audio), samples, equal_nan=True)
    titles: list[Any] = []
    axes = types.SimpleNamespace(fill_between=lambda *_, **__: None, set=lambda **given: titles.append(given["title"]))
    audio.plot(axes)
    assert titles == [note]


def test_a_single_sample_that_is_not_finite_is_one() -> None:
    samples = np.zeros(8000, "float32")
    samples[-1] = np.nan
    page = rm.Audio(samples, 8000)._repr_html_()
    assert "1 sample is NaN or infinite and drawn as 0, the first at 1.000 s" in page


def test_the_player_of_a_long_recording_holds_its_beginning_and_says_so() -> None:
    page = rm.Audio(np.zeros(8000 * 121, "float32"), 8000)._repr_html_()
    assert "<p>the first 120 s</p>" in page
    content = _element(page, "audio").attrib["src"].partition(",")[2]
    with wave.open(io.BytesIO(base64.b64decode(content))) as file:
        assert file.getnframes() == 8000 * 120


def test_without_matplotlib_a_plot_is_an_svg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    picture = _stereo().plot()
    picture.save(tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.attrib["aria-label"] == "waveform of 0.100 s of audio"
    assert _element(picture._repr_html_(), "svg").attrib == root.attrib


def test_with_axes_it_is_drawn_into_them() -> None:
    drawn: list[tuple[Any, ...]] = []
    axes = types.SimpleNamespace(fill_between=lambda *args, **_: drawn.append(args), set=lambda **_: None)
    assert _stereo().plot(axes) is axes
    times, _, peaks = drawn[0]
    assert times[0] >= 2.0
    assert max(peaks) == pytest.approx(1.0, abs=1e-3)


def test_a_matrix_is_drawn_with_the_first_band_at_the_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    values = np.zeros((4, 6), "float32")
    values[0, 5] = 1.0
    tensor = rm.Tensor(values.tobytes(), "float32", (1, 4, 6))
    content = re.search(r"data:image/png;base64,([^\"]+)", tensor.plot().svg)
    assert content is not None
    rows = _pixels(base64.b64decode(content[1]))
    assert rows == [bytes(6), bytes(6), bytes(6), bytes([0, 0, 0, 0, 0, 255])]


def _pixels(png: bytes) -> list[bytes]:
    """The rows of an image that has an index of a palette for each pixel, and no filters."""
    import struct
    import zlib

    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    raw = zlib.decompress(png[start + 4 : start + 4 + length])
    return [raw[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]


def test_powers_are_drawn_in_decibels() -> None:
    powers = np.full((2, 300), 1e-6, "float32")
    powers[0, 0], powers[1, 1] = 1.0, 1e-4
    content = re.search(r"data:image/png;base64,([^\"]+)", _tensor(powers)._repr_html_())
    assert content is not None
    upper, lower = _pixels(base64.b64decode(content[1]))
    # 0, -40 and -60 dB between the least value, which is dark, and the greatest.
    assert lower[0] == 255
    assert upper[1] == round(20 / 60 * 255)
    assert upper[0] == lower[1] == 0


def _tensor(values: np.ndarray[Any, Any]) -> rm.Tensor:
    return rm.Tensor(values.tobytes(), str(values.dtype), values.shape)


@pytest.mark.parametrize(
    "tensor",
    [
        _tensor(np.zeros(3, "float32")),
        _tensor(np.zeros((2, 0), "float32")),
        _tensor(np.zeros((2, 2), "complex64")),
        _tensor(np.full((2, 2), np.nan, "float32")),
        rm.Tensor(b"\0" * 8, "bfloat16", (2, 2)),
    ],
)
def test_every_tensor_has_a_page(tensor: rm.Tensor) -> None:
    assert f"Tensor({tensor.dtype}, shape=" in tensor._repr_html_()


def test_what_is_no_matrix_has_no_plot() -> None:
    with pytest.raises(ValueError, match=r"a picture takes a matrix, such as a spectrogram \(bands, frames\)"):
        _tensor(np.zeros(3, "float32")).plot()


def test_without_a_device_to_play_on_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with pytest.raises(rm.InvalidArgumentError, match=r"play needs the package sounddevice.*pip install sounddevice"):
        _stereo().play()


def test_it_is_played_by_sounddevice(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[Any] = []

    class Stream:
        def __init__(self, rate: int, *, channels: int, dtype: str) -> None:
            played.append((rate, channels, dtype))

        def __enter__(self) -> Stream:
            return self

        def __exit__(self, *_: object) -> None:
            played.append("closed")

        def write(self, data: bytes) -> None:
            played.append(data)

    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setitem(sys.modules, "sounddevice", types.SimpleNamespace(RawOutputStream=Stream))  # type: ignore[arg-type]
    _stereo().play()
    assert played == [(48000, 2, "float32"), _stereo().to_pcm("f32"), "closed"]
