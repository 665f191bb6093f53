"""`speech_segments`, and the speech nodes as a program in Python uses them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia import testing

ROOT = Path(__file__).parents[3]
SPEECH = ROOT / "examples" / "speech.flac"
CLIPS = [SPEECH, *sorted((ROOT / "tests" / "media" / "librivox").glob("*.flac"))]


def times(segments: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(segment["start_s"], segment["end_s"]) for segment in segments]


def test_segments_of_a_file_are_parts_of_it() -> None:
    sound = rm.read(SPEECH)
    segments = rm.speech_segments(SPEECH)
    assert len(segments) >= 1
    for segment in segments:
        assert set(segment) == {"type", "start_s", "end_s", "audio"}
        assert segment["type"] == "segment"
        first, last = round(segment["start_s"] * 16000), round(segment["end_s"] * 16000)
        assert segment["audio"].pts == segment["start_s"]
        assert numpy.array_equal(segment["audio"].samples, sound.samples[:, first:last])


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_every_clip_has_speech(clip: Path) -> None:
    sound = rm.read(clip)
    heard = sum(end - start for start, end in times(rm.speech_segments(sound)))
    # Each is one sentence with little before and after it.
    assert heard > 0.6 * sound.duration


def test_params_are_those_of_the_node() -> None:
    short = rm.speech_segments(SPEECH, max_speech_duration_s=1)
    assert max(end - start for start, end in times(short)) <= 1.0
    assert times(rm.speech_segments(SPEECH, max_speech_duration_s=math.inf)) == times(rm.speech_segments(SPEECH))
    with pytest.raises(rm.InvalidArgumentError, match=r"threshold: .*2"):
        rm.speech_segments(SPEECH, threshold=2.0)


async def test_beside_the_loop_it_is_the_same() -> None:
    expected = rm.speech_segments(SPEECH)
    assert times(await rm.aspeech_segments(SPEECH)) == times(expected)


def test_stereo_at_44100_comes_back_as_it_is() -> None:
    wide = rm.read(SPEECH, rate=44100, channels=2)
    segments = rm.speech_segments(wide)
    expected = times(rm.speech_segments(SPEECH))
    assert len(segments) == len(expected)
    for segment, (start, end) in zip(segments, expected, strict=True):
        audio = segment["audio"]
        assert (audio.rate, audio.layout) == (44100, "stereo")
        assert segment["start_s"] == pytest.approx(start, abs=0.032)
        assert segment["end_s"] == pytest.approx(end, abs=0.032)
        first = round(segment["start_s"] * 44100)
        assert numpy.array_equal(audio.samples, wide.samples[:, first : first + audio.frames])


def test_noise_and_tones_are_no_speech() -> None:
    noise = numpy.random.default_rng(3).normal(0, 0.1, (1, 16000 * 5)).astype("float32")
    seconds = numpy.arange(16000 * 5) / 16000
    chord = sum(numpy.sin(2 * numpy.pi * hertz * seconds) for hertz in (220, 277, 330)) / 6
    for samples in (noise, chord[None].astype("float32")):
        assert rm.speech_segments(rm.Audio(samples, 16000)) == []


def test_probabilities_are_an_array_for_each_packet() -> None:
    pipeline = rm.Pipeline() >> rm.nodes.VAD()
    outputs = pipeline.run_sync([rm.read(SPEECH)])
    probabilities = numpy.concatenate([output["probabilities"] for output in outputs])
    assert probabilities.dtype == numpy.float32
    assert probabilities.shape == (222,)
    assert [output["window_ms"] for output in outputs] == [32] * len(outputs)
    assert outputs[0]["pts"] == 0


def test_whisper_takes_what_the_node_gives() -> None:
    pipeline = rm.Pipeline() >> rm.nodes.MelSpectrogram(preset="whisper", n_mels=128)
    (features,) = pipeline.run_sync([rm.read(SPEECH, rate=44100, channels=2)])
    assert features.dtype == numpy.float32
    assert features.shape == (128, 710)
    # Whisper keeps 8 powers of ten, in quarters.
    assert features.max() - features.min() == pytest.approx(2.0, abs=1e-6)


def test_spectra_are_complex() -> None:
    pipeline = rm.Pipeline() >> rm.nodes.STFT(n_fft=512, whole=True)
    (spectra,) = pipeline.run_sync([rm.read(SPEECH)])
    assert spectra.dtype == numpy.complex64
    assert spectra.shape == (257, 1 + 113600 // 128)


def test_a_start_comes_once_speech_has_lasted_for_start_ms() -> None:
    def events(start_ms: int) -> list[dict[str, Any]]:
        return list(
            (rm.Pipeline() >> rm.Node("SpeechSegments", {"start_ms": start_ms})["events"]).run_sync([testing.speech()])
        )

    (start, end), (confirmed, same_end) = events(0), events(200)
    assert (confirmed["at_s"], same_end) == (start["at_s"], end)
    # Windows of 32 ms from the start of the recording on, of which seven last for 200 ms.
    assert confirmed["detected_s"] - start["detected_s"] == pytest.approx(6 * 0.032)
    assert events(10_000) == []
