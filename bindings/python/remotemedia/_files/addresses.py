"""What stands where a path could: `data:` and `file:` URLs, and the addresses that fsspec opens."""

from __future__ import annotations

import base64
import binascii
import os
import re
from urllib.parse import unquote_to_bytes

from ..errors import InvalidArgumentError, LibraryError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
_BASE64 = re.compile("; *base64 *$", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Whether a text is a URL or an address. What stands behind it may have to come from a network."""
    return ":" in text and (is_data_url(text) or is_file_url(text) or _ADDRESS.match(text) is not None)


def content_of(text: str, call: str) -> bytes | str | None:
    """The bytes behind a URL or an address, or the path of a `file:` URL; None if the text is a path.

    Raises `InvalidArgumentError` for a `data:` URL that is not one and for a `file:` URL of another machine,
    `LibraryError` for an address whose package is not installed, and what fsspec raises. `call` is the function that
    the user has called, for messages.
    """
    if not is_address(text):
        return None
    if is_data_url(text):
        return _data(text, call)
    if is_file_url(text):
        return path_of_url(text)
    return _opened(text, call)


def is_data_url(text: str) -> bool:
    """Whether a text is a `data:` URL."""
    return text[:5].lower() == "data:"


def is_file_url(text: str) -> bool:
    """Whether a text is a `file:` URL: `file:///path`, or `file:/path` as RFC 8089 has it too."""
    return text[:6].lower() == "file:/"


def path_of_url(text: str) -> str:
    """The path of a `file:` URL. Raises `InvalidArgumentError` for one of another machine."""
    place = text[5:]
    host, slash, path = place[2:].partition("/") if place.startswith("//") else ("", "/", place[1:])
    if host not in ("", "localhost"):
        raise InvalidArgumentError(
            f"{text!r} names a file of the machine {host!r}; a path needs no file:// before it: {host + slash + path!r}"
        )
    # A name may be any bytes, as they are or each as %E9.
    return os.fsdecode(unquote_to_bytes(os.fsencode("/" + path.partition("?")[0].partition("#")[0])))


def _data(text: str, call: str) -> bytes:
    """The bytes of a URL of RFC 2397."""
    head, comma, body = text.partition(",")
    if not comma:
        raise InvalidArgumentError(f"{call} takes data:[<type>][;base64],<data>, and this `data:` URL has no comma")
    content = unquote_to_bytes(body)
    if _BASE64.search(head) is None:
        return content
    # Lines may be broken: white space stands for nothing.
    content = content.translate(None, b" \t\r\n\f")
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except binascii.Error as error:
        raise InvalidArgumentError(f"the base64 of this `data:` URL is damaged: {error}") from None


def _opened(text: str, call: str) -> bytes:
    try:
        import fsspec
    except ImportError:
        raise LibraryError(
            f"{text!r} is an address, and {call} takes files; install the package fsspec, which opens addresses, or "
            "download it and pass its bytes"
        ) from None
    try:
        with fsspec.open(text, "rb") as opened:
            content = opened.read()
    except ImportError as error:
        raise LibraryError(f"{call} can't open {text!r}, for which fsspec needs another package: {error}") from error
    return bytes(content)
