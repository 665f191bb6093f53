"""Writes `vectors.json`, or with `--check` says whether it is current.

    python3 tests/conformance/make_vectors.py

The documents are made by a writer of their own, in `vectors/`, and not by an encoder of the project.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from vectors.case import Accepted
from vectors.media_cases import media_cases
from vectors.notation import parts_of, text_parts
from vectors.plain_cases import plain_cases
from vectors.refused_cases import refused_cases, unwritable_cases
from vectors.twin_cases import read_twins, refused_twins
from vectors.write_document import document_of
from vectors.write_twin import twin_of

FILE = Path(__file__).with_name("vectors.json")
VERSION = 1


def groups() -> dict[str, list[dict[str, Any]]]:
    """The entries of each group."""
    return {
        "values": [_accepted(case) for case in (*plain_cases(), *media_cases())],
        "refused": [
            {"name": case.name, "meaning": case.meaning, **_document(case.document, case.buffers)}
            for case in refused_cases()
        ],
        "unwritable": [
            {"name": case.name, "meaning": case.meaning, "value": case.value} for case in unwritable_cases()
        ],
        "read_twins": [
            {
                "name": case.name,
                "meaning": case.meaning,
                "text": text_parts(case.text),
                "value": case.value,
                **_document(*document_of(case.value)),
            }
            for case in read_twins()
        ],
        "refused_twins": [{"name": case.name, "meaning": case.meaning, **_text(case.text)} for case in refused_twins()],
    }


def written() -> str:
    """The text of the file: one case a line."""
    lines = [f'{{"schema": "remotemedia.vectors", "version": {VERSION},']
    its = groups()
    for name, entries in its.items():
        names = [entry["name"] for entry in entries]
        if len(set(names)) < len(names):
            raise SystemExit(f"{name}: a name twice: {sorted(each for each in names if names.count(each) > 1)}")
        lines.append(f'"{name}": [')
        lines += [json.dumps(entry) + ("," if entry is not entries[-1] else "") for entry in entries]
        lines.append("]," if name != list(its)[-1] else "]}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the file, or compares it."""
    text = written()
    if arguments == ["--check"]:
        if FILE.read_text("ascii") != text:
            print(f"{FILE} is not current; run python3 tests/conformance/make_vectors.py and commit it")
            return 1
        return 0
    FILE.write_text(text, "ascii")
    return 0


def _accepted(case: Accepted) -> dict[str, Any]:
    return {
        "name": case.name,
        "meaning": case.meaning,
        "value": case.value,
        **_document(case.document, case.buffers),
        "written": case.is_written,
        "twin": text_parts(twin_of(case.value)) if case.has_twin else None,
    }


def _document(document: bytes, buffers: Iterable[bytes]) -> dict[str, Any]:
    return {"document": parts_of(document), "buffers": [parts_of(buffer) for buffer in buffers]}


def _text(text: str | bytes) -> dict[str, Any]:
    return {"bytes": parts_of(text)} if isinstance(text, bytes) else {"text": text_parts(text)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
