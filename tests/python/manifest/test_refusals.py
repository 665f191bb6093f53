"""What the nodes of a speech front end say of wrong input and of wrong params, under their names and their old ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import remotemedia as rm

# A node, and params with which it runs.
AUDIO_NODES: dict[str, dict[str, Any]] = {
    "AudioResample": {"rate": 16000},
    "FastResampleNode": {},
    "SpeechSegments": {},
    "SileroVADNode": {},
    "AudioChunk": {"frames": 512},
    "AudioChunkerNode": {},
    "AudioConcat": {},
    "AudioBufferAccumulatorNode": {},
    "AudioLevel": {},
    "AudioLevelNode": {},
    "SilenceDetector": {},
    "ClippingDetector": {},
    "ChannelBalance": {},
}


def manifest(node_type: str, params: dict[str, Any]) -> dict[str, Any]:
    node = {"id": "n", "node_type": node_type, "params": params}
    return {"version": "v1", "metadata": {"name": "refusals"}, "nodes": [node], "connections": []}


def failure(node_type: str, params: dict[str, Any], value: object) -> str:
    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(manifest(node_type, params), [value])
    return str(caught.value)


@pytest.mark.parametrize("node_type", AUDIO_NODES)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "expected audio, got an int. Send Audio(samples, rate=...)."),
        ("hello", "expected audio, got text. Send Audio(samples, rate=...)."),
        (None, "expected audio, got null. Send Audio(samples, rate=...)."),
        ({"samples": 1}, "expected audio, got a map. Send Audio(samples, rate=...)."),
        ([0.5], "expected audio, got a list. Wrap it: Audio(samples, rate=...)."),
        (np.zeros(9, "float32"), "expected audio, got a tensor. Wrap it: Audio(samples, rate=...)."),
        (np.zeros((48000, 2), "float32"), "expected audio, got a tensor. Wrap it: Audio(samples, rate=...)."),
        (
            b"RIFF",
            "expected audio, got bytes. Put an AudioDecode before this node if they are a file; "
            'wrap samples: Audio.from_pcm(data, "s16", rate=..., channels=...).',
        ),
    ],
    ids=["int", "str", "None", "dict", "list", "array", "transposed", "bytes"],
)
def test_what_is_no_sound(node_type: str, value: object, message: str) -> None:
    assert failure(node_type, AUDIO_NODES[node_type], value) == f"node 'n' ({node_type}), input 0: {message}"


@pytest.mark.parametrize("node_type", AUDIO_NODES)
def test_a_file_that_is_not_decoded(node_type: str) -> None:
    assert failure(node_type, AUDIO_NODES[node_type], rm.File("call.wav")) == (
        f"node 'n' ({node_type}), input 0 'call.wav': expected audio, got a file. "
        "Decode it first: put an AudioDecode before this node."
    )


@pytest.mark.parametrize("node_type", ["TextCollector", "TextCollectorNode"])
@pytest.mark.parametrize(
    ("value", "got"),
    [(5, "an int"), (b"hello", "bytes"), (["hello"], "a list"), (rm.Audio(np.zeros(9, "float32"), 8000), "audio")],
    ids=["int", "bytes", "list", "audio"],
)
def test_what_is_no_text(node_type: str, value: object, got: str) -> None:
    assert failure(node_type, {}, value) == f"node 'n' ({node_type}), input 0: expected text, got {got}. Send text."


@pytest.mark.parametrize(
    ("node_type", "params", "place"),
    [
        ("AudioResample", {"rate": 8000}, ""),
        ("FastResampleNode", {"target_rate": 8000}, ""),
        # These count from the start of the item where the sound does not say when it is.
        ("VAD", {}, " at 00:00:00.050"),
        ("SpeechSegments", {}, " at 00:00:00.050"),
        ("SileroVADNode", {}, " at 00:00:00.050"),
        ("AudioLevel", {}, " at 00:00:00.050"),
        ("SilenceDetector", {}, " at 00:00:00.050"),
        ("ClippingDetector", {}, " at 00:00:00.050"),
        ("ChannelBalance", {}, " at 00:00:00.050"),
    ],
)
def test_samples_that_are_no_numbers(node_type: str, params: dict[str, Any], place: str) -> None:
    samples = np.full(1600, 0.1, "float32")
    samples[800] = np.nan
    assert failure(node_type, params, rm.Audio(samples, 16000)) == (
        f"node 'n' ({node_type}), input 0{place}: the sound has samples that are NaN or infinite. "
        "Replace them before this node."
    )


@pytest.mark.parametrize("node_type", [*AUDIO_NODES, "VAD"])
def test_sound_without_frames_is_no_error(node_type: str) -> None:
    outputs = rm.execute_sync(
        manifest(node_type, AUDIO_NODES.get(node_type, {})), [rm.Audio(np.zeros((1, 0), "float32"), 16000)]
    )
    assert all(isinstance(output, rm.Audio) and output.frames == 0 for output in outputs)


@pytest.mark.parametrize("node_type", [*AUDIO_NODES, "VAD"])
@pytest.mark.parametrize("rate", [8000, 11025, 44101, 192_000])
def test_eight_channels_at_odd_rates(node_type: str, rate: int) -> None:
    sound = rm.Audio(np.zeros((8, rate // 4), "float32"), rate)
    if node_type == "ChannelBalance":
        assert failure(node_type, {}, sound) == (
            "node 'n' (ChannelBalance), input 0: the sound has 8 channels, not two. "
            'Mix it to stereo before this node: AudioMix with "channels": 2.'
        )
    else:
        rm.execute_sync(manifest(node_type, AUDIO_NODES.get(node_type, {})), [sound])


def test_a_rate_that_no_recording_has() -> None:
    assert failure("FastResampleNode", {}, rm.Audio(np.zeros(9, "float32"), 7)) == (
        "node 'n' (FastResampleNode), input 0: the sound has a rate of 7 Hz, outside 1000 to 768000 Hz. "
        "Check the rate that was given with the samples."
    )


@pytest.mark.parametrize(
    ("node_type", "params", "message"),
    [
        (
            "AudioResample",
            {},
            "nodes[0].params: AudioResample needs the param 'rate': an integer from 1000 to 768000; "
            'for example "params": {"rate": 16000}',
        ),
        (
            "AudioResample",
            {"rate": "16000"},
            'rate: expected an integer from 1000 to 768000, got the text "16000"; remove the quotes: 16000',
        ),
        ("AudioResample", {"rate": "7"}, 'rate: expected an integer from 1000 to 768000, got the text "7"'),
        ("AudioResample", {"rate": 16000.5}, "rate: expected an integer from 1000 to 768000, got 16000.5"),
        ("AudioResample", {"rate": 1e9}, "rate: expected an integer from 1000 to 768000, got 1000000000.0"),
        ("AudioResample", {"rate": None}, "rate: expected an integer from 1000 to 768000, got null"),
        (
            "AudioResample",
            {"rate": 16000, "quality": "hihg"},
            'quality: expected "fast", "high" or "best", got the text "hihg"; did you mean "high"?',
        ),
        (
            "AudioResample",
            {"rate": 16000, "qualty": "high"},
            "qualty: AudioResample has no param 'qualty'; did you mean 'quality'?",
        ),
        (
            "FastResampleNode",
            {"target_rate": 0},
            'target_rate: expected an integer from 1000 to 768000 or "auto", got 0',
        ),
        (
            "FastResampleNode",
            {"rate": 8000},
            "rate: FastResampleNode has no param 'rate'; did you mean 'target_rate' or 'source_rate'?",
        ),
        ("VAD", {"rate": "16000"}, 'rate: expected 16000 or 8000, got the text "16000"; remove the quotes: 16000'),
        ("VAD", {"rate": 44100}, "rate: expected 16000 or 8000, got 44100"),
        ("SileroVADNode", {"threshold": 1.5}, "threshold: expected a number from 0.0 to 1.0, got 1.5"),
        ("SileroVADNode", {"threshold": 1e9}, "threshold: expected a number from 0.0 to 1.0, got 1000000000.0"),
        ("SileroVADNode", {"threshold": float("nan")}, "threshold: expected a finite number, got NaN"),
        ("SileroVADNode", {"sampling_rate": 44100}, "sampling_rate: expected 16000 or 8000, got 44100"),
        ("AudioChunkerNode", {"chunk_size": 0}, "chunk_size: expected an integer from 1 to 100000000, got 0"),
        (
            "AudioChunkerNode",
            {"chunksize": 512},
            "chunksize: AudioChunkerNode has no param 'chunksize'; did you mean 'chunk_size'?",
        ),
        (
            "AudioBufferAccumulatorNode",
            {"min_utterance_duration_ms": 5, "max_utterance_duration_ms": 4},
            "min_utterance_duration_ms: expected at most 'max_utterance_duration_ms', which is 4, got 5",
        ),
        (
            "AudioLevelNode",
            {"silence_threshold_db": -1},
            "silence_threshold_db: expected less than low_volume_threshold_db, which is -20, got -1",
        ),
        (
            "SilenceDetectorNode",
            {"dropout_count_threshold": 0},
            "dropout_count_threshold: expected an integer from 1 to 100000, got 0",
        ),
        (
            "ClippingDetectorNode",
            {"saturation_threshold": 2},
            "saturation_threshold: expected a number from 0.01 to 1.0, got 2",
        ),
        (
            "ChannelBalanceNode",
            {"imbalance_threshold_db": "10 dB"},
            'imbalance_threshold_db: expected a number from 0.1 to 120.0, got the text "10 dB"',
        ),
        (
            "TextCollectorNode",
            {"split_pattern": "(a|b)"},
            'split_pattern: expected a class of characters such as [.!?;], got "(a|b)"',
        ),
        (
            "TextCollectorNode",
            {"yield_partial_on_end": "yes"},
            'yield_partial_on_end: expected true or false, got the text "yes"; write true',
        ),
        (
            "TextCollectorNode",
            {"min_sentence_length": -1},
            "min_sentence_length: expected an integer from 1 to 10000, got -1",
        ),
    ],
)
def test_params(node_type: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.Pipeline.load(manifest(node_type, params)).plan()
    assert str(caught.value) == (message if message.startswith("nodes") else f"nodes[0].params.{message}")
