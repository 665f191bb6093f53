"""Reads a manifest's text: from a string, or from the file that the string names."""

from __future__ import annotations

import os

from .._media.file import at_home
from ..errors import ManifestError, Problem


def is_text(manifest: str) -> bool:
    """Whether a string is a manifest, and not the path of one."""
    return "\n" in manifest or manifest.lstrip().startswith("{")


def read(path: str | bytes) -> str:
    """The text of a manifest's file. Raises `ManifestError` if it is not UTF-8, and `FileNotFoundError`."""
    name = at_home(os.fsdecode(path))
    shown = repr(name if len(name) <= 200 else name[:200] + "...")
    if not name or "\0" in name:
        what = "an empty text" if not name else f"the text {shown}, which has a NUL character,"
        raise ManifestError(
            f"{what} is neither a manifest nor a path; pass a dict, a path, or JSON or YAML text",
            [Problem("", "neither a manifest nor a path", expected="dict, path or text")],
        )
    try:
        with open(name, encoding="utf-8-sig") as file:
            return file.read()
    except FileNotFoundError:
        cure = "; YAML text needs a newline at its end" if ": " in name else ""
        raise FileNotFoundError(f"no such manifest {shown} in {os.getcwd()}{cure}") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"the manifest {shown} is a folder; name a file in it") from None
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start} is {error.object[error.start]:#x}"
        raise ManifestError(
            f"the manifest {shown} is not UTF-8 text: {wrong}; save it as UTF-8; a media file is an input: "
            f"[remotemedia.File({shown})]",
            [Problem("", "not UTF-8 text")],
        ) from None
    except OSError as error:
        raise type(error)(f"the manifest {shown} can't be read: {error.strerror}; check the path") from None
