"""The fields of the maps that built-in nodes emit, by type and port, for the schema of a pipeline's results.

The pages of the nodes say what they mean. A port that emits maps and is not here has no schema of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._results.arrow_types import Shape

HEALTH: dict[str, Shape] = {"health": "str", "faults": ("str",)}

CHANGES: dict[str, Shape] = {
    "type": "str",
    "fault": "str",
    "start_s": "float",
    "end_s": "float",
    "worst": "float",
    "measure": "str",
}
"""What a monitor emits with `changes_only`."""

FIELDS: dict[tuple[str, str], dict[str, Shape]] = {
    ("AudioDecode", "info"): {
        "container": "str",
        "codec": "str",
        "rate": "int",
        "channels": "int",
        "duration_s": "float",
        "tags": "texts",
    },
    ("AudioLevel", "out"): {
        "rms_db": "float",
        "peak_db": "float",
        "is_low_volume": "bool",
        "is_silence": "bool",
        **HEALTH,
    },
    ("SilenceDetector", "out"): {
        "is_silence": "bool",
        "is_silent": "bool",
        "silence_duration_ms": "float",
        "is_sustained_silence": "bool",
        "dropout_count": "int",
        "has_intermittent_dropouts": "bool",
        "dropouts": ({"pts": "int", "duration": "int"},),
        "is_gated": "bool",
        **HEALTH,
    },
    ("ClippingDetector", "out"): {
        "peak": "float",
        "saturation_ratio": "float",
        "crest_factor_db": "float",
        "is_clipping": "bool",
        **HEALTH,
    },
    ("ChannelBalance", "out"): {
        "left_rms_db": "float",
        "right_rms_db": "float",
        "imbalance_db": "float",
        "is_imbalanced": "bool",
        "has_dead_channel": "bool",
        "dead_channel": "str",
        **HEALTH,
    },
    ("Loudness", "out"): {
        "momentary_lufs": "float",
        "short_term_lufs": "float",
        "integrated_lufs": "float",
        "max_momentary_lufs": "float",
        "max_short_term_lufs": "float",
        "loudness_range_lu": "float",
        "true_peak_dbtp": "float",
        "sample_peak_dbfs": "float",
    },
    ("VAD", "out"): {"probabilities": "tensor", "window_ms": "int", "pts": "int"},
    ("SpeechSegments", "segments"): {"type": "str", "start_s": "float", "end_s": "float", "audio": "audio"},
    ("SpeechRatio", "out"): {"speech_ratio": "float", "speech_s": "float", "duration_s": "float"},
    ("SNREstimate", "out"): {"snr_db": "float", "noise_db": "float", "duration_s": "float"},
    ("Bandwidth", "out"): {"bandwidth_hz": "float", "nyquist_hz": "float", "duration_s": "float"},
    ("SpeechSegments", "events"): {"type": "str", "at_s": "float", "detected_s": "float"},
}


def fields_of(node_type: str, port: str, params: Mapping[str, Any]) -> dict[str, Shape] | None:
    """The fields of the maps that a port of a node with these params emits; None if they are not known."""
    if params.get("changes_only") is True:
        return CHANGES
    return FIELDS.get((node_type, port))
