"""Where results go: all `-o` of a command line, checked before anything runs, and the graph that they need."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..._graph.pipeline import Pipeline
from ..._graph.plan import Plan
from ..._media.file import to_text
from ..._results.outputs import Outputs
from ...errors import InvalidArgumentError, ManifestError
from ..arguments.inputs import Input
from ..arguments.names import both_lead_to, unused
from ..arguments.parser import meant
from ..files.whole_file import make_folder_of
from .destination import Destination, Options
from .encoders import STDOUT, encoder_params
from .file_sinks import FileSinks
from .shards import Shards

ENCODING = {"sample_format": "--sample-format", "bitrate_kbps": "--bitrate"}
"""The params of encoders that options are for."""


class Branch(NamedTuple):
    """What the command line puts behind a sink to write its audio: an encoder, or what cuts segments."""

    node: str
    sink: str
    destination: Destination

    @property
    def cuts(self) -> bool:
        """Whether each segment is a file of its own."""
        return self.sink in self.destination.cut


class Destinations:
    """All `-o` of a command line, and the graph with the encoders that they need.

    `beside` are the files that the command writes itself, such as its index, with what they are. Raises
    `InvalidArgumentError` for two inputs or sinks that share a file, and for a file that would replace an input, the
    manifest or one of those.
    """

    def __init__(
        self,
        outputs: Sequence[str],
        plan: Plan,
        inputs: Sequence[Input],
        manifest: str | None,
        options: Options,
        beside: Mapping[str, str],
    ) -> None:
        self.plan = plan
        self.read = {} if manifest is None else {os.path.realpath(manifest): "the manifest"}
        self.read.update((os.path.realpath(each.path), "an input") for each in inputs if each.path is not None)
        self.kept = {**beside, **self.read}
        written: set[str] = set()
        self.all = [Destination(*each, plan, options, self.kept, written) for each in _divided(outputs, plan.sinks)]
        taken = {node["id"] for node in plan.nodes} | set(plan.sinks)
        self.branches = [
            Branch(unused(f"{sink}_file", taken), sink, destination)
            for destination in self.all
            for sink in (*destination.encoded, *destination.cut)
        ]
        self._cut: dict[int, list[str]] = {}
        self.shards: Shards | None = None
        self.silent: str | None = None
        """What an input without a frame is said to be, which has failed then; None if it is as good as any."""
        self.asked: dict[str, Any] = {
            "outputs": list(map(to_text, outputs)),
            "format": options.format,
            "encoding": dict(options.encoding),
        }
        self._reduced = options.reduced
        branched = {branch.sink for branch in self.branches}
        wanted = {sink for each in self.all for sink in each.sinks if sink not in (*each.encoded, *each.cut)}
        if options.reduced is not None:
            # The index and the table show them too.
            wanted, branched = set(plan.sinks), set(plan.sinks)
        # Something else than an encoder takes the values.
        self.copies = {unused(f"{sink}_values", taken): sink for sink in plan.sinks if sink in wanted & branched}
        self._wanted, self._taken = wanted if self.all else set(plan.sinks), taken
        self.file_sinks = FileSinks(plan, self.kept, taken)
        self._check_names(inputs)

    def keep_values(self, nodes: Collection[str]) -> None:
        """Keeps the values of these nodes, behind which something is put that is no part of the graph."""
        ends = {str(each["name"]): str(each["from"]).rpartition(".") for each in self.plan.outputs}
        for sink in self.plan.sinks:
            node, _, port = ends[sink]
            if (node or port) in nodes and sink in self._wanted and sink not in self.copies.values():
                self.copies[unused(f"{sink}_values", self._taken)] = sink

    @property
    def shared(self) -> list[Destination]:
        """Those that hold the records of all inputs."""
        return [each for each in self.all if each.shared is not None]

    @property
    def grown(self) -> list[Destination]:
        """Those of `shared` that grow in their place where the run has an index: files that can be read again."""
        return [each for each in self.shared if not each.takes_all]

    @property
    def places(self) -> str:
        """Where results are, for people."""
        places = (self.shards.place if self.shards and each.is_staged else each.place for each in self.all)
        return " and ".join(dict.fromkeys(places))

    def manifest(self, pipeline: Pipeline, source: Input, index: int) -> dict[str, Any]:
        """The manifest for an input, with what stands behind its sinks."""
        self._cut.pop(index, None)
        manifest = pipeline.manifest()
        links = manifest.setdefault("connections", [])
        for branch in self.branches:
            node, sink, destination = branch
            entry: dict[str, Any] = {"id": node}
            if branch.cuts:
                names = self._cut.setdefault(index, [])
                entry["node_type"] = destination.cutter(source, index, sink, names)
            else:
                path = destination.path(source, index, sink)
                entry["node_type"] = "AudioEncode"
                entry["params"] = encoder_params(path, destination.encoded[sink], destination.options.encoding)
            manifest["nodes"].append(entry)
            links.append({"from": self._end(manifest, sink), "to": node})
        for node, sink in self.copies.items():
            manifest["nodes"].append({"id": node, "node_type": self._reduced or "PassThrough"})
            links.append({"from": self._end(manifest, sink), "to": node})
        self.file_sinks.add_to(manifest, source)
        if "outputs" in manifest:
            replaced = {branch.sink for branch in self.branches} | set(self.copies.values())
            kept = {name: end for name, end in manifest["outputs"].items() if name not in replaced}
            added = [branch.node for branch in self.branches] + list(self.copies)
            manifest["outputs"] = kept | {node: node for node in added}
        return manifest

    def _end(self, manifest: Mapping[str, Any], sink: str) -> str:
        """Where the results of a sink come from: the port that the manifest names, or the node of that id."""
        return str(manifest.get("outputs", {}).get(sink, sink))

    def check(self, pipeline: Pipeline, source: Input) -> None:
        """Checks the graph with its encoders, before anything is read. Raises `InvalidArgumentError`."""
        if not self.branches:
            return
        try:
            Pipeline.load(self.manifest(pipeline, source, 0))
        except ManifestError as error:
            problem = error.problems[0]
            found = re.match(r"nodes\[(\d+)\]\.params\.(\w+)", problem.path)
            number = int(found[1]) - len(pipeline.nodes) if found else 0
            where = self.branches[number].destination.option if found and number >= 0 else problem.path
            param = found[2] if found else ""
            where = f"{ENCODING[param]} {self.all[0].options.encoding[param]}" if param in ENCODING else where
            raise InvalidArgumentError(f"{where}: {problem.message}") from None

    def paths(self, inputs: Mapping[int, Input]) -> Iterator[str]:
        """The files of these inputs, which have these indices, perhaps without their endings; shared ones too."""
        for destination in self.all:
            if destination.takes_all:
                continue
            if destination.shared is not None:
                yield destination.shared
                continue
            for index, source in inputs.items():
                for sink in destination.sinks:
                    yield destination.path(source, index, sink)
        yield from self.file_sinks.paths(list(inputs.values()))

    def keep_results(self, files: Mapping[str, str], left: Mapping[int, Input]) -> None:
        """Refuses to replace results of inputs that are done, by those that are `left`, which have these indices.

        `files` are the results with their inputs. `{index}` means something else once there are other inputs.
        """
        self.kept.update(
            (os.path.realpath(path), f"the result of {name!r}") for path, name in files.items() if os.path.isfile(path)
        )
        for destination in self.all:
            for index, source in left.items() if destination.shared is None else ():
                for sink in destination.sinks:
                    destination.keep_input(destination.path(source, index, sink))
        self.file_sinks.keep_results(list(left.values()))

    def make_folders(self, source: Input, index: int) -> None:
        """Makes the folders that the files of an input need."""
        for destination in self.all:
            for sink in destination.sinks if destination.shared is None and not destination.takes_all else ():
                make_folder_of(destination.path(source, index, sink))

    def by_sink(self, results: Outputs) -> dict[str, Outputs]:
        """What came out of each sink whose values are there, by the name that the graph has for it."""
        found = {self.copies.get(node, node): outputs for node, outputs in results.items()}
        return {sink: found[sink] for sink in self.plan.sinks if sink in found}

    async def write(self, results: Outputs, source: Input, index: int) -> list[str]:
        """Writes the results of one input into files of its own; returns their names, and those that nodes wrote."""
        # These first: a name that nothing could foresee is not to replace one of them.
        names = [*self.file_sinks.files(results, source), *self._cut.pop(index, [])]
        for branch in self.branches:
            node, sink, destination = branch
            if branch.cuts:
                continue
            path = destination.path(source, index, sink)
            made = list(results.get(node) or ())
            if made and isinstance(made[0], bytes):
                destination.put(path, made[0])
            names += destination.files(path) if made else []
        found = self.by_sink(results)
        for destination in self.all:
            for sink in destination.sinks if destination.shared is None else ():
                if sink not in (*destination.encoded, *destination.cut):
                    names += await destination.write(found[sink].packets, source, index, sink)
        return names

    def _check_names(self, inputs: Sequence[Input]) -> None:
        """Finds files that would be written twice, by whatever names, and inputs that would be replaced."""
        owners: dict[str, _Owner] = {}
        options: dict[str, str] = {}
        folders: dict[str, str] = {}

        def take(place: str, owner: _Owner) -> None:
            other = owners.setdefault(place, owner)
            if other[:3] != owner[:3]:
                raise _shared_file(self.all[other.number], self.all[owner.number], other, owner)

        for number, destination in enumerate(self.all):
            if destination.is_device:
                # Several may write into it, one after the other.
                destination.keep_input(destination.template.pattern)
                continue
            if destination.shared is not None or destination.is_stdout:
                place = self._check_shared(destination, inputs)
                options[place] = destination.option
                take(place, _Owner(number, None, "", destination.place))
                continue
            for index, source in enumerate(inputs):
                for sink in destination.sinks:
                    path = destination.path(source, index, sink)
                    owner = _Owner(number, source, sink, path)
                    names = destination.names(path, sink)
                    places = [destination.keep_input(name) for name in names]
                    options.update(dict.fromkeys(places, destination.option))
                    folder, name = os.path.split(path)
                    if folder not in folders:
                        folders[folder] = os.path.realpath(folder)
                    take(os.path.join(folders[folder], name), owner)
                    if len(places) == 1:
                        # Else only the results tell which of them it is.
                        take(places[0], owner._replace(path=names[0]))
        self.file_sinks.check(inputs, options)

    def _check_shared(self, destination: Destination, inputs: Sequence[Input]) -> str:
        """Checks what all results go into, a file or stdout. Returns where it leads."""
        if not destination.is_stdout:
            return destination.keep_input(destination.template.pattern)
        if destination.shared is None and len(inputs) > 1:
            raise InvalidArgumentError(
                f"{destination.option}: {len(inputs)} inputs would share stdout; "
                "name one, or name their files: -o 'out/{relative}" + (destination.ending or "") + "'"
            )
        return STDOUT


class _Owner(NamedTuple):
    """What writes a file: a `-o`, by its number, for an input and a sink, or for all of them."""

    number: int
    source: Input | None
    sink: str
    path: str


def _divided(outputs: Sequence[str], sinks: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each `-o` with the sinks whose results it gets. `-o NODE=NAME` is for one, others get what is left."""
    named: dict[int, str] = {}
    for number, output in enumerate(outputs):
        sink, equals, _ = output.partition("=")
        if equals and sink in sinks:
            named[number] = sink
        elif equals and (near := meant(sink, sinks)) is not None:
            raise InvalidArgumentError(
                f"-o {output}: there is no output {sink!r}; did you mean {near!r}? A file of that name is './{output}'"
            )
    rest = [sink for sink in sinks if sink not in named.values()]
    for number, output in enumerate(outputs):
        option = f"-o {output}"
        if number in named:
            yield option, output.partition("=")[2], [named[number]]
        elif not rest:
            raise InvalidArgumentError(f"{option}: all results go elsewhere already; the nodes are {', '.join(sinks)}")
        else:
            yield option, output, rest


def _shared_file(first: Destination, destination: Destination, one: _Owner, other: _Owner) -> InvalidArgumentError:
    path, fields = other.path, destination.template.fields
    if one.source is None and other.source is None:
        return InvalidArgumentError(f"{destination.option}: {first.option} is the same place; take another")
    if destination.is_staged:
        cure = f"take one: -o {one.sink}={destination.option.removeprefix('-o ')}"
        return InvalidArgumentError(
            f"{destination.option}: nodes {one.sink!r} and {other.sink!r} would share the shards; {cure}"
        )
    linked = both_lead_to(destination.option, one.path, path)
    if linked is not None:
        return linked
    if one.source is None or other.source is None or one[1:3] == other[1:3]:
        return InvalidArgumentError(f"{destination.option}: another -o writes {path!r} too; choose another name")
    if one.source == other.source:
        both, field = f"nodes {one.sink!r} and {other.sink!r}", "{sink}"
    else:
        both = f"{one.source.title!r} and {other.source.title!r}"
        field = "{relative}, {parent} or {index}" if fields & {"stem", "name"} else "{stem}"
    return InvalidArgumentError(f"{destination.option}: {both} would both become {path!r}; put {field} into the name")
