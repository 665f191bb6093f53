"""`Pipeline`: a graph of nodes, built step by step, with `>>`, or from a manifest; run, shown and saved.

It only describes. Every way to run it goes through its manifest, which the native library checks and plans.
"""

from __future__ import annotations

import copy
import functools
import json
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._process import FIRST_USE
from .._results.inputs import listed
from ..errors import Error, InvalidArgumentError
from .document import RunDocument, ids_of, manifest_of
from .edge_buffer import Buffer
from .function_node import NodeFunction
from .named_ends import NamedEnds
from .node import Linkable, Node, Port
from .subgraph import Composed, Subgraph, described

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


class Pipeline(Composed):
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
        metadata = {} if name is None else {"name": _checked_name(name)}
        if description is not None:
            if name is None:
                raise InvalidArgumentError("a description is that of a name: rm.Pipeline(name, description=...)")
            metadata["description"] = description
        self._subgraph = Subgraph(metadata, NamedEnds.of(inputs, outputs))
        self._run_document: RunDocument | None = None

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        return self._subgraph.metadata.get("name")

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes by their ids, in the order in which they were added."""
        return dict(zip(ids_of(self._subgraph.nodes), self._subgraph.nodes, strict=True))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, if it names them."""
        return tuple(self._subgraph.named.inputs or ())

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs, if it names them."""
        return tuple(self._subgraph.named.outputs or ())

    def add_node(self, node: Node | NodeFunction[Any, ..., Any], *, after: Any = PREVIOUS) -> Node:
        """Adds a node and connects it to the previous one; returns the node.

        `after=None` connects it to nothing, `after=node` to that node, `after=node["port"]` to a port of it, and a
        list to all that it holds. Raises `InvalidArgumentError` for a node that is in the pipeline already, and for
        an `after` that is not.
        """
        node = node() if isinstance(node, NodeFunction) else node
        if not isinstance(node, Node):
            raise InvalidArgumentError(f"add_node takes a node, not {described(node)}")
        if node in self._subgraph.nodes:
            raise InvalidArgumentError(f"{node!r} is in the pipeline already; make another one")
        before = self._subgraph.ends if after is PREVIOUS else [] if after is None else Subgraph.of(after).ends
        self._subgraph.add(node, before)
        self._run_document = None
        return node

    def __rshift__(self, other: Linkable | list[Any] | tuple[Any, ...]) -> Pipeline:
        """Returns a new pipeline in which the outputs of this one are the inputs of `other`."""
        return of_subgraph(self._subgraph.then(other))

    def feedback(
        self,
        source: Node | Port,
        target: Node | Port,
        *,
        delay_ms: int,
        buffer: Mapping[str, Any] | Buffer | None = None,
    ) -> Pipeline:
        """Returns a new pipeline in which a connection leads backwards, from `source` to a node that leads to it.

            echo, playout = Echo(), Playout()
            call = rm.Pipeline() >> echo >> playout
            call = call.feedback(playout, echo["reference"], delay_ms=20)

        What comes by it arrives `delay_ms` milliseconds later, 1 to 60000, by the clock of the session and by its own
        times. It never holds up `source`: where the `buffer`, `rm.Buffer(packets=8)` or `{"packets": 8}`, is full it
        drops the oldest. No end of a stream comes by it, and an interruption of either node clears it.

        Raises `InvalidArgumentError` for a node that is not in the pipeline, for several, and for what is no buffer.
        """
        return of_subgraph(self._subgraph.looped(source, target, delay_ms, buffer))

    def __rrshift__(self, other: list[Any] | tuple[Any, ...]) -> Pipeline:
        """`[a, b] >> pipeline`."""
        return of_subgraph(Subgraph.of(other).then(self))

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
        return manifest_of(self._subgraph)

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
            from .schema import functions_of, schema_of

        return schema_of(self.validate(), functions_of(self.manifest()), rows, arrays, types)

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
        outputs: Outputs = await _engines().execute(
            self._work(engine), inputs, timeout=timeout, engine=engine, on_progress=on_progress
        )
        return outputs

    def run_sync(
        self,
        inputs: Inputs | None = None,
        *,
        timeout: float | None = None,
        engine: Engine = "auto",
        on_progress: OnProgress | None = None,
    ) -> Outputs:
        """Runs the pipeline like `run`, and blocks until its outputs are there. See `execute_sync`."""
        work = self._work(engine)
        outputs: Outputs = _engines().execute_blocking(RUN_SYNC, work, inputs, timeout, (), engine, on_progress)
        return outputs

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
            from .._execution.session import Session
            from .._manifest.compile import compile_manifest
            from .session_options import session_options

        options = session_options(input, buffer, deadline, packet_deadline, watchdog, clock, trace)
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
            from .._results.inputs import require_several

        require_several(source, "stream", "values")
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
            from .._execution.map import map_sources
            from .._manifest.compile import compile_manifest
            from .._problem.seconds import microseconds
            from .._results.inputs import require_several

        require_several(sources, "map")
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
            from .._execution.map import map_sources_sync
            from .._functions.event_loop import refuse_in_loop
            from .._manifest.compile import compile_manifest
            from .._problem.seconds import microseconds
            from .._results.inputs import require_several

        awaited = "async for result in pipeline.map(sources)"
        require_several(sources, "map_sync", awaited=awaited)
        compiled = compile_manifest(self.manifest())
        refuse_in_loop((compiled.functions or {}).values(), "map_sync", awaited)
        timeout_us = -1 if timeout is None else microseconds("timeout", timeout)
        results = map_sources_sync(compiled, sources, concurrency, ordered, timeout_us)
        if on_progress is None:
            return results
        with FIRST_USE:
            from .._results.progress import counted_sync, reporter_of_sources

        return counted_sync(results, reporter_of_sources(on_progress, sources))

    def __len__(self) -> int:
        return len(self._subgraph.nodes)

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

    def __deepcopy__(self, memo: dict[int, Any]) -> Pipeline:
        """Another pipeline of other nodes: those without a name have none in it, so that both fit into one."""
        return of_subgraph(copy.deepcopy(self._subgraph, memo))

    def _work(self, engine: Engine) -> Any:
        """What a run executes: the manifest, or what that is compiled to. Made once, and again after a change."""
        is_native = _engines().HAS_LIBRARY and engine != "python"
        nodes, run = self._subgraph.nodes, self._run_document
        if is_native and run is not None and (kept := run.kept(nodes)) is not None:
            return kept
        if run is None or not run.holds(nodes):
            run = self._run_document = RunDocument(self._subgraph)
        return run.compiled(nodes) if is_native else run.document


@functools.cache
def _engines() -> Any:
    """The module that runs manifests. An import statement would cost each run as much as a small run takes."""
    with FIRST_USE:
        from .._execution import execute
    return execute


def of_subgraph(subgraph: Subgraph) -> Pipeline:
    """The pipeline that holds this subgraph."""
    pipeline = Pipeline()
    pipeline._subgraph = subgraph
    return pipeline


def _checked_name(name: Any) -> str:
    """The name of a pipeline. Raises `InvalidArgumentError` for what others take here: nodes, or a manifest."""
    if isinstance(name, str):
        return name
    cure = "connect nodes with >>: rm.Pipeline() >> first >> second"
    if isinstance(name, Mapping):
        cure = "load a manifest: rm.Pipeline.load(manifest)"
    raise InvalidArgumentError(f"Pipeline takes a name, a text, not a value of the type {type(name).__name__}; {cure}")


def _unpickled(manifest: dict[str, Any]) -> Pipeline:
    with FIRST_USE:
        from .load import of_pickled

    return of_pickled(manifest)
