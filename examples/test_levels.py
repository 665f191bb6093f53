"""Tests of a pipeline: of a function in it, of the graph, and of what comes out. `python -m pytest examples`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.nodes import AudioLevel

HERE = Path(__file__).parent
RATE = 16_000


@rm.node
def gain(sound: rm.Audio, *, db: float = 0.0) -> rm.Audio:
    """The function under test."""
    return rm.Audio(sound.samples * np.float32(10 ** (db / 20)), sound.rate, pts=sound.pts)


def tone(amplitude: float, seconds: float = 1.0) -> rm.Audio:
    """A sine of 1 kHz: whole periods, so that its RMS is amplitude / sqrt(2)."""
    time = np.arange(round(RATE * seconds)) / RATE
    return rm.Audio((amplitude * np.sin(2 * np.pi * 1000 * time)).astype("float32"), RATE)


def test_the_function_alone() -> None:
    assert gain.fn(tone(0.25), db=20 * np.log10(2)).samples == pytest.approx(tone(0.5).samples, abs=1e-6)


def test_params_are_checked_before_anything_runs() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> gain(db="loud")).validate()  # type: ignore[call-overload]
    assert [problem.path for problem in caught.value.problems] == ["nodes[0].params.db"]


def test_the_manifest_is_valid() -> None:
    assert rm.Pipeline.load(HERE / "speech.yaml").validate().sinks == ["level"]


@pytest.mark.parametrize("db", [-20.0, 0.0, 6.0])
def test_the_level_of_a_tone_is_what_it_should_be(db: float) -> None:
    (level,) = (rm.Pipeline() >> gain(db=db) >> AudioLevel(window_ms=1000)).run_sync([tone(0.1)])
    # float32 has 24 bits of mantissa: its error is far below 0.001 dB.
    assert level["rms_db"] == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)) + db, abs=0.001)


def test_inputs_do_not_influence_each_other() -> None:
    pipeline, tones = rm.Pipeline() >> AudioLevel(window_ms=100), [tone(0.5, 0.25), tone(0.01, 0.25)]
    assert pipeline.run_sync(tones).by_item == [list(pipeline.run_sync([each])) for each in tones]
