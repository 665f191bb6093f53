"""Makes training data of a folder of recordings: 16 kHz mono, equally loud, cut into speech, with log-mel spectra.

python examples/prepare_dataset.py FOLDER OUT

Each piece of speech becomes OUT/NAME_000.flac and OUT/NAME_000.npy, the spectra that Whisper takes. Needs numpy.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioMix, AudioResample, LoudnessNormalize, MelSpectrogram, SpeechSegments

ENDINGS = {".aac", ".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".opus", ".wav", ".webm"}

SPEECH = (
    rm.Pipeline("speech")
    >> AudioDecode(chunk_ms=1000)
    >> AudioMix(channels=1)
    >> AudioResample(rate=16_000)
    >> LoudnessNormalize(target_lufs=-23, mode="file")
    >> SpeechSegments(min_silence_duration_ms=300)
)
SPECTRA = rm.Pipeline("spectra") >> MelSpectrogram(preset="whisper", n_mels=80)


async def save(path: Path, segments: list[dict[str, object]], out: Path) -> float:
    """Write the sound and the spectra of each segment; returns how many seconds they are."""
    seconds = 0.0
    for number, segment in enumerate(segments):
        sound = segment["audio"]
        assert isinstance(sound, rm.Audio)
        name = out / f"{path.stem}_{number:03}"
        (spectra,) = await SPECTRA.run([sound])
        await rm.awrite(name.with_suffix(".flac"), sound)
        np.save(name.with_suffix(".npy"), spectra)
        seconds += sound.duration
    return seconds


async def prepare(paths: list[Path], out: Path) -> list[str]:
    """Prepare all files, the readable ones also where others fail; returns what failed."""
    failures: list[str] = []
    pieces, seconds, done = 0, 0.0, 0
    async for result in SPEECH.map([rm.File(path) for path in paths], concurrency=4):
        done += 1
        path = Path(result.source.path)
        if result.outputs is None:
            failures.append(f"{path.name}: {result.error}")
        else:
            segments = list(result.outputs)
            seconds += await save(path, segments, out)
            pieces += len(segments)
        print(f"{done}/{len(paths)} {path.name}: {'failed' if result.error else f'{result.seconds:.2f} s'}", flush=True)
    print(f"{pieces} pieces of speech, {seconds:.1f} s, from {len(paths) - len(failures)} of {len(paths)} files")
    return failures


def main(folder: Path, out: Path) -> int:
    """Prepare a folder; returns the exit code: 1 if a file failed."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    out.mkdir(parents=True, exist_ok=True)
    failures = asyncio.run(prepare(paths, out))
    for failure in failures:
        print(failure, file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
