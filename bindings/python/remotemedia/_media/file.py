"""`File`: a file by path or by content, and what `~` at the begin of a path stands for."""

from __future__ import annotations

import os

from ..errors import InvalidArgumentError, MarshalError


class File:
    """A file, by path or by content. Nothing is opened here.

    `source` is a path (`str` or `os.PathLike`), which may begin with `~`, or the bytes themselves; `mime` a media type
    such as "audio/flac".
    """

    # Where users find it, and where pickles do.
    __module__ = "remotemedia.media"
    __slots__ = ("__weakref__", "data", "mime", "path")

    def __init__(
        self, source: str | os.PathLike[str] | bytes | bytearray | memoryview, mime: str | None = None
    ) -> None:
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


def is_utf8(path: str) -> bool:
    """Whether a path can travel as text; on Unix a name may be any bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def at_home(path: str) -> str:
    """The path with the user's folder in place of `~`, unless a file is called that."""
    return os.path.expanduser(path) if path.startswith("~") and not os.path.lexists(path) else path
