"""Compiles manifests of every form to pipelines, which are used again.

Pipelines are cached by the content of their manifest. Python functions in a manifest are only names there: the cache
keeps none of them alive.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Union

from .._abi import ownership
from .._abi.library import NULL, ffi, lib, made, runtime
from .._abi.lifetimes import hidden
from .._codec.documents import ask, pack_alone, pack_plain
from .._functions.spec import HostClass, HostFunction
from .._process import FIRST_USE, after_fork
from ..errors import ManifestError, MarshalError, Problem
from .foreign import check_keys, with_cures
from .functions import check_params, take_functions, with_functions
from .python_types import PREFIX
from .source import is_text, read

Manifest = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A dict, a path, or JSON or YAML text."""

CACHED = 128
"""How many compiled pipelines are kept."""

BATCH = 32
"""The most packets in one call of a Python function, unless `@node` says otherwise."""


class HostNodeType(NamedTuple):
    """A node type that is a Python function."""

    name: str
    ends: bool = False
    """Whether it gets the ends of items and of the stream."""
    batch: int = BATCH
    max_wait_ms: float | None = None
    """How long a call that is not full waits for more packets."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    """The names of its ports, where they are not `in` and `out`."""

    def declared(self, token: int) -> dict[str, Any]:
        """The declaration of this type for the runtime."""
        told = {"token": token, "batch": self.batch, "ends": self.ends}
        more = {"max_wait_ms": self.max_wait_ms, "inputs": self.inputs or None, "outputs": self.outputs or None}
        return told | {key: value for key, value in more.items() if value is not None}


class CompiledPipeline:
    """A compiled manifest. `tokens` are the numbers of its Python functions, in the manifest's order."""

    __slots__ = ("_behind", "_ends", "_hold", "address", "handle", "tokens", "used")
    is_first = True
    """Whether the next one is the first of this process."""

    def __init__(self, manifest: bytes, host_types: Sequence[HostNodeType] = ()) -> None:
        self.used = False
        self._behind: dict[str, frozenset[str]] = {}
        self.tokens = [ownership.number() for _ in host_types]
        options = b""
        if host_types:
            nodes = {each.name: each.declared(token) for each, token in zip(host_types, self.tokens, strict=True)}
            options = pack_plain({"host_nodes": nodes})
        given = manifest, len(manifest), options if options else NULL, len(options)
        make = partial(lib.rm_pipeline_new, runtime(), *given)
        if CompiledPipeline.is_first:
            # The library makes its checker of manifests at the first one.
            with FIRST_USE:
                self.handle: Any = made("rm_pipeline **", lib.rmpy_clear_pipeline, make)
            CompiledPipeline.is_first = False
        else:
            self.handle = made("rm_pipeline **", lib.rmpy_clear_pipeline, make)
        self._hold = hidden(self.handle)
        self.address = int(ffi.cast("uintptr_t", self.handle))
        self._ends: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def describe(self) -> dict[str, Any]:
        """The plan: `name`, `nodes`, `connections`, `inputs` and `outputs`, with stages and inserted converters."""
        plan: dict[str, Any] = ask(lambda output, error: lib.rm_pipeline_describe(self.handle, output, error))
        return plan

    def outputs_behind(self, node: str) -> frozenset[str]:
        """The names of the outputs that come from a node or pass it."""
        known = self._behind.get(node)
        if known is None:
            plan = self.describe()
            links = [
                (each["from"].rpartition(".")[0], each["to"].rpartition(".")[0])
                for each in plan["connections"]
                if each["kind"] != "feedback"
            ]
            behind, left = {node}, [node]
            while left:
                source = left.pop()
                found = [target for start, target in links if start == source and target not in behind]
                behind.update(found)
                left += found
            ends = [(each["name"], each["from"].rpartition(".")[0] or each["from"]) for each in plan["outputs"]]
            known = self._behind[node] = frozenset(name for name, source in ends if source in behind)
        return known

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs; `("",)` of the one input of a manifest that names none."""
        return self._named_ends()[0]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return self._named_ends()[1]

    def _named_ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._ends is None:
            plan = self.describe()
            self._ends = tuple(each["name"] for each in plan["inputs"]), tuple(each["name"] for each in plan["outputs"])
        return self._ends


class Compiled(NamedTuple):
    """A pipeline, and the functions that it calls by their numbers."""

    pipeline: CompiledPipeline
    functions: dict[int, HostFunction] | None = None


_lock = threading.Lock()
_cache: dict[Any, CompiledPipeline] = {}
"""In the order of insertion. A use only marks its entry; eviction spares marked entries once."""


def cached(key: Any) -> CompiledPipeline | None:
    """The pipeline of a manifest's text, or of another key, if it is in the cache."""
    pipeline = _cache.get(key)
    if pipeline is not None:
        pipeline.used = True
    return pipeline


def compile_manifest(manifest: Manifest, python: Sequence[str] = ()) -> Compiled:
    """The pipeline of a manifest.

    `python` are the packages of which it may name functions.

    Raises `ManifestError` with all that is wrong with it, `FileNotFoundError` if it is the path of no file.
    """
    if isinstance(manifest, str):
        return _compile_any_text(manifest if is_text(manifest) else read(manifest), python)
    if isinstance(manifest, os.PathLike):
        return _compile_any_text(read(os.fspath(manifest)), python)
    if isinstance(manifest, Mapping):
        return _compile_mapping(manifest, python)
    raise ManifestError(
        f"a manifest is a dict, a path, or JSON or YAML text, not {type(manifest).__name__}{_cure(manifest)}",
        [Problem("", "wrong type", expected="dict, path or text", got=type(manifest).__name__)],
    )


def compile_text(text: str) -> CompiledPipeline:
    """The pipeline of JSON or YAML text."""
    pipeline = cached(text)
    if pipeline is None:
        pipeline = _remember(text, CompiledPipeline(encoded(text)))
    return pipeline


def compile_once(manifest: Mapping[str, Any]) -> Compiled:
    """The pipeline of a manifest of plain values that is unlikely to come again. It takes no place in the cache, from
    which it would push pipelines that do."""
    return Compiled(CompiledPipeline(pack_plain(manifest)))


def compile_by_key(key: tuple[Any, ...], write: Callable[[], Mapping[str, Any]]) -> Compiled:
    """The pipeline of the manifest of plain values that `write` gives, which is asked for it only if the cache has none
    under this key."""
    pipeline = cached(key)
    if pipeline is None:
        pipeline = _remember(key, CompiledPipeline(pack_plain(write())))
    return Compiled(pipeline)


def encoded(text: str) -> bytes:
    """A manifest's text as UTF-8. Raises `ManifestError` for a lone surrogate."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ManifestError(
            f"the manifest has a lone surrogate at index {error.start}, which is no character",
            [Problem("", "not Unicode text")],
        ) from None


def _compile_any_text(text: str, python: Sequence[str]) -> Compiled:
    if PREFIX not in text:
        return Compiled(compile_text(text))
    with FIRST_USE:
        from .text_reader import from_text

    return _compile_mapping(from_text(text, python), python)


def _compile_mapping(manifest: Mapping[str, Any], python: Sequence[str]) -> Compiled:
    if _is_plain(manifest):
        return Compiled(_compile_plain(manifest, ()))
    manifest = with_functions(manifest, python)
    plain, functions = take_functions(manifest)
    types = _types_of(functions)
    if functions:
        check_params(manifest, lambda: CompiledPipeline(pack_plain(plain), types))
    # The pipeline does not depend on the functions themselves: each run brings its own.
    pipeline = _compile_plain(plain, types)
    return Compiled(pipeline, dict(zip(pipeline.tokens, functions, strict=True)) or None)


def _is_plain(manifest: Mapping[str, Any]) -> bool:
    """Whether it can go into a document as it is, by a quick look: no node is a Python function or names one."""
    if type(manifest) is not dict:
        return False
    nodes = manifest.get("nodes")
    if type(nodes) is not list:
        return False
    for node in nodes:
        if type(node) is not dict:
            return False
        kind = node.get("node_type")
        if type(kind) is not str or kind.startswith(PREFIX):
            return False
    return True


def _compile_plain(manifest: Mapping[str, Any], types: tuple[HostNodeType, ...]) -> CompiledPipeline:
    """The pipeline of a manifest with names in place of functions, which are of these types."""
    try:
        document, _ = pack_alone(manifest, "manifest")
    except MarshalError as error:
        path, _, message = str(error).removeprefix("manifest").removeprefix(".").partition(": ")
        raise ManifestError(f"{path or 'the manifest'}: {message}", [Problem(path, message)]) from None
    pipeline = _cache.get((document, types))
    if pipeline is None:
        check_keys(manifest)
        try:
            compiled = CompiledPipeline(document, types)
        except ManifestError as error:
            raise with_cures(error, manifest) from None
        pipeline = _remember((document, types), compiled)
    else:
        pipeline.used = True
    return pipeline


def _types_of(functions: Sequence[HostFunction]) -> tuple[HostNodeType, ...]:
    return tuple(_type_of(each) for each in functions)


def _type_of(function: HostFunction) -> HostNodeType:
    name, ends, spec = function.node_type, isinstance(function, HostClass), function.spec
    # Batches share no call with functions that take single values: those would have to wait for a batch to be full.
    if spec.batch is None:
        return HostNodeType(name, ends, inputs=spec.inputs, outputs=spec.outputs)
    return HostNodeType(name, ends, spec.batch, spec.max_wait_ms)


def _remember(key: Any, pipeline: CompiledPipeline) -> CompiledPipeline:
    with _lock:
        pipeline = _cache.setdefault(key, pipeline)
        while len(_cache) > CACHED:
            oldest = next(iter(_cache))
            evicted = _cache.pop(oldest)
            if evicted.used:
                evicted.used = False
                _cache[oldest] = evicted
    return pipeline


def _child() -> None:
    # The handles belong to the parent: freeing them here does nothing.
    global _lock
    _lock = threading.Lock()
    _cache.clear()


after_fork(_child)


def _cure(given: Any) -> str:
    """How to run what was given in place of a manifest, as the end of a sentence."""
    if hasattr(given, "run_sync"):
        return "; a pipeline runs by itself: await pipeline.run(inputs), or pipeline.run_sync(inputs)"
    if hasattr(given, "node_type"):
        return "; a node runs in a pipeline: (Pipeline() >> node).run_sync(inputs)"
    return "; it comes first, the inputs behind it" if isinstance(given, (list, tuple)) else ""
