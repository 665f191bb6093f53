"""What a plan tells of sound and tensors before anything runs: their rate, and their sizes but for that of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._manifest.catalog import node_types, type_name
from .plan import Plan


class Form(NamedTuple):
    """What is known of a sound or a tensor; None for what is up to the file.

    `rate` is that of sound, `channels` also those of the sound that a tensor is made of; `bands` are a tensor's rows.
    """

    rate: int | None = None
    channels: int | None = None
    bands: int | None = None
    dtype: str = "float32"
    is_sound: bool = False

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The sizes before the last axis, which is time; one channel has no axis. None if they are not known."""
        if self.channels is None or not (self.is_sound or self.bands):
            return None
        channels = () if self.channels == 1 else (self.channels,)
        return (*channels, self.bands) if self.bands else channels


UNKNOWN = Form()

KEEPING = frozenset(
    (
        *("PassThrough", "AudioGain", "AudioChunk", "AudioConcat", "AudioPad", "AudioTrim", "AudioFilter"),
        *("LoudnessNormalize", "SpeedPerturb", "AddNoise", "RandomCrop", "TimeFrequencyMask"),
    )
)
"""The nodes whose output has the form of their input."""

BANDS = {
    "MelSpectrogram": ("n_mels", "preset", {"librosa": 128, "whisper": 80, "kaldi": 80}),
    "MFCC": ("n_mfcc", "convention", {"librosa": 20, "kaldi": 13}),
}
"""The param for the rows of a tensor, and the one that says how many there are without it."""


def forms_of(plan: Plan) -> dict[str, Form]:
    """The form of each output of a plan. What Python functions give is not known."""
    forms = _Forms(plan)
    return {output["name"]: forms.of_end(output["from"]) for output in plan.outputs}


class _Forms:
    """What comes out of the nodes of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.nodes: dict[str, dict[str, Any]] = {node["id"]: node for node in plan.nodes}
        self.links = [link for link in plan.connections if link["kind"] != "feedback"]

    def of_end(self, end: str) -> Form:
        """What comes out of an end, `node.port`."""
        name = end if end in self.nodes else end.rpartition(".")[0]
        node = self.nodes[name]
        if node["runner"] == "host":
            return UNKNOWN
        described = node_types()[type_name(node["node_type"])]
        # The params of an old name are others.
        node_type, params = described["name"], node["params"]
        sources = [link["from"] for link in self.links if link["to"].rpartition(".")[0] == name]
        return _made_by(node_type, params, _common(map(self.of_end, sources)))


def _made_by(node_type: str, params: Mapping[str, Any], given: Form) -> Form:
    """What a node of this type makes of its input."""
    if node_type in KEEPING:
        return given
    if node_type == "AudioDecode":
        raw = params.get("raw")
        return Form(raw["rate"], raw.get("channels", 1), is_sound=True) if raw else Form(is_sound=True)
    if node_type == "AudioMix":
        return given._replace(channels=params.get("channels"))
    if node_type == "AudioResample":
        return given._replace(rate=params.get("rate"))
    if node_type in ("AudioSum", "AudioCrossfade"):
        rate, channels = params.get("rate") or given.rate, params.get("channels") or given.channels
        return Form(rate, channels, is_sound=True)
    if node_type == "AudioConvolve":
        # Mono sound gets the channels of the response.
        taps = params.get("taps")
        response = None if given.channels == 1 and not taps else given.channels
        return given._replace(channels=response and max(response, len(taps or ())))
    if node_type == "STFT":
        dtype = "complex64" if params.get("value", "complex") == "complex" else "float32"
        return Form(None, given.channels, params.get("n_fft", 2048) // 2 + 1, dtype)
    if node_type in BANDS:
        param, kind, usual = BANDS[node_type]
        return Form(None, given.channels, params.get(param) or usual[params.get(kind) or "librosa"])
    return UNKNOWN


def _common(forms: Iterable[Form]) -> Form:
    """The form that they all have."""
    found = set(forms)
    return found.pop() if len(found) == 1 else UNKNOWN
