"""What shards are made of, in the words of the tools that read them: WebDataset, Lhotse Shar, NeMo.

- WebDataset: a tar with `KEY.flac` and `KEY.json` of each sample.
- Lhotse Shar: `recording.000000.tar` with audio and `Recording` of each cut, `cuts.000000.jsonl.gz` with the cuts.
- NeMo: `audio_0.tar`, `sharded_manifests/manifest_0.json` with a line for each sample, and `tarred_audio_manifest.json`
  with the lines of all.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from ...errors import InvalidArgumentError
from .audio_header import AudioHeader

NUMBER = re.compile(r"\{shard(?::0(\d)d)?\}")


class Sample(NamedTuple):
    """One sample: its key, the file of its audio, what is known of it, and its text, if something wrote one."""

    key: str
    path: str
    header: AudioHeader
    facts: Mapping[str, Any]
    text: str | None

    @property
    def name(self) -> str:
        """The name of the audio in the tar."""
        return self.key + os.path.splitext(self.path)[1]


class ShardFormat(Protocol):
    """How a tool wants its shards. `folder` is where they are."""

    folder: str

    def tar(self, number: int) -> str:
        """The path of a tar."""

    def numbers(self) -> list[int]:
        """The shards whose tars are there, in order."""

    def table(self, number: int) -> str | None:
        """The path of what lists the samples of a tar, if the tool has such a file; `.gz` is compressed."""

    def beside(self, sample: Sample) -> Mapping[str, Any] | None:
        """What `KEY.json` has behind the audio in the tar."""

    def line(self, sample: Sample, number: int) -> Mapping[str, Any]:
        """The line of a sample in the table."""

    def whole_table(self) -> str | None:
        """The path of a file with the lines of all tables."""


class _Tars:
    """Tars in one folder, called by a template with `{shard}`."""

    def __init__(self, folder: str, name: str) -> None:
        self.folder, self._name = folder, name

    def tar(self, number: int) -> str:
        """The path of a tar."""
        return os.path.join(self.folder, NUMBER.sub(lambda found: f"{number:0{found[1] or 1}d}", self._name))

    def numbers(self) -> list[int]:
        """The shards whose tars are there, in order."""
        before, _, after = NUMBER.split(self._name)
        name = re.compile(rf"{re.escape(before)}([0-9]+){re.escape(after)}")
        with contextlib.suppress(FileNotFoundError):
            found = [(each, name.fullmatch(each)) for each in os.listdir(self.folder or ".")]
            numbers = [(int(match[1]), os.path.join(self.folder, each)) for each, match in found if match is not None]
            return sorted(number for number, path in numbers if self.tar(number) == path)
        return []


class WebDataset(_Tars):
    """A tar for each shard, called by a template or by its number."""

    def __init__(self, option: str, output: str) -> None:
        folder, name = os.path.split(output)
        if not os.path.splitext(name)[1]:
            folder, name = output, "{shard:06d}.tar"
        if not name.endswith(".tar") or len(NUMBER.findall(name)) != 1 or NUMBER.search(folder) or "{" in folder:
            raise InvalidArgumentError(
                f"{option}: shards of WebDataset have names such as 'shards/{{shard:06d}}.tar'; write that, or a folder"
            )
        super().__init__(folder, name)

    def table(self, number: int) -> None:
        """There is none."""

    def beside(self, sample: Sample) -> Mapping[str, Any]:
        """What is known of the sample."""
        text = {} if sample.text is None else {"text": sample.text}
        return {**sample.facts, **text}

    def line(self, sample: Sample, number: int) -> Mapping[str, Any]:
        """There is no table."""
        return {}

    def whole_table(self) -> None:
        """There is none."""


class Shar(_Tars):
    """Tars and cuts as `CutSet.from_shar(in_dir=...)` finds them."""

    def __init__(self, option: str, output: str) -> None:
        super().__init__(_folder(option, output, "Shar"), "recording.{shard:06d}.tar")

    def table(self, number: int) -> str:
        """The path of the cuts."""
        return os.path.join(self.folder, f"cuts.{number:06d}.jsonl.gz")

    def beside(self, sample: Sample) -> Mapping[str, Any]:
        """The `Recording`, whose audio is what is before it."""
        rate, channels, frames = sample.header
        return {
            "id": sample.key,
            "sources": [{"type": "shar", "channels": list(range(channels)), "source": ""}],
            "sampling_rate": rate,
            "num_samples": frames,
            "duration": sample.header.duration,
            "channel_ids": list(range(channels)),
        }

    def line(self, sample: Sample, number: int) -> Mapping[str, Any]:
        """The cut, which is all of its recording. A text is its one supervision."""
        channels = sample.header.channels
        channel: Any = 0 if channels == 1 else list(range(channels))
        span = {"start": 0, "duration": sample.header.duration, "channel": channel}
        spoken = {"id": sample.key, "recording_id": sample.key, **span, "text": sample.text}
        return {
            "id": sample.key,
            **span,
            "supervisions": [] if sample.text is None else [spoken],
            "recording": self.beside(sample),
            # A custom field that is called like one of the cut could not be read.
            "custom": {key: value for key, value in sample.facts.items() if key not in ("duration", "channels")},
            "type": "MonoCut" if channels == 1 else "MultiCut",
        }

    def whole_table(self) -> None:
        """There is none."""


class NeMo(_Tars):
    """Tars and manifests as NeMo's `convert_to_tarred_audio_dataset.py` lays them out."""

    def __init__(self, option: str, output: str) -> None:
        super().__init__(_folder(option, output, "NeMo"), "audio_{shard}.tar")

    def table(self, number: int) -> str:
        """The path of the manifest of one tar."""
        return os.path.join(self.folder, "sharded_manifests", f"manifest_{number}.json")

    def beside(self, sample: Sample) -> None:
        """NeMo takes no other files in a tar."""

    def line(self, sample: Sample, number: int) -> Mapping[str, Any]:
        """The line of the manifest."""
        text = {} if sample.text is None else {"text": sample.text}
        head = {"audio_filepath": sample.name, "duration": sample.header.duration, **text, "shard_id": number}
        return head | {key: value for key, value in sample.facts.items() if key not in head}

    def whole_table(self) -> str:
        """The path of the manifest of all tars."""
        return os.path.join(self.folder, "tarred_audio_manifest.json")


FORMATS: dict[str, Callable[[str, str], ShardFormat]] = {"webdataset": WebDataset, "shar": Shar, "nemo": NeMo}


def _folder(option: str, output: str, tool: str) -> str:
    if os.path.splitext(output)[1] or "{" in output:
        raise InvalidArgumentError(f"{option}: {tool} chooses the names of its files itself; write a folder")
    return output
