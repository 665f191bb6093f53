"""`File`: a file by path or by content; what `~` at the begin of a path stands for, and paths as the runtime has them.

On Unix a name is bytes. Python turns them into text by the encoding of the locale, the runtime by UTF-8 everywhere.
"""

from __future__ import annotations

import os
import sys

from ..errors import InvalidArgumentError, MarshalError


class File:
    """A file, by path or by content. Nothing is opened here.

    `source` is a path (`str` or `os.PathLike`), which may begin with `~`, or the bytes themselves; `mime` a media type
    such as "audio/flac".
    """

    # Where users find it, and where pickles do.
    __module__ = "remotemedia.media"
    __slots__ = ("__weakref__", "_raw_name", "data", "mime", "path")

    def __init__(
        self, source: str | os.PathLike[str] | bytes | bytearray | memoryview, mime: str | None = None
    ) -> None:
        self._raw_name: bytes | None = None
        self.path: str | None = None
        self.data: bytes | bytearray | memoryview | None = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            self.data = source
        elif isinstance(source, (str, os.PathLike)):
            path = os.fspath(source)
            # Of a class of texts, as numpy has, too: it crosses as plain text.
            self.path = at_home(os.fsdecode(path) if isinstance(path, bytes) else str.__str__(path))
        else:
            cure = "; write File(source.read())" if hasattr(source, "read") else ""
            raise MarshalError(f"a File is made from a path or from bytes, not from {type(source).__name__}{cure}")
        if mime is not None and not isinstance(mime, str):
            raise InvalidArgumentError(f"mime must be a media type such as 'audio/flac', or None, got {mime!r}")
        self.mime = mime

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, File):
            return NotImplemented
        return (self.path, self.data, self.mime) == (other.path, other.data, other.mime)

    def __hash__(self) -> int:
        return hash((self.path, self.mime))

    def __repr__(self) -> str:
        what = repr(self.path) if self.data is None else f"<{memoryview(self.data).nbytes} bytes>"
        return f"File({what})" if self.mime is None else f"File({what}, mime={self.mime!r})"


def opened_as(source: str | bytes, path: str, mime: str | None = None) -> File:
    """The file at a `path` that can't travel as text, by what stands for it: another path, or its content.

    The runtime learns its name apart from that, so that seeds give the same numbers however it was opened.
    """
    file = File(source, mime)
    file._raw_name = os.fsencode(os.path.basename(path))
    return file


def raw_name(file: File) -> bytes | None:
    """The name of a file that was `opened_as` something else."""
    return file._raw_name


def to_native(path: str) -> str | None:
    """The path as the runtime calls it: its bytes as UTF-8. None if they are not, so that it can't travel as text."""
    try:
        return os.fsencode(path).decode("utf-8")
    except UnicodeError:
        return None


def native_path(file: File) -> str | None:
    """The path of a file as the runtime calls it; None for one by content. Raises `MarshalError` if it can't travel."""
    if file.path is None:
        return None
    path = to_native(file.path)
    if path is None:
        raise MarshalError(why_not_native(file.path, 'pass the bytes of the file: File(open(path, "rb").read())'))
    return path


def from_native(path: str) -> str:
    """The path as Python calls it, of one as the runtime does or as it was `to_text`.

    Half a character that stands for no byte stays, and is refused where the path is used.
    """
    try:
        return os.fsdecode(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return path


def to_text(path: str) -> str:
    """The path as text that is the same whatever the locale: its bytes as UTF-8, those that are none as escapes.

    What is no path here, as it has letters that the encoding of file names lacks, stays.
    """
    try:
        return os.fsencode(path).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return path


def why_not_native(path: str, cure: str) -> str:
    """What is wrong with a path that `to_native` has no text for. `cure` is what to do if its bytes are not UTF-8."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        encoding, letter = sys.getfilesystemencoding(), path[error.start]
        return (
            f"the path {path!r} has {letter!r}, which {encoding}, the encoding of file names here, lacks; run Python "
            "with -X utf8, or give the file another name"
        )
    return f"the path {path!r} is not UTF-8, as a path of the runtime is; {cure}"


def is_utf8(path: str) -> bool:
    """Whether a path can travel as text; on Unix a name may be any bytes."""
    return to_native(path) is not None


def at_home(path: str) -> str:
    """The path with the user's folder in place of `~`, unless a file is called that.

    Raises `InvalidArgumentError` if there is no such folder.
    """
    if not path.startswith("~") or os.path.lexists(path):
        return path
    found = os.path.expanduser(path)
    if found == path and path.partition("/")[0] == "~":
        raise InvalidArgumentError(
            f"{path!r}: this user has no home folder, by HOME or in the system's list of users; set HOME, or write the "
            "path without ~"
        )
    return found
