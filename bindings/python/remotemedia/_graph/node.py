"""`Node`: a node type with its params and perhaps a name, and the operator `>>` that connects nodes."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from .._media.file import at_home, to_native, why_not_native
from .._problem.maps import map_of
from .._process import FIRST_USE
from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    from .function_node import NodeFunction
    from .pipeline import Pipeline

Init = TypeVar("Init", bound=Callable[..., None])

OnError = Literal["fail", "skip"] | Mapping[str, Mapping[str, Any]]
"""What an error of a node does: it fails the work, is skipped, or is tried again."""

PATHS = "path", "paths"
"""The params of built-in nodes that are a path, or a list of them."""


class Linkable:
    """The base of all that `>>` connects: nodes, their ports, functions that are nodes, pipelines."""

    __slots__ = ()

    def __rshift__(self, other: Linkable | list[Any] | tuple[Any, ...]) -> Pipeline:
        """A pipeline in which the output of this goes into `other`: a node, a pipeline, or a list of branches."""
        with FIRST_USE:
            from .pipeline import Pipeline

        return Pipeline() >> self >> other

    def __rrshift__(self, other: list[Any] | tuple[Any, ...]) -> Pipeline:
        """`[a, b] >> c`: the output of each goes into `c`."""
        with FIRST_USE:
            from .pipeline import Pipeline

        return Pipeline() >> other >> self


class Node(Linkable):
    """One node of a pipeline, of any type by its name: `Node("AudioLevel", {"window_ms": 50})`.

    `remotemedia.nodes` has a class for each built-in type. `name` becomes the id in the manifest; without it the id is
    the type in lower case, with a number if it is taken: `audiolevel`, `audiolevel_2`. `capabilities` are kept as
    they are. `on_error` says what an error of the node does: `"fail"`, which is the default, `"skip"`, or
    `{"retry": {"times": 3, "backoff_ms": 100, "then": "skip"}}`. The same object is the same node wherever it stands
    in a pipeline.
    """

    __slots__ = ("capabilities", "name", "node_type", "on_error", "params")

    def __init__(
        self,
        node_type: str | Callable[..., Any],
        params: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        capabilities: Mapping[str, Any] | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self.node_type: str | Callable[..., Any] | NodeFunction[Any, ..., Any] = node_type
        self.params: dict[str, Any] = map_of("params", params)
        if isinstance(node_type, Node) or (isinstance(node_type, type) and issubclass(node_type, Node)):
            raise InvalidArgumentError(_not_a_type(node_type, self.params))
        self.name = name
        self.capabilities = capabilities
        self.on_error = on_error

    @overload
    def __getitem__(self, port: str) -> Port: ...

    @overload
    def __getitem__(self, port: tuple[str, ...]) -> list[Port]: ...

    def __getitem__(self, port: str | tuple[str, ...]) -> Port | list[Port]:
        """One of its ports, to connect or as a result: `vad["speech"] >> level`, `source >> mix["voice"]`.

        `ear["segments", "events"]` is a list of both.
        """
        if isinstance(port, str):
            return Port(self, port)
        if not isinstance(port, tuple) or not all(isinstance(name, str) for name in port):
            raise InvalidArgumentError(f"{self.title} has ports by their names, not {port!r}; {_ports_of(self)}")
        return [Port(self, name) for name in port]

    # `[]` makes ports, it does not list them.
    __iter__ = None

    @property
    def title(self) -> str:
        """The type as text."""
        return self.node_type if isinstance(self.node_type, str) else getattr(self.node_type, "__name__", "function")

    def __repr__(self) -> str:
        name = [] if self.name is None else [f"name={self.name!r}"]
        return f"{self.title}({', '.join([f'{key}={value!r}' for key, value in self.params.items()] + name)})"


class Port(Linkable):
    """One port of a node, to connect with `>>`: an input on its right, an output on its left."""

    __slots__ = ("name", "node")

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name

    def __repr__(self) -> str:
        return f"{self.node!r}[{self.name!r}]"


def takes_given_params(init: Init) -> Init:
    """Decorates the `__init__` of a class of `remotemedia.nodes`, which editors show: keeps the params that are given.

    A param that is None is left to the node, as if it were not given. Unknown and wrong ones are found with all other
    problems when the pipeline is validated or run. Where exactly one param is required it may be given without its
    name: `AudioResample(16000)`.
    """
    code: CodeType = init.__code__
    positional = code.co_varnames[1 : code.co_argcount]
    # Of a class that is made of it, it is the same node.
    node_type = init.__qualname__.partition(".")[0]

    @functools.wraps(init)
    def take(self: Node, *values: Any, name: str | None = None, on_error: OnError | None = None, **params: Any) -> None:
        if len(values) > len(positional) or any(param in params for param in positional[: len(values)]):
            names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
            raise InvalidArgumentError(_too_many(type(self).__name__, positional, names))
        params = dict(zip(positional, values, strict=False)) | params
        params = {key: value for key, value in params.items() if value is not None}
        locate(params)
        Node.__init__(self, node_type, params, name=name, on_error=on_error)

    return take  # type: ignore[return-value]


def locate(params: dict[str, Any], named: Callable[[Any], str] = os.fsdecode) -> None:
    """Calls paths among the params of a node as the runtime does; see `located`."""
    for param in PATHS:
        if param in params:
            params[param] = located(params[param], named)


def located(paths: Any, named: Callable[[Any], str] = os.fsdecode) -> Any:
    """A path or several as the runtime calls them, with the user's folder in place of `~`; anything else as it is.

    `named` gives Python's name of a path: of text that was read as UTF-8 it is `from_native`.
    """
    if isinstance(paths, (str, os.PathLike)):
        path = at_home(named(paths))
        native = to_native(path)
        if native is None:
            raise InvalidArgumentError(why_not_native(path, "give it another name"))
        return native
    return [located(path, named) for path in paths] if isinstance(paths, (list, tuple)) else paths


def _not_a_type(given: Node | type[Node], params: Mapping[str, Any]) -> str:
    """What is wrong with a node, or a class of nodes, in place of a node type, and what to write."""
    if isinstance(given, Node):
        return f"{given!r} is a node already; use it as it is"
    values = ", ".join(f"{name}={value!r}" for name, value in params.items())
    return f"{given.__name__} is a class of nodes, and no node type; write {given.__name__}({values})"


def _ports_of(node: Node) -> str:
    """The ports of a node, for a message."""
    with FIRST_USE:
        from .ends import ports

    sides = [(side, ", ".join(map(repr, ports(node, side)))) for side in ("inputs", "outputs")]
    return "; ".join(f"its {side} are {names}" for side, names in sides if names) or "write node['out']"


def _too_many(title: str, positional: Sequence[str], names: Sequence[str]) -> str:
    """What is wrong with values that were given to a class without names, in its words."""
    others = [name for name in names if name not in (*positional, "name", "on_error")]
    if positional:
        first = positional[0]
        rest = f", and the others by name, such as {others[0]}=..." if others else ""
        return f"{title} takes one value, {first}, once{rest}"
    if not others:
        return f"{title} has no params; write {title}()"
    listed = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    return f"{title} takes its params by name, such as {title}({others[0]}=...); it has {listed}"
