"""`Subgraph`: nodes with their connections, and the ends at which more can be connected. What `>>` and lists mean.

A `Pipeline` holds one, and so does whatever stands beside `>>`: a node, a port, a list of branches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidArgumentError
from .edge_buffer import Buffer
from .ends import End, Feedback, ports
from .function_node import NodeFunction
from .named_ends import NamedEnds
from .node import Linkable, Node, Port


class Composed(Linkable):
    """The base of what has a subgraph of its own: pipelines."""

    _subgraph: Subgraph


class Subgraph:
    """Nodes in their order, and how they are connected."""

    __slots__ = ("ends", "feedback", "heads", "links", "metadata", "named", "nodes")

    def __init__(self, metadata: dict[str, Any] | None = None, named: NamedEnds | None = None) -> None:
        self.metadata: dict[str, Any] = {} if metadata is None else metadata
        """The name and the description, as the manifest has them."""
        self.named = named or NamedEnds()
        self.nodes: list[Node] = []
        self.links: list[tuple[End, End]] = []
        self.heads: list[End] = []
        """Where what stands on the left of `>>` goes in."""
        self.ends: list[End] = []
        """Where what stands on the right of `>>` is connected."""
        self.feedback: list[Feedback] = []

    @classmethod
    def of(cls, part: Any) -> Subgraph:
        """The subgraph of what stands beside `>>`. Raises `InvalidArgumentError` for what can't stand there."""
        if isinstance(part, Composed):
            return part._subgraph
        if isinstance(part, Buffer):
            return cls().buffered(part)
        if isinstance(part, (list, tuple)):
            return cls._of_branches(part)
        if isinstance(part, NodeFunction):
            part = part()
        subgraph = cls()
        if isinstance(part, Node):
            subgraph.nodes = [part]
            subgraph.heads = subgraph.ends = [End(part, None)]
        elif isinstance(part, Port):
            subgraph.nodes = [part.node]
            subgraph.heads = [End(part.node, part.name if part.name in ports(part.node, "inputs") else None)]
            subgraph.ends = [End(part.node, part.name if part.name in ports(part.node, "outputs") else None)]
            if subgraph.heads == subgraph.ends == [End(part.node, None)]:
                # Neither: the native library reports it with all other problems.
                subgraph.heads = subgraph.ends = [End(part.node, part.name)]
        else:
            raise InvalidArgumentError(f">> connects nodes, pipelines and lists of them, not {described(part)}")
        return subgraph

    @classmethod
    def of_nodes(
        cls,
        nodes: Sequence[Node],
        links: Iterable[tuple[End, End]],
        feedback: Iterable[Feedback],
    ) -> Subgraph:
        """Nodes with all their connections: it begins and ends where none leads to or from."""
        subgraph = cls()
        subgraph.nodes, subgraph.links, subgraph.feedback = list(nodes), list(links), list(feedback)
        entered = {id(end.node) for _, end in subgraph.links}
        left = {id(start.node) for start, _ in subgraph.links}
        subgraph.heads = [End(node, None) for node in nodes if id(node) not in entered]
        subgraph.ends = [End(node, None) for node in nodes if id(node) not in left]
        return subgraph

    @classmethod
    def _of_branches(cls, branches: Sequence[Any]) -> Subgraph:
        if not branches:
            raise InvalidArgumentError("a list without nodes stands beside >>; put at least one in")
        subgraphs = [cls.of(each) for each in branches]
        if not all(branch.nodes for branch in subgraphs):
            raise InvalidArgumentError(
                "an empty pipeline stands in a list beside >>; leave it out, or write rm.nodes.PassThrough() for it"
            )
        both = cls(next((branch.metadata for branch in subgraphs if branch.metadata), {}))
        both.nodes = _each_once([node for branch in subgraphs for node in branch.nodes])
        both.links = _each_once([link for branch in subgraphs for link in branch.links])
        both.heads = _each_once([head for branch in subgraphs for head in branch.heads])
        both.ends = _each_once([end for branch in subgraphs for end in branch.ends])
        for branch in subgraphs:
            both.named = both.named.joined(branch.named)
        both.feedback = _each_once([each for branch in subgraphs for each in branch.feedback])
        return both

    @property
    def parts(self) -> tuple[Any, ...]:
        """All that it consists of, but its name."""
        return self.nodes, self.links, self.heads, self.ends, self.feedback, self.named

    def copy(self) -> Subgraph:
        """Another one with the same nodes."""
        copy = Subgraph(dict(self.metadata), self.named)
        copy.nodes, copy.links, copy.feedback = list(self.nodes), list(self.links), list(self.feedback)
        copy.heads, copy.ends = list(self.heads), list(self.ends)
        return copy

    def add(self, node: Node, before: Sequence[End]) -> None:
        """Adds a node behind these ends. Raises `InvalidArgumentError` for an end that is not here."""
        for end in before:
            if end.node not in self.nodes:
                raise InvalidArgumentError(f"after={end.node!r} is not in the pipeline; add it first")
        added = End(node, None)
        self.links += [(end, added) for end in before]
        self.heads += [] if before else [added]
        self.nodes.append(node)
        self.ends = [added]

    def then(self, other: Any) -> Subgraph:
        """This, and behind its ends what stands on the right of `>>`."""
        if isinstance(other, Buffer):
            return self.buffered(other)
        right = Subgraph.of(other)
        joined = Subgraph({**right.metadata, **self.metadata}, self.named.joined(right.named))
        joined.nodes = _each_once([*self.nodes, *right.nodes])
        # Nodes that are in this pipeline already keep their places, unless one is named as the next node.
        is_node = isinstance(other, (Node, Port))
        heads = [head for head in right.heads if is_node or head.node not in self.nodes]
        # A port that its node does not have is no way from the node into itself as well: `ear >> ear["evnets"]`.
        is_unknown = isinstance(other, Port) and right.heads == right.ends == [End(other.node, other.name)]
        across = [(end, head) for end in self.ends for head in heads if not (is_unknown and end.node is head.node)]
        joined.links = _each_once([*self.links, *right.links, *across])
        joined.heads = list(self.heads) if self.nodes else list(right.heads)
        # An empty pipeline adds nothing, on either side.
        joined.ends = list(right.ends if right.nodes else self.ends)
        joined.feedback = _each_once([*self.feedback, *right.feedback])
        if right.nodes and joined.parts == self.parts:
            name = next((node.name for node in right.nodes if node.name is not None), None)
            renamed = f", once its nodes have other names: again.nodes[{name!r}].name = {f'{name}_2'!r}" if name else ""
            raise InvalidArgumentError(
                "what is on the right of >> is in the pipeline already, and the same object is the same node; "
                f"again = copy.deepcopy(pipeline) is another one{renamed}"
            )
        return joined

    def looped(
        self, source: Node | Port, target: Node | Port, delay_ms: int, buffer: Mapping[str, Any] | Buffer | None
    ) -> Subgraph:
        """This, with a connection that goes backwards."""
        ends = []
        for part, side in ((source, "source"), (target, "target")):
            if isinstance(part, str):
                raise InvalidArgumentError(f"{side} takes a node, not its name; write pipeline.nodes[{part!r}]")
            given = Subgraph.of(part)
            found = given.ends if side == "source" else given.heads
            if len(found) != 1:
                raise InvalidArgumentError(
                    f"{side} takes one node of the pipeline, or a port of one, not {described(part)}; "
                    "write feedback(...) for each connection that leads backwards"
                )
            end = found[0]
            if end.node not in self.nodes:
                raise InvalidArgumentError(f"{side}={end.node!r} is not in the pipeline; add it first")
            ends.append(end)
        looped = self.copy()
        looped.feedback.append(Feedback(ends[0]._replace(buffer=Buffer.of(buffer)), ends[1], delay_ms))
        return looped

    def buffered(self, buffer: Buffer) -> Subgraph:
        """This, with a buffer on the connections that the next `>>` makes."""
        if not self.ends:
            raise InvalidArgumentError(
                f"{buffer!r} stands before the first node; a session bounds what waits there: session(buffer=...)"
            )
        for end in self.ends:
            if end.buffer is not None:
                raise InvalidArgumentError(f"{end.buffer!r} and {buffer!r} stand between the same nodes; keep one")
        buffered = self.copy()
        buffered.ends = [end._replace(buffer=buffer) for end in self.ends]
        return buffered


def _each_once(parts: list[Any]) -> list[Any]:
    """The parts without repetitions. Nodes are equal only to themselves."""
    return list(dict.fromkeys(parts))


def described(part: Any) -> str:
    """What was given in place of a node, and what to write, for a message."""
    if isinstance(part, type) and issubclass(part, Linkable):
        return f"the class {part.__name__}; write {part.__name__}()"
    if isinstance(part, str):
        return f"the text {part!r}; write remotemedia.Node({part!r})"
    if callable(part):
        name = getattr(part, "__name__", type(part).__name__)
        return f"the function {name}; decorate it with @remotemedia.node"
    return f"a value of the type {type(part).__name__}"
