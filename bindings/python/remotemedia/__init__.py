"""remotemedia: pipelines of media nodes on native threads, for asyncio and for plain Python.

    import remotemedia as rm

    outputs = await rm.execute("speech.yaml", [rm.File("call.flac")])

Importing this starts nothing. The native library is loaded when something of it is first used.
"""

from __future__ import annotations

from importlib import import_module

from ._process import FIRST_USE, guard, in_main_interpreter
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
)

# Every program that imports remotemedia would wait for typing; checkers take this name for true.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import nodes, testing
    from ._buffer import Buffer
    from ._configure import Limits, configure
    from ._execute import execute, execute_sync
    from ._first_design import execute_pipeline, execute_pipeline_with_input
    from ._function import node
    from ._graph import Pipeline
    from ._node import Node
    from ._outputs import Outputs, Packet
    from ._pcm import PCM
    from ._plan import Plan
    from ._ports import Out
    from ._progress import Progress
    from ._session import Session
    from ._sound_files import Info, ainfo, aread, awrite, info, read, write
    from ._speech import aspeech_segments, speech_segments
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
    "Video",
    "__version__",
    "ainfo",
    "aread",
    "aspeech_segments",
    "awrite",
    "configure",
    "execute",
    "execute_pipeline",
    "execute_pipeline_with_input",
    "execute_sync",
    "get_runtime_version",
    "info",
    "is_available",
    "node",
    "nodes",
    "read",
    "speech_segments",
    "testing",
    "write",
]

# asyncio, typing and the native library take most of the time of an import, so they are loaded at their first use.
_HOMES = {
    "Audio": "media",
    "Buffer": "_buffer",
    "Cancelled": "errors",
    "File": "media",
    "Limits": "_configure",
    "Info": "_sound_files",
    "Out": "_ports",
    "Outputs": "_outputs",
    "Node": "_node",
    "PCM": "_pcm",
    "Packet": "_outputs",
    "Pipeline": "_graph",
    "Plan": "_plan",
    "Problem": "_problems",
    "Progress": "_progress",
    "Session": "_session",
    "ainfo": "_sound_files",
    "aread": "_sound_files",
    "aspeech_segments": "_speech",
    "awrite": "_sound_files",
    "Table": "table",
    "Tensor": "media",
    "Video": "video",
    "configure": "_configure",
    "execute": "_execute",
    "execute_pipeline": "_first_design",
    "execute_pipeline_with_input": "_first_design",
    "execute_sync": "_execute",
    "info": "_sound_files",
    "node": "_function",
    "read": "_sound_files",
    "speech_segments": "_speech",
    "write": "_sound_files",
}


def get_runtime_version() -> str:
    """The version of the native library. Raises `LibraryError` if it can't be loaded."""
    guard()
    with FIRST_USE:
        from ._library import version

    return version()


def is_available() -> bool:
    """Whether the native library can be loaded."""
    try:
        get_runtime_version()
    except LibraryError:
        return False
    return True


if not TYPE_CHECKING:
    # Type checkers know the names from the imports above, and that there are no others.
    def __getattr__(name: str) -> Any:
        home = name if name in ("nodes", "testing") else _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        guard()
        with FIRST_USE:
            try:
                module = import_module(f"{__name__}.{home}")
            except LibraryError:
                if home != "_execute" or not in_main_interpreter():
                    raise
                module = import_module(f"{__name__}._reference")
            value = module if home == name else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
