"""What the methods of `Audio` do: short pipelines on one recording, and its picture and player for notebooks."""

from __future__ import annotations

import base64
import io
import math
import os
import sys
import wave
from html import escape
from typing import Any

from .._codec.samples import finite
from .._graph.pipeline import Pipeline
from .._pictures.picture import Picture, axes_of
from .._pictures.waveform import waveform
from ..errors import InvalidArgumentError
from ..media import Audio
from ..nodes import AudioGain, AudioLevel, AudioMix, AudioResample
from .audio_files import write
from .concat import concatenate
from .words import in_words_of

COLUMNS = 720
"""How many spans of time a picture shows at most."""

PLAYER_SECONDS = 120
PLAYER_CHANNELS = 2
"""What the player of a notebook holds at most: its sound is part of the page."""


def resampled(audio: Audio, rate: int, quality: str | None) -> Audio:
    """See `Audio.resample`."""
    return _through(AudioResample(rate=rate, quality=quality), audio, "resample")  # type: ignore[arg-type]


def mixed(audio: Audio, channels: int) -> Audio:
    """See `Audio.mono`."""
    return _through(AudioMix(channels=channels), audio, "mono")


def amplified(audio: Audio, gain_db: float) -> Audio:
    """See `Audio.gain`."""
    return _through(AudioGain(gain_db=gain_db), audio, "gain")


def save(audio: Audio, path: str | os.PathLike[str], sample_format: str | None) -> None:
    """See `Audio.save`."""
    write(path, audio, sample_format=sample_format)


def play(audio: Audio) -> None:
    """See `Audio.play`."""
    if "ipykernel" in sys.modules:
        from IPython.display import HTML, display

        display(HTML(player(audio, autoplay=True)))
        return
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise InvalidArgumentError(
            f"play needs the package sounddevice, which can't be used here ({error}); "
            "install it with `pip install sounddevice`, or write the sound to a file: audio.save('out.wav')"
        ) from error
    # The library takes interleaved bytes without numpy.
    with sounddevice.RawOutputStream(audio.rate, channels=audio.channels, dtype="float32") as stream:
        stream.write(audio.to_pcm("f32"))


def picture(audio: Audio) -> str:
    """The waveform as SVG: peaks and RMS."""
    audio, note = _drawable(audio)
    label = f"waveform of {audio.duration:.3f} s of audio"
    return waveform(_columns(audio), audio.pts or 0.0, audio.duration, label, note)


def plot(audio: Audio, axes: Any) -> Any:
    """See `Audio.plot`."""
    axes = axes_of(axes)
    if axes is None:
        return Picture(picture(audio))
    audio, note = _drawable(audio)
    columns = _columns(audio)
    step = audio.duration / max(len(columns), 1)
    times = [(audio.pts or 0.0) + (index + 0.5) * step for index in range(len(columns))]
    for height, label in ((0, "peak"), (1, "RMS")):
        values = [column[height] for column in columns]
        axes.fill_between(times, [-value for value in values], values, label=label, alpha=0.5 + 0.3 * height)
    axes.set(xlabel="seconds", ylim=(-1, 1), **({"title": note} if note else {}))
    return axes


def player(audio: Audio, *, autoplay: bool = False) -> str:
    """An audio element of HTML that holds the sound, or the beginning of it."""
    part, _ = _drawable(audio[:PLAYER_SECONDS])
    if part.channels > PLAYER_CHANNELS:
        part = mixed(part, 1) if part.layout is None else mixed(part, 2)
    if not part.frames:
        return ""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(part.channels)
        writer.setsampwidth(2)
        writer.setframerate(part.rate)
        writer.writeframes(part.to_pcm("s16"))
    content = base64.b64encode(file.getvalue()).decode()
    start = " autoplay" if autoplay else ""
    cut = f"<p>the first {PLAYER_SECONDS} s</p>" if part.duration < audio.duration else ""
    return f'<audio controls{start} src="data:audio/wav;base64,{content}"></audio>{cut}'


def page(audio: Audio) -> str:
    """What a notebook shows of it."""
    return f"<div>{picture(audio)}{player(audio)}<p>{escape(repr(audio))}</p></div>"


def _drawable(audio: Audio) -> tuple[Audio, str]:
    """The audio with 0 for samples that are NaN or infinite, which no node takes; and a caption for it, or none."""
    drawn, count, first = finite(audio)
    if not count:
        return audio, ""
    begin = (audio.pts or 0.0) + first / audio.rate
    are = "sample is" if count == 1 else "samples are"
    return drawn, f"{count} {are} NaN or infinite and drawn as 0, the first at {begin:.3f} s"


def _columns(audio: Audio) -> list[tuple[float, float]]:
    """Peak and RMS of short spans, as factors of full scale."""
    if not audio.frames:
        return []
    window_ms = min(max(math.ceil(audio.duration * 1000 / COLUMNS), 10), 10_000)
    levels: Any = (Pipeline() >> AudioLevel(window_ms=window_ms)).run_sync([audio])
    return [(_factor(level["peak_db"]), _factor(level["rms_db"])) for level in levels]


def _through(node: Any, audio: Audio, call: str) -> Audio:
    with in_words_of(call):
        outputs = list((Pipeline() >> node).run_sync([audio]))
    return concatenate(outputs, "the audio")


def _factor(decibels: float) -> float:
    return math.pow(10.0, decibels / 20)
