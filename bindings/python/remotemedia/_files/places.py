"""Where sound is read from and written to: paths, bytes and file objects; and what is wrong with other things."""

from __future__ import annotations

import io
import os
import stat
from typing import Any, Protocol

from .._media.file import at_home
from ..errors import InvalidArgumentError, MarshalError
from ..media import Audio, File
from .addresses import content_of


class ReadableFile(Protocol):
    """A file that is opened for bytes, or what is read like one."""

    def read(self, size: int = ..., /) -> Any:
        """The bytes."""


class WritableFile(Protocol):
    """A file that is opened for writing bytes, or what is written like one."""

    def write(self, data: bytes, /) -> Any:
        """Writes bytes."""


Source = str | os.PathLike[str] | bytes | bytearray | memoryview | File | ReadableFile
"""A path, the content of a file, a file object, or a `File`."""

Target = str | os.PathLike[str] | WritableFile
"""A path or a file object."""


def is_file_object(place: Any, method: str) -> bool:
    """Whether it is read or written by its method, and not opened by a path."""
    return not isinstance(place, (str, os.PathLike)) and callable(getattr(place, method, None))


def file_of(source: Source, call: str) -> File:
    """The file that a source is, its content if it is a file object. Raises `FileNotFoundError` for a path to none.

    `call` is the function that the user has called, for messages.
    """
    if isinstance(source, File):
        file = source
    elif isinstance(source, str) and (content := content_of(source, call)) is not None:
        file = File(content)
    elif isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        file = File(source)
    elif is_file_object(source, "read"):
        file = File(_content(source, call))
    else:
        raise MarshalError(_no_source(source, call))
    if file.path is not None:
        try:
            mode = os.stat(file.path).st_mode
        except (OSError, ValueError):
            raise FileNotFoundError(_not_there(file.path, call)) from None
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(
                f"{file.path!r} is a folder, and {call} takes one file; for each in it: "
                f"[rm.{call}(path) for path in sorted(pathlib.Path({file.path!r}).iterdir())]"
            )
    return file


def path_of(target: str | os.PathLike[str]) -> str:
    """The path to write to. Raises `FileNotFoundError` if its folder is not there."""
    name = at_home(os.fsdecode(target))
    folder = os.path.dirname(name)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(f"no such folder {folder!r}{place_of(folder)}; create it first")
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name!r} is a folder; write a file in it: {os.path.join(name, 'audio.wav')!r}")
    return name


def write_all(target: Any, data: bytes) -> None:
    """Writes bytes to a file object, also to one that takes them in parts."""
    view = memoryview(data)
    while len(view):
        written = target.write(view)
        if not isinstance(written, int) or written >= len(view):
            return
        view = view[written:]


def place_of(path: str) -> str:
    """The folder that a relative path is looked up in, as the end of a message."""
    return "" if os.path.isabs(path) else f" in {os.getcwd()}"


def require_bytes_file(target: Any) -> None:
    """Raises `InvalidArgumentError` for a file object that takes text."""
    if isinstance(target, io.TextIOBase):
        raise InvalidArgumentError('the file is opened for text; open it for bytes: open(path, "wb")')


def _content(source: Any, call: str) -> bytes:
    if isinstance(source, io.TextIOBase):
        raise InvalidArgumentError('the file is opened for text; open it for bytes: open(path, "rb")')
    content = source.read()
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise InvalidArgumentError(f"{call} takes a file object whose read gives bytes, got {type(content).__name__}")
    if not content:
        raise InvalidArgumentError("the file object has nothing left to read; if it was read before: file.seek(0)")
    return bytes(content)


def _not_there(path: str, call: str) -> str:
    message = f"no such file {path!r}{place_of(path)}"
    if any(letter in path for letter in "*?["):
        return f"{message}; {call} takes one file: [rm.{call}(path) for path in sorted(glob.glob({path!r}))]"
    return message


def _no_source(source: Any, call: str) -> str:
    kind = type(source).__name__
    begin = f"{call} takes a path, the bytes of a file, a file object or a File"
    if isinstance(source, Audio):
        return f"{begin}, and this is an Audio already"
    if isinstance(source, (list, tuple, set)):
        return f"{begin}, one at a time: [rm.{call}(each) for each in paths]"
    if hasattr(source, "__array_interface__"):
        return f"{begin}, not {kind}; sound of samples is rm.Audio(samples, rate=...)"
    return f"{begin}, not {kind}"
