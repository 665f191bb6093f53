"""What stands where a path could: `data:` and `file:` URLs, and the addresses that fsspec opens."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from ..errors import InvalidArgumentError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")


def is_address(text: str) -> bool:
    """Whether a text is a URL or an address. What stands behind it may have to come from a network."""
    return text.startswith("data:") or _ADDRESS.match(text) is not None


def content_of(text: str, call: str) -> bytes | str | None:
    """The bytes behind a URL or an address, or the path of a `file:` URL; None if the text is a path.

    Raises `InvalidArgumentError` for a `data:` URL that is not one and for an address that nothing here opens, and what
    fsspec raises. `call` is the function that the user has called, for messages.
    """
    if not is_address(text):
        return None
    if text.startswith("data:"):
        return _data(text, call)
    if text.startswith("file://"):
        return unquote(urlsplit(text).path)
    return _opened(text, call)


def _data(text: str, call: str) -> bytes:
    """The bytes of a URL of RFC 2397."""
    head, comma, body = text.partition(",")
    if not comma:
        raise InvalidArgumentError(f"{call} takes data:[<type>][;base64],<data>, and this `data:` URL has no comma")
    content = unquote_to_bytes(body)
    if not head.endswith(";base64"):
        return content
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except binascii.Error as error:
        raise InvalidArgumentError(f"the base64 of this `data:` URL is damaged: {error}") from None


def _opened(text: str, call: str) -> bytes:
    try:
        import fsspec
    except ImportError:
        raise InvalidArgumentError(
            f"{text!r} is an address, and {call} takes files; install the package fsspec, which opens addresses, or "
            "download it and pass its bytes"
        ) from None
    with fsspec.open(text, "rb") as opened:
        content = opened.read()
    return bytes(content)
