"""Turns a manifest into steps, each after those that it takes from.

What is checked here is what would make a wrong result; everything that is wrong with a manifest is told by the native
library.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .._functions.params import described
from .._functions.spec import SINGLE, HostFunction, NodeSpec
from .._manifest.functions import take_functions
from .._manifest.python_types import PREFIX, find
from .._problem.problem import refusal
from .._problem.whole_number import whole
from ..errors import ManifestError, Problem
from .basic import BASIC, Node
from .other_engine import advice
from .unreadable import unreadable


class Link(NamedTuple):
    """A connection: from which node to which, at which output of the one and which input of the other."""

    source: int
    target: int
    output: int
    input: int


class Step(NamedTuple):
    """A node in its place: `sources` are the links by which it is fed, by the places of their steps, in their order.

    `entries` are the inputs of the graph that come in here: the number of the input and that of the port. `work` makes
    the node for one run, or is a Python function. `shares` says that what it gives is handed on to the next function as
    it is, without a copy.
    """

    id: str
    node_type: str
    work: Callable[[], Node] | HostFunction
    sources: list[Link]
    entries: list[tuple[int, int]]
    shares: bool
    on_error: OnError


class OnError(NamedTuple):
    """What an error of a node does: how many times it is tried again, the seconds before the first time, and then."""

    times: int = 0
    backoff: float = 0.0
    skips: bool = False


class Output(NamedTuple):
    """An output of a graph: its name, and the id of the node and the number of the port that it comes out of."""

    name: str
    id: str
    port: int


class Graph(NamedTuple):
    """The steps, the names of the inputs (of one without a name, if the manifest names none), and the outputs."""

    name: str
    steps: list[Step]
    inputs: list[str]
    outputs: list[Output]

    def chains(self) -> list[list[int]]:
        """The steps by their places, those that share what they give together with the one behind them."""
        after = {link.source: link.target for step in self.steps for link in step.sources}
        chains = []
        followers = set()
        for place in range(len(self.steps)):
            if place in followers:
                continue
            chain = [place]
            while self.steps[chain[-1]].shares:
                chain.append(after[chain[-1]])
                followers.add(chain[-1])
            chains.append(chain)
        return chains

    def ways(self) -> Counter[tuple[int, int]]:
        """How many ways lead on from each port, by the place of its step and its number: to steps and out."""
        places = {step.id: place for place, step in enumerate(self.steps)}
        links = [(link.source, link.output) for step in self.steps for link in step.sources]
        return Counter([*links, *((places[output.id], output.port) for output in self.outputs)])


def graph_of(manifest: Mapping[str, Any], python: Sequence[str]) -> Graph:
    """The graph of a manifest. Raises `ManifestError` with all that is found to be wrong."""
    problems: list[Problem] = []
    plain, functions = take_functions(_with_functions(manifest, python, problems))
    try:
        problems[:0] = unreadable(plain)
    except ManifestError:
        # That is told once the params are right.
        if not problems:
            raise
    if plain.get("version") != "v1":
        problems.append(Problem("version", "the manifest has no version 'v1'"))
    nodes = plain.get("nodes")
    if not isinstance(nodes, (list, tuple)) or not nodes or not all(isinstance(node, Mapping) for node in nodes):
        raise refusal([*problems, Problem("nodes", "expected at least one node", expected="a list of maps")])
    by_name = {function.node_type: function for function in functions}
    works = [_work(node, f"nodes[{index}]", by_name, problems) for index, node in enumerate(nodes)]
    on_errors = [_on_error(node, f"nodes[{index}]", problems) for index, node in enumerate(nodes)]
    ids = [node.get("id") for node in nodes]
    for index, name in enumerate(ids):
        if not isinstance(name, str) or not name or name in ids[:index]:
            problems.append(Problem(f"nodes[{index}].id", f"expected an id of its own, got {name!r}"))
    links = [] if problems else _links(plain.get("connections") or (), ids, works, problems)
    inputs = None if problems else named_ends(plain.get("inputs"), "inputs", ids, works, problems)
    outputs = None if problems else named_ends(plain.get("outputs"), "outputs", ids, works, problems)
    fed, left = {link.target for link in links}, {link.source for link in links}
    if inputs is not None and not problems:
        known = fed | {node for ends in inputs.values() for node, _ in ends}
        problems += [
            Problem(f"nodes[{index}]", f"nothing comes to {name!r}: no input names it, and no connection leads to it")
            for index, name in enumerate(ids)
            if index not in known
        ]
    if problems:
        raise refusal(problems)
    entries = inputs if inputs is not None else {"": [(index, 0) for index in range(len(nodes)) if index not in fed]}
    exits = outputs if outputs is not None else {ids[at]: [(at, 0)] for at in range(len(nodes)) if at not in left}
    taken = {node for ends in exits.values() for node, _ in ends}
    entered = {node for ends in entries.values() for node, _ in ends}
    connections = plain.get("connections") or ()
    # A link for each connection, in their order.
    buffered = {(link.source, link.target) for link, each in zip(links, connections, strict=True) if each.get("buffer")}

    def shares(index: int) -> bool:
        # The native planner lets functions share a call under these conditions.
        after = [link.target for link in links if link.source == index]
        before = [link.source for link in links if link.target in after]
        if len(after) != 1 or len(before) != 1 or (index, after[0]) in buffered:
            return False
        if index in taken or after[0] in entered:
            return False
        work, following = works[index], works[after[0]]
        return (
            isinstance(work, HostFunction)
            and isinstance(following, HostFunction)
            and on_errors[index] == on_errors[after[0]] == OnError()
            and work.spec[:2] == following.spec[:2]
            and len(work.spec.outputs) < 2
            and len(following.spec.inputs) < 2
        )

    order = _order(len(nodes), links)
    place = {index: number for number, index in enumerate(order)}
    steps = [
        Step(
            ids[index],
            _type_of(nodes[index]),
            works[index],
            [link._replace(source=place[link.source], target=place[index]) for link in links if link.target == index],
            [(number, port) for number, ends in enumerate(entries.values()) for node, port in ends if node == index],
            shares(index),
            on_errors[index],
        )
        for index in order
    ]
    results = [Output(name, ids[node], port) for name, ends in exits.items() for node, port in ends]
    metadata = plain.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return Graph(name or "pipeline", steps, list(entries), results)


def _with_functions(manifest: Mapping[str, Any], python: Sequence[str], problems: list[Problem]) -> Mapping[str, Any]:
    """The manifest with functions for their names; problems of their params are added to `problems`."""
    nodes = manifest.get("nodes")
    if not isinstance(nodes, (list, tuple)):
        return manifest
    found = []
    for index, node in enumerate(nodes):
        if isinstance(node, Mapping):
            kind = node.get("node_type")
            if isinstance(kind, str) and kind.startswith(PREFIX):
                try:
                    kind = find(kind, python, f"nodes[{index}].node_type")
                except ManifestError as error:
                    problems += error.problems
                node = {**node, "node_type": kind}
            if isinstance(kind, NodeSpec):
                problems += kind.problems(_params_of(node), f"nodes[{index}]")
        found.append(node)
    return {**manifest, "nodes": found}


def _work(
    node: Mapping[str, Any], path: str, functions: Mapping[str, HostFunction], problems: list[Problem]
) -> Callable[[], Node] | HostFunction:
    kind = node.get("node_type")
    given = node.get("params")
    if given is not None and not isinstance(given, Mapping):
        got = f"{'a' if given else 'an empty'} list" if isinstance(given, (list, tuple)) else described(given)
        got = got.removeprefix("the number ")
        problems.append(Problem(f"{path}.params", f"expected a map, got {got}", expected="a map", got=got))
    if isinstance(kind, str) and kind in functions:
        return functions[kind]
    known = BASIC.get(_type_of(node))
    if known is None:
        message = f"the Python engine has no node {kind!r}, only {', '.join(sorted(BASIC))} and Python functions"
        if not (isinstance(kind, str) and kind.startswith(PREFIX)):
            problems.append(Problem(f"{path}.node_type", message, suggestion=advice()))
        known = BASIC["PassThrough"]
    params = _params_of(node)
    if not any(problem.path.startswith(f"{path}.params") for problem in problems):
        wrong = known.wrong(params)
        problems += [Problem(f"{path}.params.{name}".removesuffix("."), message) for name, message in wrong]
    return functools.partial(known, str(node.get("id")), params)


def _params_of(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The params of a node; none where what is given is no map."""
    params = node.get("params")
    return params if isinstance(params, Mapping) else {}


def _on_error(node: Mapping[str, Any], path: str, problems: list[Problem]) -> OnError:
    given = node.get("on_error", "fail")
    if given in ("fail", "skip"):
        return OnError(skips=given == "skip")
    retry = given.get("retry") if isinstance(given, Mapping) and len(given) == 1 else None
    if isinstance(retry, Mapping) and retry.keys() <= {"times", "backoff_ms", "then"}:
        times, backoff = whole(retry.get("times")), whole(retry.get("backoff_ms", 100))
        then = retry.get("then", "fail")
        if (
            (times is not None and 1 <= times <= 100)
            and (backoff is not None and 0 <= backoff <= 3_600_000)
            and then in ("fail", "skip")
        ):
            return OnError(times, backoff / 1e3, then == "skip")
    expected = '"fail", "skip" or {"retry": {"times": ...}}'
    problems.append(Problem(f"{path}.on_error", f"expected {expected}, got {given!r}", expected=expected))
    return OnError()


def _type_of(node: Mapping[str, Any]) -> str:
    """`XNode` stands for `X`."""
    kind = str(node.get("node_type"))
    short = kind.removesuffix("Node")
    return short if short in BASIC else kind


def _links(
    connections: Any, ids: list[Any], works: Sequence[Callable[[], Node] | HostFunction], problems: list[Problem]
) -> list[Link]:
    links: list[Link] = []
    for index, connection in enumerate(connections):
        ends = []
        for side in ("from", "to"):
            text = connection.get(side) if isinstance(connection, Mapping) else None
            name, dot, named = str(text).partition(".")
            node = ids.index(name) if name in ids else -1
            ports = _ports(works[node], side)
            if node < 0 or (dot and named not in ports):
                problems.append(Problem(f"connections[{index}].{side}", f"there is no node {text!r}"))
            else:
                ends.append((node, ports.index(named) if dot else 0))
        if isinstance(connection, Mapping) and connection.get("delay_ms") is not None:
            message = "the Python engine has no connections that go backwards"
            problems.append(Problem(f"connections[{index}].delay_ms", message, suggestion=advice()))
        if len(ends) == 2:
            (source, output), (target, into) = ends
            if wrong := _misfit(connection, works[source], works[target]):
                problems.append(wrong._replace(path=f"connections[{index}]"))
            link = Link(source, target, output, into)
            if link in links or source == target:
                problems.append(Problem(f"connections[{index}]", "expected a connection of its own"))
            links.append(link)
    if not problems and len(_order(len(ids), links)) < len(ids):
        problems.append(Problem("connections", "the connections form a cycle"))
    return links


def named_ends(
    given: Any,
    field: str,
    ids: list[Any],
    works: Sequence[Callable[[], Node] | HostFunction],
    problems: list[Problem],
) -> dict[str, list[tuple[int, int]]] | None:
    """The nodes and ports of the named inputs or outputs; None if the manifest names none."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        problems.append(Problem(field, f"expected a map with at least one of the {field}, got {given!r}"))
        return None
    found: dict[str, list[tuple[int, int]]] = {}
    for name, ends in given.items():
        found[name] = []
        for text in ends if field == "inputs" and isinstance(ends, (list, tuple)) else [ends]:
            node_id, dot, named = str(text).partition(".")
            node = ids.index(node_id) if node_id in ids else -1
            ports = _ports(works[node], "to" if field == "inputs" else "from")
            end = node, ports.index(named) if dot and named in ports else 0
            if node < 0 or (dot and named not in ports) or end in found[name]:
                problems.append(Problem(f"{field}.{name}", f"there is no node {text!r}, or it stands there twice"))
            else:
                found[name].append(end)
    return found


def _misfit(
    connection: Mapping[str, Any], source: Callable[[], Node] | HostFunction, target: Callable[[], Node] | HostFunction
) -> Problem | None:
    """The problem of a connection between nodes of which one gives nothing that the other takes."""
    gives, takes = _kind(source).gives, _kind(target).takes
    if not gives or not takes or set(gives) & set(takes):
        return None
    name, other = (str(connection[side]).partition(".")[0] for side in ("from", "to"))
    given, taken = (" or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1]))) for kinds in (gives, takes))
    return Problem(
        "",
        f"{name!r} gives {given}, but {other!r} takes {taken}",
        expected=taken,
        got=given,
        suggestion=f"connect {name!r} to a node that takes {given}",
    )


def _kind(work: Callable[[], Node] | HostFunction) -> type[Node]:
    """The class of a node; for functions, which take and give anything, the base of all."""
    kind = getattr(work, "func", None)
    return kind if isinstance(kind, type) and issubclass(kind, Node) else Node


def _ports(work: Callable[[], Node] | HostFunction, side: str) -> Sequence[str]:
    """The names of the outputs of a node, or of its inputs."""
    spec = work.spec if isinstance(work, HostFunction) else SINGLE
    return (spec.outputs or ("out",)) if side == "from" else (spec.inputs or ("in",))


def _order(count: int, links: list[Link]) -> list[int]:
    """The nodes, each after those that it takes from; those on a cycle are missing."""
    order: list[int] = []
    while True:
        ready = [
            index
            for index in range(count)
            if index not in order and all(link.source in order for link in links if link.target == index)
        ]
        if not ready:
            return order
        order.append(ready[0])
