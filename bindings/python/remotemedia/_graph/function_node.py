"""`@remotemedia.node`: a Python function as a node, with params that are the function's arguments behind the value."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, SupportsIndex, TypeVar, overload

from .._functions.params import params_of, problems_of
from .._functions.spec import SINGLE, CallSpec, NodeSpec, call_spec, gives_many
from .._process import FIRST_USE
from ..errors import InvalidArgumentError, ManifestError, Problem
from .node import Linkable, Node, OnError

Value = TypeVar("Value")
Params = ParamSpec("Params")
Result = TypeVar("Result")


class NodeFunction(Linkable, NodeSpec, Generic[Value, Params, Result]):
    """A function that makes nodes: `gain(db=3)` is one, `gain.fn(value, db=3)` calls the function itself.

    `params` are the arguments behind the value by their names. In a dict that is a manifest it may be a `node_type`.

    `pickle` writes it by its name, so it has to be at the top level of a module. cloudpickle, and what builds on it,
    writes functions of `__main__`, lambdas and inner functions with their code.
    """

    fn: Callable[Concatenate[Value, Params], Result]
    """The plain function."""

    def __init__(self, fn: Callable[Concatenate[Value, Params], Result], spec: CallSpec = SINGLE) -> None:
        params = params_of(fn, bool(spec.inputs))
        # What stands in a class or at a function is seen at its node too, unless the node has something of that name.
        self.__dict__.update({name: each for name, each in vars(fn).items() if not hasattr(NodeFunction, name)})
        functools.update_wrapper(self, fn, updated=())
        self.fn = fn
        self.spec = spec
        self.params: Mapping[str, inspect.Parameter] = params
        self._maker = _maker(fn, spec)
        self.emits: Any = None
        """The shape of its results, where a pickle brought it: names in annotations don't travel with the code."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Of one that came out of a pickle everything is missing until it is first used.
            if "_source" in self.__dict__ and "fn" not in self.__dict__:
                maker, emits = self._source
                made = maker()
                made.emits = emits
                self.__class__ = type(made)
                self.__dict__.update(made.__dict__)
            return object.__getattribute__(self, name)

    # Type checkers know no way to add `name` and `on_error` to the params of the function: with them, they let all
    # params pass.
    @overload
    def __call__(self, *values: Params.args, **params: Params.kwargs) -> Node: ...

    @overload
    def __call__(self, *, name: str | None, on_error: OnError | None = None, **params: Any) -> Node: ...

    @overload
    def __call__(self, *, on_error: OnError | None, **params: Any) -> Node: ...

    def __call__(self, *values: Any, **params: Any) -> Node:
        """A node that runs the function with these params. `name` becomes its id; see `Node` for `on_error`.

        Wrong params are reported when the pipeline is validated or run.
        """
        if values:
            title = self.fn.__name__
            raise InvalidArgumentError(
                f"{title}(...) makes a node and takes params by name; to call the function write {title}.fn(...)"
            )
        name, on_error = params.pop("name", None), params.pop("on_error", None)
        return Node(self, params, name=name, on_error=on_error)

    @property
    def node_type(self) -> str:
        """The node type that names it in text: `python:package.module:function`.

        Raises `ManifestError` for a function that no other program could import: a lambda, one that is defined in a
        function, or one of the program that runs (`__main__`).
        """
        module, name = self.fn.__module__, self.fn.__qualname__
        if "<lambda>" in name:
            why = "a lambda has no name to import it by; give it one with def, in a module"
        elif "<locals>" in name:
            why = "it is defined inside a function; move it to the top level of a module"
        elif module == "__main__":
            why = "it is in the program that runs; move it to a module of its own"
        elif _found(module, name) is not self:
            why = f"{module}.{name} is something else by now; import the module again"
        else:
            return f"python:{module}:{name}"
        raise ManifestError(
            f"the Python function {name!r} can't be saved as text: {why}",
            [Problem("", "a function that can't be imported", got=name, suggestion=why)],
        )

    def problems(self, params: Mapping[str, Any], path: str) -> list[Problem]:
        """All that is wrong with the params of a node at `path` in its manifest, worded as for built-in nodes."""
        return problems_of(self.fn, self.params, params, path)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        # The name of the maker has a dot, which protocols before 4 can't write.
        if int(protocol) < 4:
            return self.fn.__qualname__
        if self.fn.__module__ != "__main__" and _found(self.fn.__module__, self.fn.__qualname__) is self:
            return _unpickled, (self._maker,)
        with FIRST_USE:
            from .annotated_shape import shape_of_results

        return _unpickled, (self._maker, self.emits or shape_of_results(self.fn, self.spec))

    def __copy__(self) -> NodeFunction[Value, Params, Result]:
        return self

    def __deepcopy__(self, _: object) -> NodeFunction[Value, Params, Result]:
        return self

    def __repr__(self) -> str:
        return f"<node function {self.fn.__module__}.{self.fn.__qualname__}>"


class PortFunction(NodeFunction[Value, Params, Result]):
    """Such a function that names its inputs: behind the value it takes the one at which that came."""

    fn: Callable[Concatenate[Value, str, Params], Result]  # type: ignore[assignment]


class Processor(Protocol):
    """The method that a class has whose instances are nodes."""

    def process(self, value: Any, /) -> Any:
        """Processes a value."""


class PortProcessor(Protocol):
    """The method of such a class that names its inputs."""

    def process(self, value: Any, port: Any, /) -> Any:
        """Processes a value that came at an input."""


class BatchDecorator(Protocol):
    """The decorator `@node(batch=...)`, for functions from a list to a list, and classes with such a method."""

    @overload
    def __call__(
        self, fn: Callable[Concatenate[list[Value], Params], Result], /
    ) -> NodeFunction[list[Value], Params, Result]: ...

    @overload
    def __call__(self, fn: Callable[Params, Processor], /) -> NodeFunction[Any, Params, Any]: ...

    def __call__(self, fn: Any, /) -> Any:
        """The node."""


class Decorator(Protocol):
    """The decorator `@node(inplace=...)`, for functions and classes."""

    @overload
    def __call__(self, fn: Callable[Concatenate[Value, Params], Result], /) -> NodeFunction[Value, Params, Result]: ...

    @overload
    def __call__(self, fn: Callable[Params, Processor], /) -> NodeFunction[Any, Params, Any]: ...

    def __call__(self, fn: Any, /) -> Any:
        """The node."""


class PortDecorator(Protocol):
    """The decorator `@node(inputs=...)`, for functions of a value and the name of its input, and classes."""

    @overload
    def __call__(
        self, fn: Callable[Concatenate[Value, Any, Params], Result], /
    ) -> PortFunction[Value, Params, Result]: ...

    @overload
    def __call__(self, fn: Callable[Params, PortProcessor], /) -> NodeFunction[Any, Params, Any]: ...

    def __call__(self, fn: Any, /) -> Any:
        """The node."""


@overload
def node(fn: Callable[Concatenate[Value, Params], Result]) -> NodeFunction[Value, Params, Result]: ...


@overload
def node(fn: Callable[Params, Processor]) -> NodeFunction[Any, Params, Any]: ...


@overload
def node(fn: None = None, *, batch: int, max_wait_ms: float | None = None, inplace: bool = False) -> BatchDecorator: ...


@overload
def node(
    fn: None = None,
    *,
    inplace: bool = False,
    inputs: Sequence[str],
    outputs: Sequence[str] | None = None,
) -> PortDecorator: ...


@overload
def node(
    fn: None = None,
    *,
    batch: None = None,
    max_wait_ms: None = None,
    inplace: bool = False,
    inputs: None = None,
    outputs: Sequence[str] | None = None,
) -> Decorator: ...


def node(
    fn: Any = None,
    *,
    batch: int | None = None,
    max_wait_ms: float | None = None,
    inplace: bool = False,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Any:
    """Makes a function a node for pipelines and manifests: sync or async, and generators of both kinds.

        @rm.node
        def gain(audio: rm.Audio, db: float = 0.0) -> rm.Audio:
            return rm.Audio(audio.samples * 10 ** (db / 20), audio.rate, pts=audio.pts)

        pipeline = rm.Pipeline("louder") >> rm.nodes.AudioDecode() >> gain(db=3)

    It gets each value by itself; arrays are read-only. Returning None emits nothing. A generator emits each value that
    it yields at once, and is resumed only while there is room behind it; what ends the work closes it. A sync function
    runs on a thread, an async one on the caller's event loop. An exception ends the work as the `__cause__` of a
    `NodeError`.

    The arguments behind the value are the node's params: they have a default or stand behind a star, and their
    annotations are checked before anything runs. The annotation of the value is checked where it is a type of media,
    such as `Audio`: another value is a `NodeError`.

    A class has state between values: `process(self, value)`, and `initialize`, `flush` and `cleanup` where it needs
    them. Every run makes an instance of its own from the params, the arguments of `__init__`.

    With `batch` the function gets a list of up to so many values, 1 to 1024, and returns a list as long, with None
    where nothing is to come out. It takes what is there; with `max_wait_ms`, 0 to 3,600,000, it waits so long for the
    list to be full. A list that it raises with it gets again as it was, value by value, so that an error is that of one
    value.

        @rm.node(batch=32, max_wait_ms=5)
        def classify(pictures: list[np.ndarray]) -> list[str]:
            return model(np.stack(pictures))

    `process` of a class takes such lists too; what its `flush` gives are values.

    With `inplace=True` the value is a copy of its own, with arrays that it may write to; it returns what goes on.

    `inputs` and `outputs` name its ports, which are `in` and `out` otherwise. A value by itself goes to the first
    output, `rm.Out("name", value)` to that one. With `inputs` it is told behind the value at which of them that came.

        @rm.node(outputs=["speech", "rest"])
        def split(segment: dict[str, Any]) -> rm.Out:
            return rm.Out("speech" if segment["probability"] > 0.5 else "rest", segment)

        apart = split()
        pipeline = rm.Pipeline() >> source >> apart["speech"] >> recognize
        pipeline.add_node(archive, after=apart["rest"])

    Raises `InvalidArgumentError` for arguments that are no params, for a class without `process`, for a batch of a
    generator or beside ports, for what are no names of ports, and for a `batch` or `max_wait_ms` outside of these
    ranges.
    """
    spec = call_spec(batch, max_wait_ms, inplace, inputs, outputs)
    if fn is None:
        return lambda decorated: _with_spec(decorated, spec)
    return _with_spec(fn, spec)


def _with_spec(fn: Callable[..., Any], spec: CallSpec) -> NodeFunction[Any, ..., Any]:
    made = _made(fn, spec)
    if spec.batch is not None:
        title = fn.__name__
        if gives_many(getattr(fn, "process", fn)):
            raise InvalidArgumentError(
                f"{title} is a generator, and what takes a batch returns a list; leave batch out, or return a list"
            )
    return made


def _made(fn: Callable[..., Any], spec: CallSpec) -> NodeFunction[Any, ..., Any]:
    return PortFunction(fn, spec) if spec.inputs and not inspect.isclass(fn) else NodeFunction(fn, spec)


def _maker(fn: Callable[..., Any], spec: CallSpec) -> Callable[[], NodeFunction[Any, ..., Any]]:
    """A function that makes the node of `fn`, and stands for it in pickles.

    Libraries that pickle by value do so with functions alone, and with those that can't be imported. `pickle` finds it
    by its name, as an attribute of the node, wherever that one can be found itself.
    """

    def maker() -> NodeFunction[Any, ..., Any]:
        return _made(fn, spec)

    maker.__module__, maker.__name__, maker.__qualname__ = fn.__module__, "_maker", f"{fn.__qualname__}._maker"
    return maker


def _unpickled(maker: Callable[[], NodeFunction[Any, ..., Any]], emits: Any = None) -> NodeFunction[Any, ..., Any]:
    """The node that a maker belongs to, if that one was found by its name; else one that it makes at its first use.

    Not before: of a function that refers to its node, this is called while both are only begun.
    """
    found = sys.modules.get(maker.__module__)
    for part in maker.__qualname__.split(".")[:-1]:
        found = getattr(found, part, None)
    if isinstance(found, NodeFunction) and found._maker is maker:
        return found
    made: NodeFunction[Any, ..., Any] = NodeFunction.__new__(NodeFunction)
    made.__dict__["_source"] = maker, emits
    return made


def _found(module: str, name: str) -> Any:
    try:
        return functools.reduce(getattr, name.split("."), sys.modules.get(module) or importlib.import_module(module))
    except (ImportError, AttributeError):
        return None
