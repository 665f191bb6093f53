"""What the native library tells about itself: its node types, and the plan of a pipeline.

The plan is the graph as it will run: with stages, and with the converters that the planner put in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ._library import check, lib, runtime
from ._marshal import give_back, lane
from ._pipeline import Pipeline


@cache
def node_types() -> dict[str, dict[str, Any]]:
    """Every built-in node type by its name: `summary`, `doc`, `cost`, `inputs`, `params` (a schema), and more."""
    document = _ask(lambda output, error: lib.rm_runtime_describe(runtime(), output, error))
    for entry in document["nodes"]:
        _take_spellings(entry["params"].get("properties", {}))
    return {entry["name"]: entry for entry in document["nodes"]}


def _take_spellings(properties: dict[str, Any]) -> None:
    """Names a second spelling of a param in the description of the first, in place of an entry of its own."""
    for name in [name for name, entry in properties.items() if "x-spelling-of" in entry]:
        entry = properties[properties.pop(name)["x-spelling-of"]]
        entry["description"] = f"{entry.get('description', '')} Once written `{name}`, which still works.".strip()


def plan_of(pipeline: Pipeline) -> dict[str, Any]:
    """The plan of a compiled pipeline: `name`, `nodes`, `connections`, `sinks`."""
    plan: dict[str, Any] = _ask(lambda output, error: lib.rm_pipeline_describe(pipeline.handle, output, error))
    return plan


def type_name(node_type: str) -> str:
    """The name that a built-in type goes by: `XNode` stands for `X`. Other names come back as they are."""
    short = node_type.removesuffix("Node")
    return short if node_type not in node_types() and short in node_types() else node_type


def _ask(call: Callable[[Any, Any], int]) -> Any:
    used = lane()
    try:
        used.ready()
        status = call(used.output, used.error)
        used.output.discard_count = 0
        check(status, used.error)
        return used.unpack()
    finally:
        give_back(used)
