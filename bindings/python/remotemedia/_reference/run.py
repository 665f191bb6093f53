"""Runs a graph: item after item, and for each item node after node.

A node takes what its sources gave, in the order of the connections; that alone makes the order of the results: item,
path, emission. Functions that hand on to each other are one node here, as they share a call of the native runtime: each
value passes all of them before the first one makes the next, so that an endless generator ends where one behind it
fails. Where several nodes fail, the native runtime reports one of them, whichever comes first; here it is the
first in this order, and `errors` has those of all other items and branches too if `stop` is false.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NamedTuple

from .._functions.arguments import read_only
from .._functions.chain import all_values_async
from .._functions.contexts import AsyncStepsInContext
from .._functions.event_loop import cancellations
from .._functions.failures import ENDS_PROGRAM, Cursor, Failure
from .._functions.instances import Instance, clean_up
from .._functions.places_in_time import Place, place_of
from .._functions.ports import Out, output_of
from .._functions.spec import HostClass, HostFunction, InThread
from .._results.outputs import Outputs, SkipReport, log_skip, outputs_of, outputs_of_sinks
from ..errors import InvalidArgumentError, NodeError
from ..media import File
from .basic import Node, RefusedError
from .copies import crossed
from .deadline import Deadline
from .graph import Graph, Step

KEPT = 100
"""The number of skipped errors that are kept; after them only the first one of each node, and the count."""

LONGEST_BACKOFF = 3600.0
"""The most seconds between two tries."""


class Packet(NamedTuple):
    """A value with its place in time, in nanoseconds, and the number of the port at which it comes out or goes in."""

    value: Any
    pts: int | None
    duration: int | None
    port: int = 0


END = Packet(None, None, None)
"""Stands behind the last packet of an item, for instances of classes."""


async def run(
    graph: Graph,
    inputs: list[list[Any]] | None,
    in_thread: InThread,
    deadline: Deadline,
    pause: Callable[[float], Awaitable[None]],
    *,
    stop: bool = True,
) -> Outputs:
    """The outputs of a graph, as `execute` returns them. `inputs` are the values of each input of the graph.

    Each call to a function runs in a copy of the caller's context, instances of classes in one of their own. Sync
    functions are called by `in_thread`. `deadline` is checked before each step, for each value that a function
    gives, and at the end. `pause` waits for so many seconds.
    Raises `NodeError`: the first one, at once if `stop`, else when all items have been tried.
    """
    context = contextvars.copy_context()
    nodes = [_made(step.work, context) for step in graph.steps]
    cancelled = cancellations()
    try:
        return await _run(graph, nodes, inputs, context, in_thread, deadline, pause, stop, cancelled)
    finally:
        # Instances that an error has kept from being cleaned up at the end.
        await clean_up([node for node in nodes if isinstance(node, Instance)], in_thread)


def _made(work: Callable[[], Node] | HostFunction, context: contextvars.Context) -> Node | HostFunction:
    if isinstance(work, HostClass):
        return Instance(work, 0, None, context.copy())
    return work if isinstance(work, HostFunction) else work()


async def _run(
    graph: Graph,
    nodes: list[Node | HostFunction],
    inputs: list[list[Any]] | None,
    context: contextvars.Context,
    in_thread: InThread,
    deadline: Deadline,
    pause: Callable[[float], Awaitable[None]],
    stop: bool,
    cancelled: int | None,
) -> Outputs:
    collected: dict[str, list[tuple[int, Packet]]] = {output.name: [] for output in graph.outputs}
    errors: list[NodeError] = []
    report = SkipReport([], 0, 0)
    if inputs is None:
        # There are no sources here.
        raise InvalidArgumentError(
            "the graph takes inputs, and none were given; give a list with one entry for each item, which may be empty"
        )
    # Results that are one of the inputs, or that several have, are read-only.
    columns = [
        [read_only(crossed(value, f"inputs{f'.{name}' if name else ''}[{item}]")) for item, value in enumerate(column)]
        for name, column in zip(graph.inputs, inputs, strict=bool(inputs))
    ]
    ways = graph.ways()
    # The values of each item, one for each input.
    values = list(zip(*columns, strict=True))

    def outputs_so_far() -> Outputs:
        return _outputs(collected, len(values), report)

    deadline.outputs = outputs_so_far
    chains = graph.chains()
    for item in range(len(values)):
        given: dict[int, list[Packet]] = {}
        for chain in chains:
            # It takes what the first step takes, and gives what the last one gives.
            step, place = graph.steps[chain[0]], chain[-1]
            arriving = [
                packet._replace(port=link.input)
                for link in step.sources
                for packet in given[link.source]
                if packet.port == link.output
            ]
            emitted: list[Packet] = []
            end = [END] if any(isinstance(nodes[each], Instance) for each in chain) else []
            entering = [_packet(values[item][number], None)._replace(port=port) for number, port in step.entries]
            for packet in [*entering, *arriving, *end]:
                taken = 0
                for tried in itertools.count():
                    deadline.begin(step, item)
                    try:
                        work = _process(graph, nodes, chain, packet, context.copy(), in_thread, deadline, cancelled)
                        async with aclosing(work) as outs:
                            number = 0
                            async for out in outs:
                                number += 1
                                # Packets of an earlier try are not emitted twice.
                                if number > taken:
                                    is_shared = ways[place, out.port] > 1
                                    emitted.append(out._replace(value=read_only(out.value)) if is_shared else out)
                                    taken = number
                                deadline.check()
                        break
                    except RefusedError as refused:
                        if not isinstance(step.work, HostFunction):
                            # Its state is unknown.
                            nodes[place] = step.work()
                        # What is held back to the end of an item is gone with it.
                        is_over = refused.ends_run or packet is END
                        if tried < step.on_error.times and not is_over:
                            report = report._replace(retries=report.retries + 1)
                            await pause(min(step.on_error.backoff * 2**tried, LONGEST_BACKOFF))
                            continue
                        at = packet if refused.place is None else _at(packet, refused.place)
                        error = _error(graph.steps[chain[refused.node]], item, values[item], at, refused, tried)
                        if step.on_error.skips and not refused.ends_run:
                            report = _skip(report, error)
                        else:
                            errors.append(error)
                        break
                if errors and stop:
                    break
            given[place] = emitted
            for output in graph.outputs:
                if output.id == graph.steps[place].id:
                    collected[output.name] += [(item, out) for out in emitted if out.port == output.port]
            if errors and stop:
                break
        if errors and stop:
            break
    else:
        deadline.check()
    if not errors:
        errors += await _finish(graph, nodes, values, in_thread, cancelled)
    outputs = outputs_so_far()
    if errors:
        errors[0].outputs = outputs
        errors[0]._others = errors[1:]
        raise errors[0] from errors[0].__cause__
    return outputs


async def _process(
    graph: Graph,
    nodes: list[Node | HostFunction],
    chain: list[int],
    packet: Packet,
    context: contextvars.Context,
    in_thread: InThread,
    deadline: Deadline,
    cancelled: int | None,
) -> AsyncGenerator[Packet, None]:
    """The packets that the steps of a chain make of a packet; functions run in `context`.

    Raises `RefusedError`, for a function from its exception.
    """
    node = nodes[chain[0]]
    if not isinstance(node, HostFunction):
        yield packet._replace(value=node.process(packet.value))
        return
    functions = [each for place in chain if isinstance(each := nodes[place], HostFunction)]
    entry = [0] if packet is END else [0, *packet]
    cursor, is_left = Cursor(), False
    try:
        work = AsyncStepsInContext(context, all_values_async(functions, [entry], cursor, in_thread))
        async with aclosing(work) as values:
            async for each in values:
                if each is None:
                    is_left = True
                    deadline.check()
                    is_left = False
                    continue
                value, port = (each.value, output_of(functions[-1], each)) if type(each) is Out else (each, 0)
                value = crossed(value, "the returned value")
                out = _packet(value, packet if cursor.place is None else _at(packet, cursor.place))
                is_left = True
                yield out._replace(port=port)
                is_left = False
    except BaseException as error:
        if is_left or _ends_the_run(error, cancelled):
            raise
        failure = cursor.failure(error)
        refused = RefusedError(failure.message, ends_run=failure.ends_run)
        refused.node, refused.place = failure.node, failure.place
        raise refused from failure.error


def _at(packet: Packet, place: Place) -> Packet:
    """A packet at a place that functions have made; None of it is that of the packet."""
    pts, duration = place
    return packet._replace(
        pts=packet.pts if pts is None else pts, duration=packet.duration if duration is None else duration
    )


async def _finish(
    graph: Graph,
    nodes: list[Node | HostFunction],
    values: list[tuple[Any, ...]],
    in_thread: InThread,
    cancelled: int | None,
) -> list[NodeError]:
    """Cleans up the instances of classes; returns the first error, if there is one."""
    for step, node in zip(graph.steps, nodes, strict=True):
        cursor = Cursor()
        try:
            if isinstance(node, Instance):
                async for _ in all_values_async([node], [[]], cursor, in_thread):
                    pass
        except BaseException as error:
            if _ends_the_run(error, cancelled):
                raise
            failure = cursor.failure(error)
            refused = RefusedError(failure.message)
            refused.__cause__ = failure.error
            last = len(values) - 1
            return [_error(step, max(last, 0), values[last] if values else (), END, refused, 0)]
    return []


def _ends_the_run(error: BaseException, cancelled: int | None) -> bool:
    """Whether an exception is none of a function: it ends the program, or cancels the task that runs all this.

    `cancelled` is how many times that task was asked to end before; without a count each cancellation is its own.
    """
    if isinstance(error, asyncio.CancelledError):
        return cancelled is None or cancellations() != cancelled
    return isinstance(error, ENDS_PROGRAM)


def _packet(value: Any, before: Packet | None) -> Packet:
    """A value at its own time, if it has one, else at that of the packet that it was made of."""
    pts, duration = place_of(value, (before.pts, before.duration) if before else None) or (None, None)
    return Packet(value, pts, duration)


def _skip(report: SkipReport, error: NodeError) -> SkipReport:
    is_first = all(each.node_id != error.node_id for each in report.skipped)
    if is_first:
        log_skip(str(error))
    if is_first or len(report.skipped) < KEPT:
        report.skipped.append(error)
    return report._replace(skips=report.skips + 1)


def _outputs(collected: dict[str, list[tuple[int, Packet]]], count: int | None, report: SkipReport) -> Outputs:
    outputs = {}
    for sink, packets in collected.items():
        columns = {
            "values": [crossed(packet.value, sink) for _, packet in packets],
            "items": [item for item, _ in packets],
            "pts": [packet.pts for _, packet in packets],
            "durations": [packet.duration for _, packet in packets],
        }
        outputs[sink] = outputs_of(sink, columns, count, report)
    return outputs_of_sinks(outputs, report)


def _error(
    step: Step, item: int, values: tuple[Any, ...], packet: Packet, refused: RefusedError, tried: int
) -> NodeError:
    # An item is named after its first file.
    names = [os.path.basename(value.path) for value in values if type(value) is File and value.path]
    name = names[0] if names else None
    place = f"node '{step.id}' ({step.node_type}), input {item}"
    if name is not None:
        place += f" '{name}'"
    if packet.pts is not None:
        place += f" at {_clock(packet.pts)}"
    cure = f". {refused.cure}" if refused.cure else ""
    said = f"{refused.cause} (tried {tried + 1} times)" if tried else refused.cause
    cause = refused.__cause__
    detail = {
        "node_id": step.id,
        "node_type": step.node_type,
        "item": item,
        "input": name,
        "position_ns": packet.pts,
        "cause": said,
        "cure": refused.cure or None,
        "chain": Failure(cause).chain if cause is not None else [],
    }
    error = NodeError(f"{place}: {said}{cure}", detail)
    error.__cause__ = cause
    return error


def _clock(nanoseconds: int) -> str:
    """A position as hh:mm:ss.mmm."""
    milliseconds = abs(nanoseconds) // 10**6
    seconds, minutes = milliseconds // 1000, milliseconds // 60_000
    sign = "-" if nanoseconds < 0 else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds % 60:02}.{milliseconds % 1000:03}"
