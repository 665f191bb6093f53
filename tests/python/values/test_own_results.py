"""Results of this package where one `Audio` is asked for: they are refused with a cure, which is carried out here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._problem.own_results import AUDIO, LOADED, OUTPUTS, PACKET
from remotemedia.nodes import AudioConcat, AudioDecode, AudioGain, AudioLevel, PassThrough

SPEECH = rm.testing.speech()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with speech."""
    path = tmp_path_factory.mktemp("talk") / "talk.flac"
    SPEECH.save(path)
    return path


@pytest.fixture(scope="module")
def chunks(path: Path) -> rm.Outputs:
    """The sound of the file in many chunks."""
    chunks = (rm.Pipeline() >> AudioDecode() >> AudioGain(gain_db=0)).run_sync([rm.File(path)])
    assert len(chunks) == 71
    return chunks


def outputs(path: Path) -> Any:
    return (rm.Pipeline() >> AudioDecode() >> AudioConcat()).run_sync([rm.File(path)])


def sinks(path: Path) -> Any:
    return (rm.Pipeline() >> AudioDecode() >> [AudioLevel(), AudioConcat()]).run_sync([rm.File(path)])


HELD: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "outputs": (outputs, "Outputs", "outputs[0]"),
    "of several sinks": (sinks, "Outputs", "outputs['audioconcat'][0]"),
    "packet": (lambda path: outputs(path).packets[0], "Packet", "packet.value"),
    "loaded": (lambda path: rm.read_many([path])[0], "Loaded", "loaded.audio"),
    "all loaded": (lambda path: rm.read_many([path]), "list", "loaded[0].audio"),
    "segment": (lambda path: rm.speech_segments(path)[0], "dict", 'segment["audio"]'),
    "segments": (rm.speech_segments, "list", 'segments[0]["audio"]'),
    "audios": (lambda path: [rm.read(path)], "list", "audios[0]"),
}
"""What holds one audio: how it is made, the name of its type, and the expression for the audio in it."""

FILE_CALLS = (rm.read, rm.info)


def error_of(call: Callable[[], Any]) -> str:
    """The text of the error that a call raises."""
    with pytest.raises(rm.MarshalError) as caught:
        call()
    return str(caught.value)


def value_of(expression: str, held: Any) -> Any:
    """What an expression gives whose first name stands for `held`."""
    name = re.match(r"\w+", expression)
    assert name is not None
    return eval(expression, {name[0]: held})


@pytest.mark.parametrize("name", HELD)
def test_what_holds_one_audio_is_refused_with_the_expression_for_it(name: str, path: Path, tmp_path: Path) -> None:
    make, kind, expression = HELD[name]
    held = make(path)
    out = tmp_path / "out.wav"
    assert error_of(lambda: rm.write(out, held)) == f"write takes an Audio, not {kind}; write {expression}"
    assert error_of(lambda: rm.Audio(held, 16000)) == (
        f"samples must be a float32 array of shape (channels, frames), got {kind}; write {expression}"
    )
    assert error_of(lambda: rm.pad_batch([held])) == (
        f"audios[0] is of type {kind}, and pad_batch takes Audio; write {expression}"
    )
    audio = value_of(expression, held)
    rm.write(out, audio)
    assert rm.info(out).frames == audio.frames > 0
    assert rm.pad_batch([audio])[1] == [audio.frames]
    if kind == "list":
        return
    begin = "a path, the bytes of a file, a file object or a File"
    assert error_of(lambda: rm.speech_segments(held)) == (
        f"speech_segments takes an Audio, {begin}, not {kind}; write {expression}"
    )
    assert len(rm.speech_segments(audio)) == 1
    for call in FILE_CALLS:
        assert error_of(lambda call=call: call(held)) == (
            f"{call.__name__} takes {begin}, and {expression} is an Audio already"
        )


@pytest.mark.parametrize("engine", ["native", "python"])
def test_values_with_their_place_do_not_cross_and_their_values_do(path: Path, engine: Any) -> None:
    pipeline = rm.Pipeline() >> PassThrough()
    (loaded,) = rm.read_many([path])
    (packet,) = pipeline.run_sync([3]).packets
    for held, kind, expression in ((loaded, "Loaded", "loaded.audio"), (packet, "Packet", "packet.value")):
        assert error_of(lambda held=held: pipeline.run_sync([held], engine=engine)) == (
            f"inputs[0]: a {kind} can't cross; write {expression}"
        )
        value = value_of(expression, held)
        assert pipeline.run_sync([value], engine=engine) == [value]


def test_a_file_that_was_not_read_has_no_audio_to_write(tmp_path: Path) -> None:
    (loaded,) = rm.read_many([__file__])
    assert loaded.error is not None
    for call in (
        lambda: rm.write(tmp_path / "out.wav", loaded),
        lambda: (rm.Pipeline() >> PassThrough()).run_sync([loaded]),
    ):
        assert error_of(call).endswith("; it has no audio, and loaded.error says why")


def test_chunks_of_one_sound_are_concatenated_by_the_cure(chunks: rm.Outputs, path: Path, tmp_path: Path) -> None:
    assert error_of(lambda: rm.write(tmp_path / "out.wav", chunks)) == (
        "write takes an Audio, not Outputs; it holds 71: write one of them, such as outputs[0], or end the pipeline in "
        "AudioConcat() if they are parts of one"
    )
    assert isinstance(chunks[0], rm.Audio)
    pipeline = rm.Pipeline() >> AudioDecode() >> AudioGain(gain_db=0) >> AudioConcat()
    rm.write(tmp_path / "out.wav", pipeline.run_sync([rm.File(path)])[0])
    assert rm.read(tmp_path / "out.wav") == rm.Audio(SPEECH.samples, SPEECH.rate, pts=0.0)


def test_several_packets_are_one_at_a_time(chunks: rm.Outputs, tmp_path: Path) -> None:
    assert error_of(lambda: rm.write(tmp_path / "out.wav", chunks.packets)).endswith(
        "not list; it holds 71: write one of them, such as packets[0].value"
    )


def test_an_audio_in_place_of_samples_keeps_its_rate() -> None:
    assert error_of(lambda: rm.Audio(SPEECH, 8000)) == (
        "samples must be a float32 array of shape (channels, frames), got Audio; it has its rate; audio.resample(rate) "
        "gives it another"
    )
    assert SPEECH.resample(8000).rate == 8000


def test_lists_of_other_things_are_no_results() -> None:
    for value in ([], [0.5], [None], [{}], {}, {"audio": 3}):
        assert "numpy.asarray(samples" in error_of(lambda value=value: rm.Audio(value, 8000))


def test_the_types_are_called_what_they_are_known_by() -> None:
    for kind, name in ((rm.Audio, AUDIO), (rm.Loaded, LOADED), (rm.Outputs, OUTPUTS), (rm.Packet, PACKET)):
        assert f"remotemedia.{name}" == f"{kind.__module__}.{kind.__qualname__}"
