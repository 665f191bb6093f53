"""The native library: loads it, makes its one runtime in this process, turns its errors into exceptions, shuts it down.

Importing this module loads the library; nothing starts before `runtime()` is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from operator import is_
from typing import Any

from .. import errors
from .._process import FIRST_USE, after_fork, at_exit, exiting, stay_at_exit
from . import config
from .msgpack import msgpack


def _cure(missing: str | None) -> str:
    """What to do where the library can't be imported; `missing` is the module that is not there, if one is not."""
    from pathlib import Path

    if missing == "_cffi_backend":
        return "Install cffi: pip install cffi"
    archive = next((str(each) for each in Path(__file__).parents if each.is_file()), None)
    if archive is not None:
        return f"Unpack {archive}: no system loads libraries from within a zip"
    sources = Path(__file__).parents[4]
    if (sources / "build.py").is_file() and (sources / "runtime" / "capi").is_dir():
        return f"Build it: python3 build.py build, in {sources}"
    return "Install the wheel again: pip install --force-reinstall remotemedia-*.whl"


try:
    # What freezes programs, such as PyInstaller, goes by import statements; the extension's own of this one is in C.
    import _cffi_backend  # noqa: F401

    import remotemedia._native as _native
except ImportError as error:
    raise errors.LibraryError(
        f"the native library of remotemedia can't be loaded: {error}. {_cure(error.name)}"
    ) from error

ffi: Any = _native.ffi
lib: Any = _native.lib
NULL: Any = ffi.NULL

ABI = (int(getattr(lib, "RM_ABI_MAJOR", 0)), int(getattr(lib, "RM_ABI_MINOR", 0)))
"""The version of the C ABI that this module was compiled for."""

EXIT_PATIENCE_US = 2_000_000
"""How long the interpreter waits at its exit until native work has released Python's memory."""

STATUS_NAMES: dict[int, str] = {
    value: name
    for name, value in ((name, getattr(lib, name)) for name in dir(lib) if name.startswith("RM_"))
    if isinstance(value, int) and not name.startswith(("RM_ABI_", "RM_BUFFER_", "RM_EVENT_", "RM_JSON_"))
}
"""The names of statuses by their numbers."""

_lock = threading.Lock()
_runtime: Any = None
_place: Any = ffi.new("rm_runtime **")
"""Where the runtime is once it is made. Who is interrupted before anybody knows of it leaves it to the next one."""


def _check_version() -> None:
    loaded = lib.rm_abi_version()
    major, minor = loaded >> 16, loaded & 0xFFFF
    if major != ABI[0] or minor < ABI[1]:
        raise errors.LibraryError(
            f"libremotemedia has the ABI {major}.{minor}, this package needs {ABI[0]}.{ABI[1]}. "
            "Another copy of the library may come first: look at LD_LIBRARY_PATH and LD_PRELOAD"
        )


_check_version()


def version() -> str:
    """The version of the native library."""
    return text(lib.rm_version())


def text(chars: Any) -> str:
    """The text of a C string."""
    return "" if chars == NULL else ffi.string(chars).decode("utf-8", "replace")


def runtime() -> Any:
    """The runtime of this process, made at the first use."""
    return _runtime if _runtime is not None else _start()


def _start() -> Any:
    global _runtime
    with FIRST_USE, _lock:
        if _place[0] == NULL:
            if exiting():
                stay_at_exit()
                raise errors.ShutDownError("the interpreter is exiting: the runtime takes no more work")
            settings, error = config.started(), error_place()
            status = lib.rm_runtime_new(settings, len(settings), _place, error)
            if status < 0:
                # Nothing is in force yet: the program may configure something else.
                config.stopped()
            check(status, error)
        _runtime = _place[0]
    return _runtime


def check(status: int, error: Any) -> int:
    """Returns the status of a call, or raises its exception if it failed. `error` is the `rm_error **` of the call."""
    if status < 0:
        raise failure(status, error)
    return status


def made(kind: str, clear: Callable[[Any], None], make: Callable[[Any, Any], int]) -> Any:
    """What a call of the library makes, freed when nothing refers to it any more.

    `make` takes the place for it, which is a `kind` such as `rm_port **`, and that for the error; `clear` frees what is
    in the place. Whatever a signal handler raises meanwhile, it is not lost. Raises the exception of a failed call.
    """
    # The place owns it, from before there is anything to own until after the last use of what this returns.
    place, error = ffi.gc(ffi.new(kind), clear), error_place()
    check(make(place, error), error)
    return ffi.gc(place[0], partial(is_, place))


def error_place() -> Any:
    """A place for the error of a call, which is freed with it."""
    return ffi.gc(ffi.new("rm_error **"), lib.rmpy_clear_error)


def failure(status: int, error: Any) -> BaseException:
    """The exception for a failed call; takes and frees the error."""
    name = STATUS_NAMES.get(status, f"status {status}")
    handle = error[0]
    if handle == NULL:
        return errors.from_status(name, name, {})
    # It stays in its place until all is read: who is interrupted meanwhile may read it again.
    message = text(lib.rm_error_message(handle))
    data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
    lib.rm_error_detail(handle, data, length)
    detail = msgpack.unpackb(bytes(ffi.buffer(data[0], length[0]))) if length[0] else {}
    released = detail.pop("released", None)
    if released:
        # It imports this module.
        from .ownership import release

        release(released)
    lib.rmpy_clear_error(error)
    found = errors.from_status(name, message, detail)
    if isinstance(found, errors.ShutDownError):
        stay_at_exit()
    return found


def _child() -> None:
    # The handle is dropped, not freed: everything behind it belongs to the parent.
    global _runtime, _place, _lock
    _lock = threading.Lock()
    _runtime, _place = None, ffi.new("rm_runtime **")
    config.stopped()


def _shut_down() -> None:
    # A thread may be starting a runtime now.
    with _lock:
        started = _place[0]
    if started != NULL:
        # Every waiter is completed and every port wakes; what native threads still hold after this is never freed.
        lib.rm_runtime_shutdown(started, EXIT_PATIENCE_US, NULL)


after_fork(_child)
at_exit(_shut_down)
