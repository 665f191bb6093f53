"""From probabilities of speech to segments, by the rule of silero-vad's `get_speech_timestamps` with its defaults."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

WINDOW = 512
MIN_SPEECH, MIN_SILENCE, PAD = 4000, 1600, 480
"""In samples at 16 kHz: 250, 100 and 30 ms."""
START, STOP = 0.5, 0.35


def segments_of(probabilities: Sequence[float], length: int) -> list[tuple[int, int]]:
    """The first and last sample of each segment of a sound of so many samples."""
    found: list[list[int]] = []
    begin: int | None = None
    quiet = 0
    for index, probability in enumerate(probabilities):
        at = index * WINDOW
        if probability >= START:
            quiet = 0
            begin = at if begin is None else begin
        elif probability < STOP and begin is not None:
            quiet = quiet or at
            if at - quiet >= MIN_SILENCE:
                if quiet - begin > MIN_SPEECH:
                    found.append([begin, quiet])
                begin, quiet = None, 0
    if begin is not None and length - begin > MIN_SPEECH:
        found.append([begin, length])
    for before, after in itertools.pairwise(found):
        pad = min(PAD, (after[0] - before[1]) // 2)
        before[1], after[0] = before[1] + pad, after[0] - pad
    if found:
        found[0][0], found[-1][1] = max(0, found[0][0] - PAD), min(length, found[-1][1] + PAD)
    return [(first, last) for first, last in found]
