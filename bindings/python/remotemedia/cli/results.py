"""Where results go: `-o` as a name for each input and each sink, checked before anything runs, and files in one piece.

Sound is encoded by the runtime: a sink whose file is .wav or .flac gets an `AudioEncode` behind it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from .._codec.documents import to_json
from .._graph.pipeline import Pipeline
from .._graph.plan import Plan
from .._manifest.catalog import node_types, type_name
from .._problem.outside_text import printable_json
from .._results.outputs import Outputs, Packet
from ..errors import InvalidArgumentError
from ..media import Audio, File
from .parser import meant
from .whole_file import write_whole

FIELDS = ("stem", "name", "parent", "index", "sink", "n")
FIELD = re.compile(r"\{(\w*)\}")
SOUND = (".wav", ".flac")
JSON = (".jsonl", ".json")
FILES = frozenset(("bytes", "file"))
ENDINGS = {"audio/wav": ".wav", "audio/flac": ".flac", "audio/mpeg": ".mp3", "audio/ogg": ".ogg", "video/mp4": ".mp4"}

Results = Outputs | Mapping[str, Outputs]


class Destinations:
    """The files of `-o`.

    `shared` is the file that holds the JSON of all inputs, or None. Raises `InvalidArgumentError` for a name with
    unknown fields, for one that the results don't suit, for two inputs or sinks that share a file, for a file that
    would replace an input, and for one outside the folder that the fixed part of the name tells.
    """

    def __init__(self, output: str, plan: Plan, inputs: Sequence[str | None], manifest: str) -> None:
        self.option = f"-o {output}"
        self.plan = plan
        self.kept = {os.path.realpath(manifest): "the manifest"}
        self.kept.update((os.path.realpath(each), "an input") for each in inputs if each is not None)
        _, self.ending = os.path.splitext(output.lower())
        self.is_folder = os.path.isdir(output) or output.endswith("/") or not (self.ending or FIELD.search(output))
        self.pattern = output
        if self.is_folder:
            self.ending = ""
            self.pattern = os.path.join(output, "{stem}" if len(plan.sinks) == 1 else "{stem}.{sink}")
        self.fields = set(FIELD.findall(self.pattern))
        # What stands before the first field; no name may leave it.
        self.folder = os.path.abspath(os.path.dirname(self.pattern.partition("{")[0]))
        self.shared = self.pattern if self.ending in JSON and not self.fields else None
        self.written: set[str] = set()
        self.nodes = {node["id"]: node for node in plan.nodes}
        self.encoders = {
            self._unused(f"{sink}_file"): sink for sink in plan.sinks if self._sound_ending(sink) is not None
        }
        self._check_fields()
        self._check_kinds()
        self._check_names(inputs)

    def manifest(self, pipeline: Pipeline, name: str | None, index: int) -> dict[str, Any]:
        """The manifest for the input with this name and index, with encoders behind sinks of sound."""
        manifest = pipeline.manifest()
        for encoder, sink in self.encoders.items():
            params = {"path": self._sound_path(name, index, sink)}
            manifest["nodes"].append({"id": encoder, "node_type": "AudioEncode", "params": params})
            manifest.setdefault("connections", []).append({"from": sink, "to": encoder})
        return manifest

    def make_folders(self, name: str | None, index: int) -> None:
        """Makes the folders that the files of an input need."""
        for sink in self.plan.sinks:
            os.makedirs(os.path.dirname(self.path(name, index, sink)) or ".", exist_ok=True)

    def path(self, name: str | None, index: int, sink: str, number: int = 1) -> str:
        """The file for an input and a sink, in a folder without its ending.

        Raises `InvalidArgumentError` if it lies outside the folder.
        """
        source = name or self.plan.name
        base = os.path.basename(source)
        values = {
            "stem": os.path.splitext(base)[0],
            "name": base,
            "parent": os.path.basename(os.path.dirname(os.path.abspath(source))),
            "index": str(index + 1),
            "sink": sink,
            "n": str(number),
        }
        path = FIELD.sub(lambda found: values[found[1]], self.pattern)
        whole_path = os.path.abspath(path)
        if not whole_path.startswith(os.path.join(self.folder, "")):
            raise InvalidArgumentError(f"{self.option}: {path!r}, for {source!r}, is not below {self.folder!r}")
        return path

    def write(self, results: Results, name: str | None, index: int) -> None:
        """Writes the results of one input into files of its own. Sound has been written by its encoder."""
        encoded = {sink: encoder for encoder, sink in self.encoders.items()}
        for sink, outputs in by_sink(results, [encoded.get(sink, sink) for sink in self.plan.sinks]):
            if sink in self.encoders:
                continue
            packets = outputs.packets
            if self.ending in JSON:
                self._write(self.path(name, index, sink), _document(packets, name, self.ending))
            elif packets and all(isinstance(packet.value, (File, bytes)) for packet in packets):
                self._write_files([packet.value for packet in packets], name, index, sink)
            elif any(isinstance(packet.value, Audio) for packet in packets):
                raise InvalidArgumentError(
                    f"{self.option}: node {sink!r} gave sound; name its files, as in -o '{self.pattern}.wav'"
                )
            elif self.is_folder:
                self._write(f"{self.path(name, index, sink)}.jsonl", _document(packets, name, ".jsonl"))
            else:
                raise InvalidArgumentError(
                    f"{self.option}: node {sink!r} gave values that are no files; end the name in .jsonl"
                )

    def _write_files(self, values: Sequence[Any], name: str | None, index: int, sink: str) -> None:
        for number, value in enumerate(values, 1):
            path = self.path(name, index, sink, number)
            if self.is_folder:
                path += (f"-{number}" if len(values) > 1 else "") + self._ending_of(value, sink)
            data = value.data if isinstance(value, File) else value
            if data is None:
                with open(value.path, "rb") as file:
                    data = file.read()
            self._write(path, data)

    def _write(self, path: str, data: Any) -> None:
        place = os.path.realpath(path)
        if place in self.written:
            hint = "put {n}, the number of the value, into the name" if not self.is_folder else "rename an input"
            raise InvalidArgumentError(f"{self.option}: {path!r} is there from this run already; {hint}")
        self._keep_input(path)
        self.written.add(place)
        write_whole(path, data)

    def _check_fields(self) -> None:
        for field in sorted(self.fields - set(FIELDS)):
            near = meant(field, FIELDS)
            known = ", ".join(f"{{{each}}}" for each in FIELDS)
            hint = f"the fields are {known}" if near is None else f"did you mean {{{near}}}?"
            raise InvalidArgumentError(f"{self.option}: there is no field {{{field}}}; {hint}")

    def _check_kinds(self) -> None:
        if self.ending not in SOUND:
            return
        for sink in self.plan.sinks:
            kinds, made = self._kinds(sink), self._format(sink)
            if not kinds & {"audio", *FILES}:
                raise InvalidArgumentError(
                    f"{self.option}: node {sink!r} gives {' or '.join(sorted(kinds))}, no sound; end the name in .jsonl"
                )
            if made not in (None, self.ending):
                raise InvalidArgumentError(f"{self.option}: node {sink!r} makes {made} files; end the name in {made}")

    def _check_names(self, inputs: Sequence[str | None]) -> None:
        """Finds files that would be written twice, and inputs that would be replaced."""
        if self.shared is not None:
            self._keep_input(self.shared)
            return
        owners: dict[str, tuple[str | None, str]] = {}
        for index, name in enumerate(inputs):
            for sink in self.plan.sinks:
                path = self.path(name, index, sink)
                self._keep_input(self._sound_path(name, index, sink) if sink in self.encoders.values() else path)
                owner = owners.setdefault(os.path.abspath(path), (name, sink))
                if owner == (name, sink):
                    continue
                if owner[0] == name:
                    both, field = f"nodes {owner[1]!r} and {sink!r}", "{sink}"
                else:
                    both = f"{owner[0]!r} and {name!r}"
                    field = "{parent} or {index}" if self.fields & {"stem", "name"} else "{stem}"
                raise InvalidArgumentError(
                    f"{self.option}: {both} would both become {path!r}; put {field} into the name"
                )

    def _keep_input(self, path: str) -> None:
        what = self.kept.get(os.path.realpath(path))
        if what is not None and os.path.isfile(path):
            raise InvalidArgumentError(f"{self.option}: {path!r} is {what} and would be replaced; choose another name")

    def _sound_ending(self, sink: str) -> str | None:
        """The ending of the sound file that a sink's results become; None if they are no sound, or files already."""
        kinds = self._kinds(sink)
        if self.is_folder:
            return ".wav" if kinds == {"audio"} else None
        return self.ending if self.ending in SOUND and "audio" in kinds else None

    def _sound_path(self, name: str | None, index: int, sink: str) -> str:
        return self.path(name, index, sink) + (".wav" if self.is_folder else "")

    def _kinds(self, sink: str) -> frozenset[str]:
        """The kinds of values that a sink may give: those of its first output."""
        described = node_types().get(type_name(self.nodes[sink]["node_type"]))
        if described is None:
            # A Python function.
            return frozenset(("audio", "map", *FILES))
        return frozenset(kind for port in described["outputs"][:1] for kind in port["kinds"])

    def _format(self, sink: str) -> str | None:
        """The ending of the files that a sink makes, if its params tell."""
        params = self.nodes[sink]["params"]
        if not self._kinds(sink) <= FILES:
            return None
        made = params.get("format") or os.path.splitext(str(params.get("path", "")))[1].lower().removeprefix(".")
        return f".{made}" if made else None

    def _ending_of(self, value: Any, sink: str) -> str:
        by_name = os.path.splitext(value.path or "")[1] if isinstance(value, File) else ""
        by_type = ENDINGS.get(value.mime or "", "") if isinstance(value, File) else ""
        return by_name or by_type or self._format(sink) or ".bin"

    def _unused(self, name: str) -> str:
        while name in self.nodes:
            name += "_"
        return name


def by_sink(results: Results, sinks: Sequence[str]) -> Iterator[tuple[str, Outputs]]:
    """The outputs of each sink, with its name. `sinks` are those of the graph: a list alone does not name its own."""
    if isinstance(results, Outputs):
        yield sinks[0], results
    else:
        yield from results.items()


def json_line(packet: Packet, name: str | None) -> str:
    """One result of the input with this name, as a JSON object on one line."""
    head = {"input": name, "sink": packet.sink, "pts": packet.pts, "duration": packet.duration}
    return printable_json(f'{json.dumps(head, ensure_ascii=False)[:-1]}, "value": {to_json(packet.value)}}}')


def json_text(value: Any) -> str:
    """JSON that a terminal shows as it is, also of names of files that are not UTF-8."""
    return printable_json(json.dumps(value, ensure_ascii=False))


class Lines:
    """The results of all inputs in one file: JSON lines, or one array."""

    def __init__(self, file: IO[bytes], ending: str) -> None:
        self.file = file
        self.is_array = ending == ".json"
        self.count = 0

    def add(self, results: Results, name: str | None) -> None:
        """Adds the results of one input."""
        for outputs in [results] if isinstance(results, Outputs) else results.values():
            for packet in outputs.packets:
                before = (b",\n" if self.count else b"[\n") if self.is_array else b""
                self.file.write(before + json_line(packet, name).encode("utf-8") + (b"" if self.is_array else b"\n"))
                self.count += 1

    def end(self) -> None:
        """Ends the array."""
        if self.is_array:
            self.file.write(b"\n]\n" if self.count else b"[]\n")


def _document(packets: Sequence[Packet], name: str | None, ending: str) -> bytes:
    lines = [json_line(packet, name) for packet in packets]
    if ending == ".jsonl":
        return "".join(f"{line}\n" for line in lines).encode("utf-8")
    return ("[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n").encode("utf-8")
