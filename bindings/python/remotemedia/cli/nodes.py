"""`remotemedia nodes`: a list of the node types, or what one does, with its ports, params and an example."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from .._manifest.catalog import node_types, type_name
from ..errors import InvalidArgumentError
from . import DONE
from .arguments.parser import meant
from .markdown import plain_text
from .results.records import json_text
from .terminal import painted

WIDTH = 100


def command(chosen: argparse.Namespace) -> int:
    """Prints a list, or the description of one type. Raises `InvalidArgumentError` for an unknown one."""
    types = node_types()
    if chosen.name is None and chosen.json:
        print(json_text([types[name] for name in sorted(types)]))
        return DONE
    if chosen.name is None:
        width = max(map(len, types))
        # Old names come last.
        for name in sorted(types, key=lambda name: ("alias_of" in types[name], name)):
            print(f"{painted(name, 'bold', sys.stdout)}{' ' * (width - len(name))}  {types[name]['summary']}")
        return DONE
    name = type_name(chosen.name)
    if name not in types:
        near = meant(chosen.name, types)
        hint = "see: remotemedia nodes" if near is None else f"did you mean {near!r}?"
        raise InvalidArgumentError(f"there is no node type {chosen.name!r}; {hint}")
    print(json_text(types[name]) if chosen.json else "\n".join(_about(types[name])))
    return DONE


def _about(described: Mapping[str, Any]) -> Iterator[str]:
    schema = described["params"]
    properties: dict[str, Any] = schema.get("properties", {})
    yield f"{painted(described['name'], 'bold', sys.stdout)}: {described['summary']}"
    # The summary is its first paragraph.
    yield from plain_text(described["doc"].partition("\n")[2], WIDTH)
    yield ""
    ports = {f"{side[:-1]} {port['name']}": port for side in ("inputs", "outputs") for port in described[side]}
    width = max(map(len, ports))
    for name, port in ports.items():
        yield f"{name:{width}}  {'anything' if len(port['kinds']) > 10 else ' or '.join(port['kinds'])}"
        yield from _wrapped(port["summary"], width + 2)
    yield ""
    yield f"cost: {described['cost']}"
    yield ""
    yield "params" if properties else "params: none"
    # Those that must be given come first.
    for param in sorted(properties, key=lambda param: param not in schema.get("required", [])):
        entry = properties[param]
        facts = [*_facts(param, entry, schema), *(["live"] if param in described.get("live", ()) else [])]
        yield f"  {painted(param, 'bold', sys.stdout)}  {', '.join(facts)}"
        yield from _wrapped(entry.get("description", ""), 6)
        for choice in _resolved(entry, schema).get("oneOf", []):
            if "const" in choice and choice.get("description"):
                yield from _wrapped(f"{json.dumps(choice['const'])}: {choice['description']}", 8)
    yield ""
    yield "example"
    yield f"  - id: {described['name'].lower()}"
    yield f"    node_type: {described['name']}"
    if described["example"]:
        pairs = ", ".join(f"{key}: {json.dumps(value)}" for key, value in described["example"].items())
        yield f"    params: {{{pairs}}}"


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)


def _facts(param: str, entry: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    facts = [_type(entry, schema)]
    whole = {**_resolved(entry, schema), **entry}
    low, high = whole.get("minimum"), whole.get("maximum")
    if "enum" in whole:
        # These values say more than bounds.
        low = high = None
    if low is not None and high is not None:
        facts[0] += f" from {_number(low)} to {_number(high)}"
    elif low is not None:
        facts[0] += f", {_number(low)} or more"
    elif high is not None:
        facts[0] += f", {_number(high)} or less"
    if param in schema.get("required", []):
        facts.append("required")
    elif entry.get("default") is not None:
        facts.append(f"default {json.dumps(entry['default'])}")
    else:
        facts.append("optional")
    return facts


def _number(value: float) -> str:
    """A bound as a user would type it: 3600000, and not 3.6e+06."""
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _type(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    entry = _resolved(entry, schema)
    for choice in ("oneOf", "anyOf"):
        if choice in entry:
            return " | ".join(_type(each, schema) for each in entry[choice] if each.get("type") != "null")
    if "const" in entry:
        return json.dumps(entry["const"])
    if "enum" in entry:
        return " | ".join(map(json.dumps, entry["enum"]))
    if "type" not in entry:
        return "any value"
    kinds = [entry["type"]] if isinstance(entry["type"], str) else entry["type"]
    names = [f"array of {_type(entry['items'], schema)}" if kind == "array" else kind for kind in kinds]
    return " | ".join(name for name in names if name != "null")


def _resolved(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry itself, in place of a reference to it, or of a choice between it and null."""
    if "$ref" in entry:
        found: Mapping[str, Any] = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        return found
    choices = [each for each in entry.get("anyOf", []) if each.get("type") != "null"]
    return _resolved(choices[0], schema) if len(choices) == 1 else entry
