"""The built-in node types, as the library describes them."""

from __future__ import annotations

from functools import cache
from typing import Any

from .._abi.library import lib, runtime
from .._codec.documents import ask


@cache
def node_types() -> dict[str, dict[str, Any]]:
    """Every built-in node type by its name: `summary`, `doc`, `cost`, `inputs`, `params` (a schema), and more."""
    document = ask(lambda output, error: lib.rm_runtime_describe(runtime(), output, error))
    for entry in document["nodes"]:
        _take_spellings(entry["params"].get("properties", {}))
    return {entry["name"]: entry for entry in document["nodes"]}


def _take_spellings(properties: dict[str, Any]) -> None:
    """Moves each second spelling of a param into the description of the first."""
    for name in [name for name, entry in properties.items() if "x-spelling-of" in entry]:
        entry = properties[properties.pop(name)["x-spelling-of"]]
        entry["description"] = f"{entry.get('description', '')} Once written `{name}`, which still works.".strip()


def type_name(node_type: str) -> str:
    """The name that a built-in type goes by: `XNode` stands for `X`. Other names come back as they are."""
    short = node_type.removesuffix("Node")
    return short if node_type not in node_types() and short in node_types() else node_type
