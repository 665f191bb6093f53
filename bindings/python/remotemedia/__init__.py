"""remotemedia: pipelines of media nodes on native threads, for asyncio and for plain Python.

    import remotemedia as rm

    outputs = await rm.execute("speech.yaml", [rm.File("call.flac")])

Importing this starts nothing. The native library is loaded when something of it is first used.
"""

from __future__ import annotations

from importlib import import_module

from ._process import FIRST_USE, guard
from .errors import (
    Error,
    ExecutionError,
    ForkedError,
    GoneError,
    InvalidArgumentError,
    LibraryError,
    LimitExceededError,
    ManifestError,
    MarshalError,
    NodeError,
    OutOfResourcesError,
    PanicError,
    PoisonedError,
    ShutDownError,
    StalledError,
    TimedOut,
    UnsupportedError,
)

# Every program that imports remotemedia would wait for typing; checkers take this name for true.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import nodes, testing
    from ._abi.config import Limits, configure
    from ._codec.pcm import PCM
    from ._compat import execute_pipeline, execute_pipeline_with_input
    from ._execution.execute import execute, execute_sync
    from ._execution.session import Session
    from ._files.audio_files import Info, ainfo, aread, awrite, info, read, write
    from ._files.many import Loaded, aiter_many, aread_many, iter_many, read_many
    from ._files.padding import pad_batch
    from ._files.speech import aspeech_segments, speech_segments
    from ._functions.ports import Out
    from ._graph.edge_buffer import Buffer
    from ._graph.function_node import node
    from ._graph.node import Node
    from ._graph.pipeline import Pipeline
    from ._graph.plan import Plan
    from ._manifest.codecs import Codecs, codecs
    from ._results.outputs import Outputs, Packet
    from ._results.progress import Progress
    from .errors import Cancelled, Problem
    from .media import Audio, File, Tensor
    from .table import Table
    from .video import Video

__version__ = "0.1.0"

__all__ = [
    "PCM",
    "Audio",
    "Buffer",
    "Cancelled",
    "Codecs",
    "Error",
    "ExecutionError",
    "File",
    "ForkedError",
    "GoneError",
    "Info",
    "InvalidArgumentError",
    "LibraryError",
    "LimitExceededError",
    "Limits",
    "Loaded",
    "ManifestError",
    "MarshalError",
    "Node",
    "NodeError",
    "Out",
    "OutOfResourcesError",
    "Outputs",
    "Packet",
    "PanicError",
    "Pipeline",
    "Plan",
    "PoisonedError",
    "Problem",
    "Progress",
    "Session",
    "ShutDownError",
    "StalledError",
    "Table",
    "Tensor",
    "TimedOut",
    "UnsupportedError",
    "Video",
    "__version__",
    "ainfo",
    "aiter_many",
    "aread",
    "aread_many",
    "aspeech_segments",
    "awrite",
    "codecs",
    "configure",
    "execute",
    "execute_pipeline",
    "execute_pipeline_with_input",
    "execute_sync",
    "get_runtime_version",
    "info",
    "is_available",
    "iter_many",
    "node",
    "nodes",
    "pad_batch",
    "read",
    "read_many",
    "speech_segments",
    "testing",
    "write",
]

# asyncio, typing and the native library take most of the time of an import, so they are loaded at their first use.
_HOMES = {
    "Audio": "media",
    "Buffer": "_graph.edge_buffer",
    "Cancelled": "errors",
    "Codecs": "_manifest.codecs",
    "File": "media",
    "Loaded": "_files.many",
    "Limits": "_abi.config",
    "Info": "_files.audio_files",
    "Out": "_functions.ports",
    "Outputs": "_results.outputs",
    "Node": "_graph.node",
    "PCM": "_codec.pcm",
    "Packet": "_results.outputs",
    "Pipeline": "_graph.pipeline",
    "Plan": "_graph.plan",
    "Problem": "_problem.problem",
    "Progress": "_results.progress",
    "Session": "_execution.session",
    "ainfo": "_files.audio_files",
    "aiter_many": "_files.many",
    "aread": "_files.audio_files",
    "aread_many": "_files.many",
    "aspeech_segments": "_files.speech",
    "awrite": "_files.audio_files",
    "Table": "table",
    "Tensor": "media",
    "Video": "video",
    "codecs": "_manifest.codecs",
    "configure": "_abi.config",
    "execute": "_execution.execute",
    "execute_pipeline": "_compat",
    "execute_pipeline_with_input": "_compat",
    "execute_sync": "_execution.execute",
    "info": "_files.audio_files",
    "iter_many": "_files.many",
    "node": "_graph.function_node",
    "pad_batch": "_files.padding",
    "read": "_files.audio_files",
    "read_many": "_files.many",
    "speech_segments": "_files.speech",
    "write": "_files.audio_files",
}


def get_runtime_version() -> str:
    """The version of the native library. Raises `LibraryError` if it can't be loaded."""
    guard()
    with FIRST_USE:
        from ._abi.library import version

    return version()


def is_available() -> bool:
    """Whether the native library can be loaded."""
    try:
        get_runtime_version()
    except LibraryError:
        return False
    return True


def _elsewhere(name: str) -> str:
    """Where a name lives that is not here, as the end of a sentence; empty if it is nowhere, or a private one."""
    if name.startswith("_"):
        return ""
    if name[:1].isupper() and name in import_module(f"{__name__}.nodes").__all__:
        return f"; it is a node: {__name__}.nodes.{name}"
    if name in import_module(f"{__name__}.testing").__all__:
        return f"; it is in {__name__}.testing: {__name__}.testing.{name}"
    if name in ("map", "map_sync", "run", "run_sync", "session", "stream", "stream_sync"):
        return f"; it is a method of pipelines: (Pipeline() >> node).{name}(...)"
    return ""


if not TYPE_CHECKING:
    # Type checkers know the names from the imports above, and that there are no others.
    def __getattr__(name: str) -> Any:
        home = name if name in ("nodes", "testing") else _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_elsewhere(name)}")
        guard()
        with FIRST_USE:
            module = import_module(f"{__name__}.{home}")
            value = module if home == name else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
