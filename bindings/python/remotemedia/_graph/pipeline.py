"""`Pipeline`: a graph of nodes, built step by step, with `>>`, or from a manifest; run, shown and saved.

It only describes. Every way to run it goes through its manifest, which the native library checks and plans.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._process import FIRST_USE
from .._results.inputs import listed
from ..errors import Error, InvalidArgumentError
from .edge_buffer import Buffer
from .ends import End, Feedback, ports, results
from .function_node import NodeFunction
from .named_ends import NamedEnds
from .node import Linkable, Node, Port

if TYPE_CHECKING:
    from .._codec.pcm import PCM
    from .._execution.map import Mapped
    from .._execution.session import Session
    from .._manifest.compile import Manifest
    from .._reference.execute import Engine
    from .._results.inputs import Inputs
    from .._results.outputs import Outputs
    from .._results.progress import OnProgress
    from .plan import Plan


class _Previous:
    def __repr__(self) -> str:
        return "the previous node"


RUN_SYNC = "run_sync", "await pipeline.run(inputs)"
"""The blocking call, and its twin."""

PREVIOUS = _Previous()
"""The default of `after`."""


class Pipeline(Linkable):
    """A graph of nodes.

        pipeline = rm.Pipeline("levels") >> rm.nodes.AudioDecode() >> rm.nodes.AudioLevel(window_ms=100)
        levels = await pipeline.run([rm.File("talk.flac")])

    `>>` makes a new pipeline and leaves both sides as they are; `add_node` changes this one. A list on the right of
    `>>` is a set of branches, each of which gets everything; a list on the left joins. A port at the end is a result:
    `>> ear["events"]` is that output, and `>> [ear["segments"], ear["events"]]` are both, by the names of the ports.
    It pickles as its manifest.

    `inputs` and `outputs` name what goes in and comes out, each with the port where it does; an input may go to a list
    of ports:

        mix = rm.nodes.AudioSum()
        call = rm.Pipeline(inputs={"mic": mix["in0"], "far": mix["in1"]}) >> mix
        outputs = await call.run({"mic": [near], "far": [far]})

    Without them every node without a predecessor gets all inputs, and every node without a successor is an output.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        description: str | None = None,
        inputs: Mapping[str, Node | Port | Sequence[Node | Port]] | None = None,
        outputs: Mapping[str, Node | Port] | None = None,
    ) -> None:
        self._metadata: dict[str, Any] = {} if name is None else {"name": name}
        if description is not None:
            self._metadata["description"] = description
        self._nodes: list[Node] = []
        self._links: list[tuple[End, End]] = []
        self._heads: list[End] = []
        self._ends: list[End] = []
        self._named = NamedEnds.of(inputs, outputs)
        self._feedback: list[Feedback] = []
        self._runnable: _Runnable | None = None

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        return self._metadata.get("name")

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes by their ids, in the order in which they were added."""
        return dict(zip(self._ids(), self._nodes, strict=True))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, if it names them."""
        return tuple(self._named.inputs or ())

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs, if it names them."""
        return tuple(self._named.outputs or ())

    def add_node(self, node: Node | NodeFunction[Any, ..., Any], *, after: Any = PREVIOUS) -> Node:
        """Adds a node and connects it to the previous one; returns the node.

        `after=None` connects it to nothing, `after=node` to that node, `after=node["port"]` to a port of it, and a
        list to all that it holds. Raises `InvalidArgumentError` for a node that is in the pipeline already, and for
        an `after` that is not.
        """
        node = node() if isinstance(node, NodeFunction) else node
        if not isinstance(node, Node):
            raise InvalidArgumentError(f"add_node takes a node, not {_described(node)}")
        if node in self._nodes:
            raise InvalidArgumentError(f"{node!r} is in the pipeline already; make another one")
        if after is PREVIOUS:
            before = self._ends
        elif after is None:
            before = []
        else:
            before = _pipeline_of(after)._ends
            for end in before:
                if end.node not in self._nodes:
                    raise InvalidArgumentError(f"after={end.node!r} is not in the pipeline; add it first")
        added = End(node, None)
        self._links += [(end, added) for end in before]
        self._heads += [] if before else [added]
        self._nodes.append(node)
        self._ends = [added]
        self._runnable = None
        return node

    def __rshift__(self, other: Linkable | list[Any] | tuple[Any, ...]) -> Pipeline:
        """Returns a new pipeline in which the outputs of this one are the inputs of `other`."""
        if isinstance(other, Buffer):
            return self._buffered(other)
        right = _pipeline_of(other)
        joined = Pipeline()
        joined._metadata = dict(self._metadata or right._metadata)
        joined._nodes = _each_once([*self._nodes, *right._nodes])
        # Nodes that are in this pipeline already keep their places, unless one is named as the next node.
        named = isinstance(other, (Node, Port))
        heads = [head for head in right._heads if named or head.node not in self._nodes]
        across = [(end, head) for end in self._ends for head in heads]
        joined._links = _each_once([*self._links, *right._links, *across])
        joined._heads = list(self._heads) if self._nodes else list(right._heads)
        joined._ends = list(right._ends)
        joined._named = self._named.joined(right._named)
        joined._feedback = _each_once([*self._feedback, *right._feedback])
        return joined

    def feedback(
        self, source: Node | Port, target: Node | Port, *, delay_ms: int, buffer: Buffer | None = None
    ) -> Pipeline:
        """Returns a new pipeline in which a connection leads backwards, from `source` to a node that leads to it.

            echo, playout = Echo(), Playout()
            call = rm.Pipeline() >> echo >> playout
            call = call.feedback(playout, echo["reference"], delay_ms=20)

        What comes by it arrives `delay_ms` milliseconds later, 1 to 60000, by the clock of the session and by its own
        times. It never holds up `source`: where the `buffer` is full it drops the oldest. No end of a stream comes by
        it, and an interruption of either node clears it.

        Raises `InvalidArgumentError` for a node that is not in the pipeline.
        """
        ends = []
        for part, side in ((source, "source"), (target, "target")):
            (end,) = _pipeline_of(part)._ends if side == "source" else _pipeline_of(part)._heads
            if end.node not in self._nodes:
                raise InvalidArgumentError(f"{side}={end.node!r} is not in the pipeline; add it first")
            ends.append(end)
        looped = self._copy()
        looped._feedback.append(Feedback(ends[0]._replace(buffer=buffer), ends[1], delay_ms))
        return looped

    def _buffered(self, buffer: Buffer) -> Pipeline:
        """This pipeline, with a buffer on the connections that the next `>>` makes."""
        if not self._ends:
            raise InvalidArgumentError(
                f"{buffer!r} stands before the first node; a session bounds what waits there: session(buffer=...)"
            )
        for end in self._ends:
            if end.buffer is not None:
                raise InvalidArgumentError(f"{end.buffer!r} and {buffer!r} stand between the same nodes; keep one")
        buffered = self._copy()
        buffered._ends = [end._replace(buffer=buffer) for end in self._ends]
        return buffered

    def _copy(self) -> Pipeline:
        copy = Pipeline()
        copy._metadata = dict(self._metadata)
        copy._nodes, copy._links, copy._feedback = list(self._nodes), list(self._links), list(self._feedback)
        copy._heads, copy._ends, copy._named = list(self._heads), list(self._ends), self._named
        return copy

    def __rrshift__(self, other: list[Any] | tuple[Any, ...]) -> Pipeline:
        """`[a, b] >> pipeline`."""
        return _pipeline_of(other) >> self

    @classmethod
    def load(cls, manifest: Manifest, *, python: Sequence[str] = ()) -> Pipeline:
        """The pipeline of a manifest: a dict, a path, or JSON or YAML text.

        `python` names the packages whose functions the manifest may name as `python:package.module:function`: their
        modules are imported. Raises `ManifestError` with all that is wrong, and `FileNotFoundError`.
        """
        with FIRST_USE:
            from .._manifest.source import is_text, read
            from .._manifest.text_reader import from_text
            from .load import to_pipeline

        if isinstance(manifest, (str, os.PathLike)):
            text = manifest if isinstance(manifest, str) and is_text(manifest) else read(os.fspath(manifest))
            document: Mapping[str, Any] = from_text(text, python)
        else:
            document = manifest
        return to_pipeline(document, python)

    def to_dict(self) -> dict[str, Any]:
        """The manifest, as plain values. Raises `ManifestError` for a function that no other program could import."""
        manifest = self.manifest()
        for node in manifest["nodes"]:
            if isinstance(node["node_type"], NodeFunction):
                node["node_type"] = node["node_type"].node_type
            elif not isinstance(node["node_type"], str):
                node["node_type"] = NodeFunction(node["node_type"]).node_type
        return manifest

    def to_json(self, *, indent: int | None = 2) -> str:
        """The manifest as JSON text. Raises as `to_dict` does, and for values that JSON lacks."""
        with FIRST_USE:
            from .._manifest.yaml_writer import to_yaml

        manifest = self.to_dict()
        # Both formats hold the same values; this writer names the place of any other, and of keys that are no text.
        to_yaml(manifest)
        return json.dumps(manifest, indent=indent, ensure_ascii=False)

    def to_yaml(self) -> str:
        """The manifest as YAML text. Raises as `to_dict` does, and for values that YAML's core types lack."""
        with FIRST_USE:
            from .._manifest.yaml_writer import to_yaml

        return to_yaml(self.to_dict())

    def serialize(self) -> str:
        """The manifest as JSON text on one line: the first design's name for it."""
        return self.to_json(indent=None)

    def manifest(self) -> dict[str, Any]:
        """The manifest in which Python functions are themselves: what `execute` takes."""
        for end in self._ends:
            if end.buffer is not None:
                raise InvalidArgumentError(
                    f"{end.buffer!r} stands behind the last node; "
                    "a session bounds what waits there: session(buffer=...)"
                )
        ids = dict(zip(map(id, self._nodes), self._ids(), strict=True))
        document: dict[str, Any] = {"version": "v1"}
        if self._metadata:
            document["metadata"] = dict(self._metadata)
        document["nodes"] = [_entry(ids[id(node)], node) for node in self._nodes]
        connections: list[dict[str, Any]] = [
            {
                "from": _endpoint(ids[id(start.node)], start.port),
                "to": _endpoint(ids[id(end.node)], end.port),
                **({} if start.buffer is None else {"buffer": start.buffer.manifest()}),
            }
            for start, end in self._links
        ]
        connections += [
            {
                "from": _endpoint(ids[id(start.node)], start.port),
                "to": _endpoint(ids[id(end.node)], end.port),
                "delay_ms": delay_ms,
                **({} if start.buffer is None else {"buffer": start.buffer.manifest()}),
            }
            for start, end, delay_ms in self._feedback
        ]
        if self._named.outputs is None:
            sinks, their_connections = results(self._ends, self._links, ids)
            document["nodes"] += sinks
            connections += their_connections
        if connections:
            document["connections"] = connections
        return {**document, **self._named.fields(ids)}

    def svg(self) -> str:
        """The plan as a drawing: the text of an SVG file. Stages are frames, functions are round, inserted converters
        are dashed. Raises as `validate` does; notebooks draw a pipeline by themselves.
        """
        with FIRST_USE:
            from .drawing import svg

        return svg(self.plan())

    def _repr_svg_(self) -> str | None:
        # Without a drawing a notebook shows the text, which names the problem.
        try:
            return self.svg()
        except Error:
            return None

    def validate(self) -> Plan:
        """Checks everything that can be checked before a run, and returns the plan.

        Raises `ManifestError`, whose `problems` are all that is wrong.
        """
        with FIRST_USE:
            from .._manifest.compile import compile_manifest
            from .plan import Plan

        compiled, _ = compile_manifest(self.manifest())
        return Plan(compiled.describe())

    def plan(self) -> Plan:
        """The graph as it will run, with stages and inserted converters; printed it is a table. See `validate`."""
        return self.validate()

    def schema(
        self,
        *,
        rows: Literal["packets", "items"] = "packets",
        arrays: bool = True,
        types: Mapping[str, Any] | None = None,
    ) -> Any:
        """The `pyarrow.Schema` of its results, known before it runs: that of `outputs.to_arrow(schema, rows=rows)`.

        Without `arrays` audio, video and tensors are described and bring no samples. Where the plan does not say what
        an output gives (a function without an annotation, `Calculator`), `types` has its type by its name.

        Raises `ManifestError`, `LibraryError` without pyarrow, and `UnsupportedError` for outputs without a known type.
        """
        with FIRST_USE:
            from .schema import schema_of

        manifest = self.manifest()
        functions = {node["id"]: node["node_type"] for node in manifest["nodes"] if callable(node["node_type"])}
        return schema_of(self.validate(), functions, rows, arrays, types)

    async def run(
        self,
        inputs: Inputs | None = None,
        *,
        timeout: float | None = None,
        engine: Engine = "auto",
        on_progress: OnProgress | None = None,
    ) -> Outputs:
        """Runs the pipeline on a list of inputs and waits for its outputs; `timeout` is in seconds.

        Where the pipeline names several inputs, each has a list of its own: `{"mic": [...], "reference": [...]}`.
        `on_progress`, what it returns and what it raises are those of `execute`.
        """
        with FIRST_USE:
            from .._execution.execute import execute

        return await execute(self._current(), inputs, timeout=timeout, engine=engine, on_progress=on_progress)

    def run_sync(
        self,
        inputs: Inputs | None = None,
        *,
        timeout: float | None = None,
        engine: Engine = "auto",
        on_progress: OnProgress | None = None,
    ) -> Outputs:
        """Runs the pipeline like `run`, and blocks until its outputs are there. See `execute_sync`."""
        with FIRST_USE:
            from .._execution.execute import execute_blocking

        return execute_blocking(RUN_SYNC, self._current(), inputs, timeout, (), engine, on_progress)

    def session(
        self,
        *,
        input: PCM | None = None,  # noqa: A002
        buffer: Mapping[str, int] | Buffer | None = None,
        deadline: float | None = None,
        packet_deadline: float | None = None,
        watchdog: float | None = 5.0,
        on_progress: OnProgress | None = None,
        clock: Literal["real", "virtual"] = "real",
        trace: str | os.PathLike[str] | None = None,
    ) -> Session:
        """The pipeline at work on one stream: `async with pipeline.session() as session`.

        `input=rm.PCM("s16", 16000, 1)` lets `send` take raw bytes, split anywhere. `buffer` bounds what waits at each
        input and each output: `{"packets": 64, "bytes": 8388608, "ms": 5000}`. `deadline` is how long the session may
        last, in seconds, and `packet_deadline` how long a packet may take to an output: one that is later, and what
        came of it, is dropped before the next node or output, and counted there as `late` in `session.metrics()`.
        When no packet has moved for `watchdog` seconds, the logger `remotemedia` names the node that holds them up.
        `on_progress` is called on the event loop with a `Progress`, at most ten times a second.
        With `clock="virtual"` time is that of the packets: one arrives when its audio has ended, once all before it
        are processed, so that a pipeline for live audio is tested at full speed; see `remotemedia.testing`.
        `trace="out.json"` writes what each thread and node did, for https://ui.perfetto.dev or chrome://tracing, with
        marks for sends, interrupts, skipped packets and for where a fault that a monitor reports starts and ends.
        Raises `ManifestError` with all that is wrong.
        """
        with FIRST_USE:
            from .._execution.execute import microseconds
            from .._execution.session import Session
            from .._manifest.compile import compile_manifest

        if clock not in ("real", "virtual"):
            raise InvalidArgumentError(f"clock must be 'real' or 'virtual', got {clock!r}")
        if input is not None and not hasattr(input, "reader"):
            raise InvalidArgumentError(
                f"input must be the format of raw bytes, such as remotemedia.PCM('s16', 16000, 1), got {input!r}"
            )
        if watchdog is not None:
            microseconds("watchdog", watchdog)
        options: dict[str, Any] = {"buffer": _bounds(buffer), "clock": clock}
        if trace is not None:
            options["trace"] = True
        for name, span in (("deadline", deadline), ("packet_deadline", packet_deadline)):
            span_us = -1 if span is None else microseconds(name, span)
            if span_us >= 0:
                options[f"{name}_us"] = span_us
        compiled = compile_manifest(self.manifest())
        return Session(compiled, options, pcm=input, watchdog=watchdog, on_progress=on_progress, trace=trace)

    def stream(
        self,
        source: Iterable[Any] | AsyncIterable[Any],
        *,
        input: PCM | None = None,  # noqa: A002
        buffer: Mapping[str, int] | Buffer | None = None,
    ) -> AsyncGenerator[Any, None]:
        """The outputs for the values of `source` while it is read: one stream, in order, bounded on its way.

        `source` is asked for its next value when there is room for it; a plain iterable runs on the event loop's
        thread, and an async generator is closed with the stream, also one that is left early (`contextlib.aclosing`).
        `input` and `buffer` are those of `session`. Raises what `source` raises, and `NodeError`.
        """
        with FIRST_USE:
            from .._execution.stream import stream

        session = self.session(input=input, buffer=buffer)
        if len(session.inputs) > 1:
            raise InvalidArgumentError(
                f"stream feeds one input, and this pipeline has {listed(session.inputs)}; "
                "open a session(), and send(value, to=...) in a task for each"
            )
        return stream(session, source)

    def map(
        self,
        sources: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> AsyncGenerator[Mapped, None]:
        """Runs the pipeline on each source by itself, up to `concurrency` at a time: `async for result in ...`.

        Where the pipeline names several inputs, a source is a map with a value for each.
        A result has `source`, `outputs` as `run` gives them or None, `error` or None, and `seconds`. They come as they
        are done, or in the order of the sources. A failure does not stop the others; `timeout` is for each, in
        seconds. `on_progress` is called with a `Progress` of all: `items` are sources, the `total` of which is known if
        `sources` has a length.
        """
        with FIRST_USE:
            from .._execution.execute import microseconds
            from .._execution.map import map_sources
            from .._manifest.compile import compile_manifest
            from .._results.inputs import require_sources

        require_sources(sources, "map")
        timeout_us = -1 if timeout is None else microseconds("timeout", timeout)
        results = map_sources(compile_manifest(self.manifest()), sources, concurrency, ordered, timeout_us)
        if on_progress is None:
            return results
        with FIRST_USE:
            from .._results.progress import counted, reporter_of_sources

        return counted(results, reporter_of_sources(on_progress, sources))

    def map_sync(
        self,
        sources: Iterable[Any],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Iterator[Mapped]:
        """Runs the pipeline on each source like `map`, and blocks while it does: `for result in ...`."""
        with FIRST_USE:
            from .._execution.execute import microseconds
            from .._execution.map import map_sources_sync
            from .._functions.event_loop import refuse_in_loop
            from .._manifest.compile import compile_manifest
            from .._results.inputs import require_sources

        require_sources(sources, "map_sync")
        compiled = compile_manifest(self.manifest())
        refuse_in_loop((compiled[1] or {}).values(), "map_sync", "async for result in pipeline.map(sources)")
        timeout_us = -1 if timeout is None else microseconds("timeout", timeout)
        results = map_sources_sync(compiled, sources, concurrency, ordered, timeout_us)
        if on_progress is None:
            return results
        with FIRST_USE:
            from .._results.progress import counted_sync, reporter_of_sources

        return counted_sync(results, reporter_of_sources(on_progress, sources))

    def __len__(self) -> int:
        return len(self._nodes)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self.manifest() == other.manifest() if isinstance(other, Pipeline) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """The plan as a table; the mistakes instead, if there is no plan."""
        title = self.name or "pipeline"
        try:
            return str(self.plan())
        except Error as error:
            return f"{title}: no plan, {error}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.manifest(),)

    def _current(self) -> dict[str, Any]:
        """The manifest for a run: made once, and again after the nodes changed. Params are in it as they are now."""
        runnable = self._runnable
        if runnable is None or not runnable.holds(self._nodes):
            document = self.manifest()
            # Behind the nodes come the sinks of outputs that are results, which have no params.
            for entry, node in zip(document["nodes"], self._nodes, strict=False):
                # The node's own dicts: what is changed in them is seen by the next run.
                entry["params"] = node.params
                if node.capabilities is not None:
                    entry["capabilities"] = node.capabilities
            runnable = self._runnable = _Runnable(document, self._nodes)
        return runnable.document

    def _ids(self) -> list[str]:
        taken = {node.name for node in self._nodes if node.name is not None}
        ids = []
        for node in self._nodes:
            name = node.name
            if name is None:
                # An id has letters of ASCII alone, which a function need not have.
                base = name = re.sub(r"[^a-z0-9_]", "", node.title.lower()) or "node"
                count = 1
                while name in taken:
                    count += 1
                    name = f"{base}_{count}"
                taken.add(name)
            ids.append(name)
        return ids


class _Runnable:
    """A manifest for runs, and the parts of the nodes that it was made of."""

    __slots__ = ("document", "known")

    def __init__(self, document: dict[str, Any], nodes: Sequence[Node]) -> None:
        self.document = document
        self.known = [(node.name, node.node_type, node.params, node.capabilities, node.on_error) for node in nodes]

    def holds(self, nodes: Sequence[Node]) -> bool:
        """Whether the nodes still consist of the same objects."""
        for node, (name, node_type, params, capabilities, on_error) in zip(nodes, self.known, strict=True):
            if (
                node.params is not params
                or node.node_type is not node_type
                or node.name is not name
                or node.capabilities is not capabilities
                or node.on_error is not on_error
            ):
                return False
        return True


def of_nodes(
    metadata: Mapping[str, Any],
    nodes: Sequence[Node],
    links: Iterable[tuple[End, End]],
    feedback: Iterable[Feedback],
    named: NamedEnds,
) -> Pipeline:
    """Makes a pipeline of nodes, connections, and the ends that have names."""
    pipeline = Pipeline()
    pipeline._named = named
    pipeline._metadata = dict(metadata)
    pipeline._nodes = list(nodes)
    pipeline._links, pipeline._feedback = list(links), list(feedback)
    entered = {id(link[1].node) for link in pipeline._links}
    left = {id(link[0].node) for link in pipeline._links}
    pipeline._heads = [End(node, None) for node in nodes if id(node) not in entered]
    pipeline._ends = [End(node, None) for node in nodes if id(node) not in left]
    return pipeline


def _unpickled(manifest: dict[str, Any]) -> Pipeline:
    with FIRST_USE:
        from .load import of_pickled

    return of_pickled(manifest)


def _bounds(buffer: Any) -> dict[str, int]:
    """The bounds of what waits at the inputs and outputs of a session, of a map or a `Buffer` without a policy."""
    given = buffer.manifest() if isinstance(buffer, Buffer) else buffer or {}
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"buffer must be a map, such as {{'packets': 64}}, got {buffer!r}")
    for name in given:
        if name not in ("packets", "bytes", "ms"):
            also = "; put a Buffer with a policy between two nodes" if name == "policy" else ""
            raise InvalidArgumentError(f"buffer has no {name!r} here; it has 'packets', 'bytes' and 'ms'{also}")
    return dict(given)


def _pipeline_of(part: Any) -> Pipeline:
    if isinstance(part, Pipeline):
        return part
    pipeline = Pipeline()
    if isinstance(part, Buffer):
        return pipeline >> part
    if isinstance(part, NodeFunction):
        part = part()
    if isinstance(part, Node):
        pipeline._nodes = [part]
        pipeline._heads = pipeline._ends = [End(part, None)]
    elif isinstance(part, Port):
        pipeline._nodes = [part.node]
        pipeline._heads = [End(part.node, part.name if part.name in ports(part.node, "inputs") else None)]
        pipeline._ends = [End(part.node, part.name if part.name in ports(part.node, "outputs") else None)]
        if pipeline._heads == pipeline._ends == [End(part.node, None)]:
            # Neither: the native library reports it with all other problems.
            pipeline._heads = pipeline._ends = [End(part.node, part.name)]
    elif isinstance(part, (list, tuple)):
        if not part:
            raise InvalidArgumentError("a list without nodes stands beside >>; put at least one in")
        branches = [_pipeline_of(each) for each in part]
        pipeline._metadata = next((branch._metadata for branch in branches if branch._metadata), {})
        pipeline._nodes = _each_once([node for branch in branches for node in branch._nodes])
        pipeline._links = _each_once([link for branch in branches for link in branch._links])
        pipeline._heads = _each_once([head for branch in branches for head in branch._heads])
        pipeline._ends = _each_once([end for branch in branches for end in branch._ends])
        for branch in branches:
            pipeline._named = pipeline._named.joined(branch._named)
        pipeline._feedback = _each_once([each for branch in branches for each in branch._feedback])
    else:
        raise InvalidArgumentError(f">> connects nodes, pipelines and lists of them, not {_described(part)}")
    return pipeline


def _each_once(parts: list[Any]) -> list[Any]:
    """The parts without repetitions. Nodes are equal only to themselves."""
    return list(dict.fromkeys(parts))


def _entry(name: str, node: Node) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": name, "node_type": node.node_type}
    if node.params:
        entry["params"] = dict(node.params)
    if node.capabilities is not None:
        entry["capabilities"] = dict(node.capabilities)
    if node.on_error is not None:
        entry["on_error"] = node.on_error
    return entry


def _endpoint(name: str, port: str | None) -> str:
    return name if port is None else f"{name}.{port}"


def _described(part: Any) -> str:
    if isinstance(part, type) and issubclass(part, Node):
        return f"the class {part.__name__}; write {part.__name__}()"
    if isinstance(part, str):
        return f"the text {part!r}; write remotemedia.Node({part!r})"
    if callable(part):
        name = getattr(part, "__name__", type(part).__name__)
        return f"the function {name}; decorate it with @remotemedia.node"
    return f"a value of the type {type(part).__name__}"
