"""Files that nodes of a graph write themselves: `FileSink`, and `AudioEncode` with a path.

A command runs each input by itself, and such a node knows nothing of the other runs. So its paths are worked out here
for all inputs before anything runs, by the rules of `runtime/nodes/src/io/template.rs`, and get the care that those of
`-o` have. `{index}` counts the files of one run, that is of one input, so it tells no inputs apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..._graph.plan import Plan
from ..._manifest.catalog import type_name
from ..._media.file import from_native, is_utf8
from ..._results.outputs import Outputs
from ...errors import Error, InvalidArgumentError
from ...media import File
from ..arguments.inputs import STDIN, STDIN_PATH, Input, Key
from ..arguments.names import both_lead_to, unused
from ..files.whole_file import is_written_into, leads_to_device

SINK, ENCODER = "FileSink", "AudioEncode"
PLACE = re.compile(r"\{\{|\}\}|\{(\w+)(?::0(\d+)d)?\}")
BY_NAME = frozenset(("stem", "parent", "relative"))


class FileSink:
    """A node that writes files. If it `is_fed` by inputs of the graph, they are named after the first of these."""

    def __init__(self, node: Mapping[str, Any], plan: Plan) -> None:
        self.node, self.option = str(node["id"]), f"node {node['id']!r}"
        self.is_encoder = type_name(node["node_type"]) == ENCODER
        params = node["params"]
        self.pattern = from_native(str(params["path"]))
        self.skips = bool(params.get("skip_existing"))
        self.replaces = self.is_encoder or bool(params.get("overwrite"))
        self.fields = set() if self.is_encoder else {found[1] for found in PLACE.finditer(self.pattern)}
        self.is_device = is_written_into(self.pattern)
        self.is_fed = _is_fed(self.node, plan)
        ends = {each["from"]: str(each["name"]) for each in plan.outputs}
        self.sink = ends.get(f"{self.node}.out")
        """The output that gives its files, if there is one."""

    def path(self, source: Input) -> str | None:
        """The path of its first file for an input; None where only the run can tell."""
        if self.is_encoder:
            return self.pattern
        if not self.fields & BY_NAME:
            return self._filled({})
        if not self.is_fed or source.name is None or not is_utf8(source.name):
            return None
        name, relative = source.name, source.relative
        if name == STDIN:
            name, relative = STDIN_PATH, STDIN_PATH.lstrip("/")
        return self._filled(
            {
                "stem": os.path.splitext(os.path.basename(name))[0],
                "parent": os.path.basename(os.path.dirname(os.path.abspath(name))),
                "relative": os.path.splitext(relative)[0],
            }
        )

    def check_name(self, source: Input) -> None:
        """Raises `Error` for an input whose name its path can't have."""
        if self.fields & BY_NAME and self.is_fed and source.name is not None and not is_utf8(source.name):
            raise Error(f"{self.option}: the name of the input is not UTF-8, which its path has to be; write by -o")

    def shared(self, one: Input, other: Input, path: str) -> InvalidArgumentError:
        """The error for two inputs that have one path."""
        if self.is_encoder:
            cure = "take its path out and write by -o, which has fields"
        else:
            places = "{relative} or {parent}" if "stem" in self.fields else "{stem} or {relative}"
            cure = "rename one" if "relative" in self.fields else f"put {places} into its path"
            cure += ", or write by -o, whose {index} counts inputs"
        return InvalidArgumentError(
            f"{self.option}: {one.title!r} and {other.title!r} would both become {path!r}; {cure}"
        )

    def _filled(self, values: Mapping[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0][0]
            return "0".zfill(int(found[2] or 1)) if found[1] == "index" else values[found[1]]

        return PLACE.sub(value, self.pattern)


class FileSinks:
    """The nodes of a graph that write files. `kept` are the files that must not be replaced, with what they are."""

    def __init__(self, plan: Plan, kept: dict[str, str], taken: set[str]) -> None:
        nodes = [node for node in plan.nodes if type_name(node["node_type"]) in (SINK, ENCODER)]
        self.all = [FileSink(node, plan) for node in nodes if node["params"].get("path")]
        self._kept = kept
        self._continued = False
        self._given: Mapping[Key, Collection[str]] = {}
        self.copies = {each: unused(f"{each.node}_files", taken) for each in self.all if each.sink is None}
        """Nodes whose output is the files of those that are no outputs of the graph."""

    def check(self, inputs: Sequence[Input], others: Mapping[str, str]) -> None:
        """Refuses files that would be written twice, and those that must not be replaced.

        `others` are the files of each `-o`, links followed, with it. Raises `InvalidArgumentError`.
        """
        owners: dict[str, tuple[FileSink, Input, str]] = {}
        for sink, source, path in self._paths(inputs):
            place = self._keep(sink, path)
            if place in others:
                raise InvalidArgumentError(f"{others[place]}: {sink.option} writes {path!r} too; choose another name")
            other, first, name = owners.setdefault(place, (sink, source, path))
            if first != source:
                raise both_lead_to(sink.option, name, path) or sink.shared(first, source, path)
            if other is not sink:
                raise InvalidArgumentError(f"{sink.option}: {other.option} writes {path!r} too; choose another path")

    def check_new(self, inputs: Sequence[Input], given: Mapping[Key, Collection[str]]) -> None:
        """Refuses files that are there and are not those which inputs were `given`.

        A run that continues this one would take them for what it left. Raises `InvalidArgumentError`.
        """
        for sink, source, path in self._paths(inputs):
            if not (sink.replaces or sink.skips or _is_among(path, given.get(source.key, ()))) and os.path.lexists(
                path
            ):
                raise InvalidArgumentError(
                    f"{sink.option}: {path!r} is there already; remove it, or set `overwrite` or `skip_existing`"
                )

    def keep_results(self, inputs: Sequence[Input]) -> None:
        """Refuses to replace results of other inputs."""
        for sink, _, path in self._paths(inputs):
            self._keep(sink, path)

    def check_name(self, source: Input) -> None:
        """Raises `Error` for an input whose name no path can have."""
        for sink in self.all:
            sink.check_name(source)

    def resume(self, *, continued: bool, given: Mapping[Key, Collection[str]]) -> None:
        """Lets them replace the files that inputs were `given`, which are to be made again.

        If it is `continued`, so may those of all inputs that are run: a killed run leaves some without a row.
        """
        self._continued, self._given = continued, given

    def paths(self, inputs: Sequence[Input]) -> Iterator[str]:
        """The paths of the first file of each, as far as they are known."""
        return (path for _, _, path in self._paths(inputs))

    def skipped(self, inputs: Sequence[Input]) -> Iterator[str]:
        """The paths of those that take a file which is there for the result, so that no row has it."""
        return (path for sink, _, path in self._paths(inputs) if sink.skips)

    def add_to(self, manifest: dict[str, Any], source: Input) -> None:
        """Makes the manifest one for this input."""
        for sink in self.all:
            if sink.is_encoder or not self._may_replace(sink, source):
                continue
            for number, entry in enumerate(manifest["nodes"]):
                if entry["id"] == sink.node:
                    params = {**entry["params"], "overwrite": True, "skip_existing": False}
                    manifest["nodes"][number] = {**entry, "params": params}
        for sink, node in self.copies.items():
            manifest["nodes"].append({"id": node, "node_type": "PassThrough"})
            manifest["connections"].append({"from": sink.node, "to": node})
            if "outputs" in manifest:
                manifest["outputs"][node] = node

    def files(self, results: Outputs, source: Input) -> list[str]:
        """The files that were written for an input. Those that were there and left alone are none."""
        found: dict[str, None] = {}
        for sink in self.all:
            outputs = results.get(sink.sink or self.copies.get(sink, ""))
            for value in () if outputs is None else (packet.value for packet in outputs.packets):
                if isinstance(value, File) and value.path is not None and not is_written_into(value.path):
                    self._take(sink, value.path, source)
                    found[value.path] = None
        return list(found)

    def _take(self, sink: FileSink, path: str, source: Input) -> None:
        """Takes a path for an input. `{stem}{index}` may be the same for two, which no name foresees."""
        mine = f"the result of {source.title!r}"
        what = self._kept.setdefault(os.path.realpath(path), mine)
        if what != mine:
            raise InvalidArgumentError(
                f"{sink.option}: {path!r} was {what}, and is now that of {source.title!r}; put something between the "
                "fields of its path, such as {stem}/{index}"
            )

    def _may_replace(self, sink: FileSink, source: Input) -> bool:
        path, given = sink.path(source), self._given.get(source.key, ())
        if path is None:
            # It could be anything that is there, so no more than what is known.
            return bool(given)
        return _is_among(path, given) or (self._continued and not sink.skips)

    def _paths(self, inputs: Sequence[Input]) -> Iterator[tuple[FileSink, Input, str]]:
        for sink in self.all:
            for source in inputs if not sink.is_device else ():
                path = sink.path(source)
                if path is not None:
                    yield sink, source, path

    def _keep(self, sink: FileSink, path: str) -> str:
        """Refuses a path that is to stay. Returns where it leads."""
        place = os.path.realpath(path)
        what = self._kept.get(place)
        if what is not None and not leads_to_device(path):
            raise InvalidArgumentError(f"{sink.option}: {path!r} is {what} and would be replaced; choose another path")
        return place


def _is_among(path: str, files: Collection[str]) -> bool:
    return os.path.realpath(path) in map(os.path.realpath, files)


def _is_fed(node: str, plan: Plan) -> bool:
    """Whether what comes to a node is of an input of the graph."""
    before: dict[str, list[str]] = {}
    for each in plan.connections:
        before.setdefault(_node_of(each["to"]), []).append(_node_of(each["from"]))
    reached, waiting = {node}, [node]
    while waiting:
        new = set(before.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return any(_node_of(port) in reached for each in plan.inputs for port in each["to"])


def _node_of(port: str) -> str:
    return port.rpartition(".")[0]
