"""The cases `digest`: the outputs of a manifest, read and written again, have the same SHA-256 in every language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import remotemedia as rm

from .cases import Case
from .codec import encoded
from .library import to_json


def digest_cases(suite: Path) -> Iterator[tuple[str, Case]]:
    """Those cases with their names."""
    for file in sorted((suite / "digests").glob("*.json")):
        yield f"digest/{file.stem}", partial(_digest, file, suite.parents[1])


def _digest(file: Path, root: Path, name: str) -> None:
    case = json.loads(file.read_text("ascii"))
    content = (root / case["input"]).read_bytes()
    outputs = rm.execute_sync(case["manifest"], [rm.File(content)])[case["output"]]
    text = to_json(*encoded(list(outputs)))
    print(f"digest {name} {hashlib.sha256(text).hexdigest()}", flush=True)
