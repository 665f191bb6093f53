"""Cuts the pauses out of a recording with a Python function between native nodes, and writes a WAV file.

python examples/own_function.py RECORDING RESULT.wav
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioEncode, AudioMix


@rm.node
def without_pauses(sound: rm.Audio, *, below_db: float = -45.0) -> rm.Audio | None:
    """Drop packets that are quieter than a level. The others follow each other without a gap: they lose their time."""
    power = float(np.mean(np.square(sound.samples)))
    return rm.Audio(sound.samples, sound.rate) if 10 * np.log10(power + 1e-12) >= below_db else None


def main(recording: Path, result: Path) -> None:
    """Write the file and print how much was cut."""
    pipeline = (
        rm.Pipeline("without pauses")
        >> AudioDecode(chunk_ms=50)
        >> AudioMix(channels=1)
        >> without_pauses(below_db=-40)
        >> AudioEncode(format="wav", sample_format="s16", path=str(result))
    )
    print(pipeline)
    pipeline.run_sync([rm.File(recording)])
    before, after = (
        sum(sound.duration for sound in (rm.Pipeline() >> AudioDecode()).run_sync([rm.File(path)]))
        for path in (recording, result)
    )
    print(f"{before:.2f} s, {after:.2f} s without pauses")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
