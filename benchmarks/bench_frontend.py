"""B6: the front end of a voice agent, for each frame of 20 ms: stereo s16 at 48 kHz to mono, to 16 kHz, to Silero VAD.

Beside numpy, soxr and onnxruntime called one after the other, once frame upon frame and once with a turn of the event
loop for each, as live frames come; there beside pipecat's own processors too, which need the event loop in any case. A
frame is worked on before the next one comes. The sound is speech below 7 kHz, so that it is the XX"""

from __future__ import annotations

from pathlib import Path

import numpy
import remotemedia

from benchmarks.contest import FOLDER, OURS, Side, compared, contestants, installed, keep, rounds, run, show
from tools.machine import ROOT, Problem

MINE = Side(OURS.name, "ours_frames")
INLINE = Side("soxr + onnxruntime", "inline", "soxr-onnxruntime")
PIPECAT = Side("pipecat", "pipecat_voice", "pipecat")
FRAMES, WINDOWS = 1000, 625
RATE = 48_000
TASKS = {"frontend": f"{FRAMES} frames of 20 ms", "frontend_live": "the same, a turn of the loop for each"}
BARS = {"frontend": {INLINE.name: 0.55}}
DEVIATION, DEVIATION_OF_16_BITS = 1e-3, 5e-2
ROUNDS = 9


def speech(rate: int, seconds: int) -> numpy.ndarray:
    """Speech below 7 kHz over and over, between fades: one channel of float32."""
    clips = [ROOT / "examples" / "speech.flac", *sorted((ROOT / "tests" / "media" / "librivox").glob("*.flac"))]
    sound = numpy.concatenate([remotemedia.read(clip, rate=rate, channels=1).samples[0] for clip in clips])
    sound = numpy.resize(sound, rate * seconds)
    spectrum = numpy.fft.rfft(sound)
    spectrum[7000 * seconds :] = 0
    fade = numpy.minimum(1, numpy.arange(len(sound)) / (0.05 * rate))
    filtered: numpy.ndarray = numpy.fft.irfft(spectrum) * fade * fade[::-1]
    return filtered


def make_input(folder: Path) -> None:
    """The same on both channels, one of them at half the level."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = speech(RATE, FRAMES // 50)
    stereo = numpy.stack([sound, sound / 2], axis=1)
    (folder / "frontend.pcm").write_bytes(numpy.round(stereo * 32767).astype("<i2").tobytes())


def check(
    results: dict[str, numpy.ndarray], shape: tuple[int, ...], reference: str, coarse: tuple[str, ...] = ()
) -> None:
    """Prints what shows that all found the same. Raises `Problem` if they did not."""
    expected = results[reference]
    for name, theirs in results.items():
        if theirs.shape != shape:
            raise Problem(f"{name} gives probabilities of shape {theirs.shape}, expected {shape}.")
        largest = float(numpy.abs(theirs - expected).max())
        most = DEVIATION_OF_16_BITS if name in coarse else DEVIATION
        if largest > most:
            raise Problem(f"{name} differs from {reference} by {largest:.1e}, more than {most:.0e}.")
        share = f"{(theirs > 0.5).mean():.0%} speech"
        print(f"{name}: {theirs.size} probabilities, at most {largest:.1e} from {reference}, {share}", flush=True)


def main() -> None:
    """Print that the probabilities are the same, then the table."""
    folder = FOLDER / "voice"
    make_input(folder)
    present, missing = installed([MINE, INLINE, PIPECAT])
    measured = {}
    for task in TASKS:
        sides = [side for side in present if side is not PIPECAT or task == "frontend_live"]
        with contestants(sides, task, folder) as ready:
            print(f"{task}:")
            check({each.side.name: each.result() for each in ready}, (WINDOWS,), MINE.name, coarse=(PIPECAT.name,))
            measured[task] = rounds(ready, number=ROUNDS)
    show([row for task, label in TASKS.items() for row in compared(label, measured[task], BARS.get(task, {}), MINE)])
    for line in missing:
        print(line)
    keep("frontend", measured)


if __name__ == "__main__":
    run(main)
