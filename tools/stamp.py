"""Stamps: a job whose inputs and outputs are as they were is not done again. Inputs are compared by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.machine import BUILD, ROOT


def digest(files: Iterable[Path], *facts: object) -> str:
    """A key for the content and names of files, and for other facts that decide the outcome of a job."""
    total = hashlib.sha256()
    for fact in facts:
        total.update(f"{fact!r}\n".encode())
    for file in sorted(set(files)):
        total.update(f"{file.relative_to(ROOT)}\n".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def files_below(*folders: Path) -> Iterator[Path]:
    """Every file below the folders, without what tools leave behind."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


class Stamp:
    """Remembers under which key a job was last done and how its outputs looked then."""

    def __init__(self, name: str) -> None:
        self._file = BUILD / "stamps" / f"{name}.json"

    def outputs(self, key: str) -> list[Path] | None:
        """The outputs, if the job was done under this key and they are still what it left; else None."""
        try:
            record = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if record.get("key") != key:
            return None
        outputs = [Path(path) for path in record["outputs"]]
        looks = [_look(path) for path in outputs]
        return outputs if None not in looks and looks == list(record["outputs"].values()) else None

    def write(self, key: str, outputs: Iterable[Path]) -> None:
        """Remember that the job is done."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        record = {"key": key, "outputs": {str(path): _look(path) for path in outputs}}
        self._file.write_text(json.dumps(record, indent=1), "utf-8")


def _look(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [0, 0] if path.is_dir() else [status.st_size, status.st_mtime_ns]
