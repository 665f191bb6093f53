"""Generates what the Java host repeats: numbers and functions of the ABI, statuses, a class for each node type.

    PYTHONPATH=bindings/python python3 -m tools.bindings.java

The files are committed; `build.py test java` reports when they are stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.bindings import java_abi, java_nodes
from tools.machine import ROOT

FOLDER = ROOT / "bindings" / "java"
TABLES = ROOT / "include" / "remotemedia.abi.json"
PACKAGE = FOLDER / "src" / "main" / "java" / "org" / "remotemedia"


def files(types: Mapping[str, Mapping[str, Any]] | None) -> dict[Path, str]:
    """The text of each generated file; that of node types only if the types are given."""
    tables = json.loads(TABLES.read_text("utf-8"))
    made = {
        PACKAGE / "abi" / "Abi.java": java_abi.numbers(tables),
        PACKAGE / "abi" / "Native.java": java_abi.functions(tables),
        PACKAGE / "Status.java": java_abi.statuses(tables),
    }
    if types is not None:
        made[PACKAGE / "Nodes.java"] = java_nodes.generated(types)
    return made


def stale(types: Mapping[str, Mapping[str, Any]] | None) -> list[Path]:
    """The committed files that are not what would be generated now."""
    return [path for path, text in files(types).items() if not path.exists() or path.read_text("utf-8") != text]


def main() -> None:
    """Write the files."""
    from remotemedia._manifest.catalog import node_types

    for path, text in files(node_types()).items():
        path.write_text(text, "utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
