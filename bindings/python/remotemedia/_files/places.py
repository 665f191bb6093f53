"""Where sound is read from and written to: paths, bytes and file objects; and what is wrong with other things.

File objects are sync, as `open` and `io` make them, or async, as those of aiofiles, anyio and Starlette are. Functions
that are awaited take both.
"""

from __future__ import annotations

import errno
import inspect
import io
import os
import stat
import weakref
from typing import Any, Protocol, cast

from .._media.file import at_home, is_utf8, opened_as, why_not_native
from .._problem.own_results import audio_in, cure_for_audio
from .._problem.whole_number import whole
from ..errors import InvalidArgumentError, MarshalError
from ..media import Audio, File
from .addresses import content_of, is_address, is_data_url, is_file_url, path_of_url
from .fetching import afetched
from .words import numbered


class ReadableFile(Protocol):
    """A file that is opened for bytes, or what is read like one."""

    def read(self, size: int = ..., /) -> Any:
        """The bytes."""


class WritableFile(Protocol):
    """A file that is opened for writing bytes, or what is written like one."""

    def write(self, data: bytes, /) -> Any:
        """Writes bytes."""


AWAITED = frozenset(("aread", "ainfo", "aspeech_segments"))
ALONE = frozenset(("read", "info", "speech_segments")) | AWAITED
"""The functions that take one source."""

MANY = frozenset(("read_many", "iter_many", "aread_many", "aiter_many"))
"""Those that take several. What else is called belongs to an adapter: its user has called none of these."""

ABSENT = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL))
"""Why there is no file at a path: some of them mean that no file can have the name."""

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
    if isinstance(source, File) or not is_file_object(source, "read"):
        return _file(source, call)
    _require_bytes_source(source)
    if _is_async(source, "read"):
        raise InvalidArgumentError(
            f"the file object is async, and {call} awaits nothing; pass its bytes, `await file.read()`"
            + (", or call what is awaited, such as rm.aread" if call in ALONE | MANY else "")
        )
    return _content(_read_all(source), call)


async def afile_of(source: Source, call: str) -> File:
    """The file that a source is, as `file_of` says. A thread fetches addresses, and reads sync file objects."""
    if isinstance(source, str) and is_address(source):
        return await afetched(lambda: _file(source, call))
    if isinstance(source, File) or not is_file_object(source, "read"):
        return _file(source, call)
    _require_bytes_source(source)
    if _is_async(source, "read"):
        return _content(await cast(Any, source).read(), call)
    return _content(await afetched(lambda: _read_all(source)), call)


def path_of(target: str | os.PathLike[str], call: str) -> str:
    """The path to write to. Raises `FileNotFoundError` if its folder is not there.

    Raises `InvalidArgumentError` for an address other than a `file:` URL, and for a path that can't travel as text.
    """
    if isinstance(target, str) and is_address(target) and not is_file_url(target):
        into, opened = f"{call}(file, audio, format='wav')", f"with fsspec.open({target!r}, 'wb') as file: "
        cure = f"file = io.BytesIO(); {into}" if is_data_url(target) else f"{opened}{into}"
        raise InvalidArgumentError(f"{target!r} is an address, and {call} writes files; write {cure}")
    name = path_of_url(target) if isinstance(target, str) and is_file_url(target) else at_home(os.fsdecode(target))
    if not is_utf8(name):
        cure = f"open it yourself: with open(path, 'wb') as file: {call}(file, audio, format='wav')"
        raise InvalidArgumentError(why_not_native(name, cure))
    folder = os.path.dirname(name)
    if folder and _is_missing(folder):
        raise FileNotFoundError(f"no such folder {folder!r}{place_of(folder)}; create it first")
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name!r} is a folder; write a file in it: {os.path.join(name, 'audio.wav')!r}")
    return name


def write_all(target: Any, data: bytes) -> None:
    """Writes bytes to a file object, also to one that takes them in parts.

    Raises `BlockingIOError` where one that does not block has no room.
    """
    view = memoryview(data)
    while len(view):
        view = _left(view, target.write(view), target, data)


async def awrite_all(target: Any, data: bytes) -> None:
    """Does what `write_all` does; a thread writes to a sync file object."""
    view = memoryview(data)
    while len(view):
        view = _left(view, await _called(target, "write", view), target, data)


def place_of(path: str) -> str:
    """The folder that a relative path is looked up in, as the end of a message."""
    return "" if os.path.isabs(path) else f" in {os.getcwd()}"


def require_target(target: Any, call: str) -> None:
    """Raises `InvalidArgumentError` for a file object that takes text, or that a `call` which is not awaited is given
    though it is async."""
    if isinstance(target, io.TextIOBase):
        raise InvalidArgumentError('the file is opened for text; open it for bytes: open(path, "wb")')
    if call == "write" and _is_async(target, "write"):
        raise InvalidArgumentError(f"the file object is async, and {call} awaits nothing; write await rm.awrite(...)")


def _is_missing(folder: str) -> bool:
    """Whether there is no folder at a path. What can't be looked at may be there: the runtime says why it can't."""
    try:
        return not stat.S_ISDIR(os.stat(folder).st_mode)
    except OSError as error:
        return error.errno in ABSENT
    except ValueError:
        return True


def _file(source: Any, call: str) -> File:
    """The file of a path, an address or of bytes."""
    if isinstance(source, File):
        file = source
    elif isinstance(source, str) and (content := content_of(source, call)) is not None:
        file = File(content)
    elif isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        file = File(source)
    else:
        raise MarshalError(_no_source(source, call))
    if file.path is not None:
        try:
            mode = os.stat(file.path).st_mode
        except PermissionError:
            raise PermissionError(f"no permission to read {file.path!r}; check the rights of its folders") from None
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in ABSENT:
                cure = "check its links, and the disk or network share that it leads to"
                raise OSError(error.errno, f"{file.path!r} can't be opened: {error.strerror}; {cure}") from None
            raise FileNotFoundError(_not_there(file.path, call)) from None
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(
                f"{file.path!r} is a folder, and {_for_files(call, f'pathlib.Path({file.path!r}).iterdir()')}"
            )
        if not is_utf8(file.path):
            return _by_number(file.path, file.mime)
    return file


def _by_number(path: str, mime: str | None) -> File:
    """The file at a path that can't travel as text, by the number under which it is open as long as the `File` is.

    Where numbers are no paths, since /proc is not there, it is the content of the file.
    """
    number = os.open(path, os.O_RDONLY)
    if not os.path.exists(f"/dev/fd/{number}"):
        with open(number, "rb") as content:
            return opened_as(content.read(), path, mime)
    file = opened_as(f"/dev/fd/{number}", path, mime)
    numbered[f"/dev/fd/{number}"] = path
    weakref.finalize(file, _close, number)
    return file


def _close(number: int) -> None:
    del numbered[f"/dev/fd/{number}"]
    os.close(number)


def _is_async(place: Any, method: str) -> bool:
    return inspect.iscoroutinefunction(getattr(place, method))


async def _called(place: Any, method: str, *arguments: Any) -> Any:
    """What a method of a file object gives. An async one belongs to this loop; any other may block."""
    if _is_async(place, method):
        return await getattr(place, method)(*arguments)
    return await afetched(lambda: getattr(place, method)(*arguments))


def _read_all(source: Any) -> Any:
    """What is left in a file object. Raises `BlockingIOError` where one that does not block has nothing yet."""
    content = source.read()
    if not isinstance(source, io.IOBase) or not _may_lack(source):
        return content
    there, more = b"", content
    while more:
        there += more
        more = source.read()
    if more is not None:
        return there
    raise BlockingIOError(
        errno.EAGAIN,
        f"the file object does not block, and its end has not come: {len(there)} bytes are read; make it block, "
        "os.set_blocking(file.fileno(), True), or collect its bytes and pass them",
    )


def _may_lack(source: Any) -> bool:
    """Whether a file object does not wait for bytes that are still to come, as far as can be told."""
    try:
        return not os.get_blocking(source.fileno())
    except (AttributeError, OSError, ValueError):
        # A reader of `io` asks what it reads from, and that of `tarfile` has no such method.
        return False


def _left(view: memoryview, written: Any, target: Any, data: bytes) -> memoryview:
    """What is left to write of `view`, the end of `data`, after what `write` has given back: nothing, if that is no
    number. None means that to many files of others; one of `io` has taken nothing then.

    Raises `InvalidArgumentError` for a count that does not come to an end.
    """
    if written is None and isinstance(target, io.RawIOBase):
        done = len(data) - len(view)
        raise BlockingIOError(
            errno.EAGAIN,
            f"the file object does not block and has no room: {done} of {len(data)} bytes are written; make it block, "
            "os.set_blocking(file.fileno(), True), or write to io.BytesIO() and send its bytes on as there is room",
            done,
        )
    count = whole(written)
    if count is not None and count < 1:
        raise InvalidArgumentError(
            f"write of the file object returned {count}, and {len(data) - len(view)} of {len(data)} bytes are written; "
            "it has to return how many it took, or None for all"
        )
    return view[len(view) if count is None else count :]


def _require_bytes_source(source: Any) -> None:
    if isinstance(source, io.TextIOBase):
        raise InvalidArgumentError('the file is opened for text; open it for bytes: open(path, "rb")')


def _content(content: Any, call: str) -> File:
    """The file of what a file object gave."""
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise InvalidArgumentError(f"{call} takes a file object whose read gives bytes, got {type(content).__name__}")
    if not content:
        raise InvalidArgumentError("the file object has nothing left to read; if it was read before: file.seek(0)")
    return File(bytes(content))


def _not_there(path: str, call: str) -> str:
    message = f"no such file {path!r}{place_of(path)}"
    if any(letter in path for letter in "*?["):
        return f"{message}; {_for_files(call, f'glob.glob({path!r})')}"
    return message


def _for_files(call: str, paths: str) -> str:
    """What to do with the files of a folder or a pattern, which the code `paths` names: by the kind of the call."""
    if call in MANY:
        return f"{call} takes files; pass them: sorted({paths})"
    if call in ALONE:
        return f"{call} takes one file; for each of them: [{_called_with(call, 'path')} for path in sorted({paths})]"
    return f"{call} takes files; pass the path of each"


def _called_with(call: str, argument: str) -> str:
    return f"{'await ' * (call in AWAITED)}rm.{call}({argument})"


def _no_source(source: Any, call: str) -> str:
    kind = type(source).__name__
    takes_audio = call.endswith("speech_segments")
    also = "an Audio, " if takes_audio else ""
    begin = f"{call} takes {also}a path, the bytes of a file, a file object or a File"
    if isinstance(source, Audio):
        return f"{begin}, and this is an Audio already"
    if type(source) not in (list, tuple) and (cure := cure_for_audio(source)) is not None:
        expression = audio_in(source)
        if expression is not None and not takes_audio:
            return f"{begin}, and {expression} is an Audio already"
        return f"{begin}, not {kind}; {cure}"
    if isinstance(source, (list, tuple, set)):
        if call in ALONE:
            return f"{begin}, one at a time: [{_called_with(call, 'each')} for each in paths]"
        return f"{begin} for each source, not {kind}; give what is in it as sources of their own"
    if hasattr(source, "as_py"):
        return f"{begin}, not {kind}; " + ("pass its as_py()" if call in ALONE else "pass column.to_pylist()")
    if hasattr(source, "__array_interface__") and call in ALONE | MANY:
        return f"{begin}, not {kind}; sound of samples is rm.Audio(samples, rate=...)"
    return f"{begin}, not {kind}"
