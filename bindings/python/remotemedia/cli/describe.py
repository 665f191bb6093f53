"""All about a node type, as text: ports, params with their types, ranges and defaults, and an example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def about(described: Mapping[str, Any]) -> str:
    """The text for one node type, as the native library describes it."""
    schema = described["params"]
    lines = [f"{described['name']}: {described['summary']}", ""]
    for side in ("inputs", "outputs"):
        for port in described[side]:
            kinds = "any" if len(port["kinds"]) > 10 else ", ".join(port["kinds"])
            lines.append(f"{side[:-1]} {port['name']} ({kinds}): {port['summary']}")
    properties: dict[str, Any] = schema.get("properties", {})
    lines += ["", "params:" if properties else "params: none"]
    for param, entry in properties.items():
        lines.append(f"  {param} ({_facts(param, entry, schema)})")
        lines += [f"    {line}" for line in entry.get("description", "").splitlines()]
    node = {"id": described["name"].lower(), "node_type": described["name"]}
    example = {**node, "params": described["example"]} if described["example"] else node
    lines += ["", f"example: {json.dumps(example)}"]
    return "\n".join(lines)


def _facts(param: str, entry: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    facts = [_type(entry, schema)]
    if "minimum" in entry and "maximum" in entry:
        facts[0] += f" from {entry['minimum']:g} to {entry['maximum']:g}"
    if param in schema.get("required", []):
        facts.append("required")
    elif entry.get("default") is not None:
        facts.append(f"default {json.dumps(entry['default'])}")
    else:
        facts.append("optional")
    return ", ".join(facts)


def _type(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "$ref" in entry:
        return _type(schema["$defs"][entry["$ref"].rpartition("/")[2]], schema)
    for choice in ("oneOf", "anyOf"):
        if choice in entry:
            return " | ".join(_type(each, schema) for each in entry[choice] if each.get("type") != "null")
    if "const" in entry:
        return json.dumps(entry["const"])
    kinds = [entry["type"]] if isinstance(entry["type"], str) else entry["type"]
    names = [f"array of {_type(entry['items'], schema)}" if kind == "array" else kind for kind in kinds]
    return " | ".join(name for name in names if name != "null")
