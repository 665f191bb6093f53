"""Reads the JSON Schema of a node's params for what is generated from it: references, choices, ranges, fields.

It knows schemas alone, nothing of pages or of Python sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

LARGEST_FLOAT32 = 3.4028234663852886e38


def resolved(entry: Schema, schema: Schema) -> Schema:
    """The entry itself, in place of a reference to it."""
    if "$ref" in entry:
        found: Schema = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        return found
    return entry


def choices(entry: Schema, schema: Schema) -> list[Schema]:
    """What may be chosen, each with its `const` and perhaps a `description`; nothing for a param that is no choice."""
    entry = resolved(entry, schema)
    found = [choice for each in entry.get("anyOf", []) for choice in choices(each, schema)]
    found += [choice for choice in entry.get("oneOf", []) if "const" in choice]
    return found + [{"const": value} for value in entry.get("enum", [])]


def range_sentence(entry: Schema, schema: Schema) -> str:
    """The range of a number as a sentence.

    Nothing where a list of values says more than its bounds, and where these are those of float32 itself.
    """
    whole = {**resolved(entry, schema), **entry}
    if "enum" in whole:
        return ""
    low, high = whole.get("minimum"), whole.get("maximum")
    if high is not None and high >= LARGEST_FLOAT32:
        return ""
    if low is not None and high is not None:
        return f"From {_number(low)} to {_number(high)}."
    if low is not None:
        return f"{_number(low)} or more."
    return "" if high is None else f"{_number(high)} or less."


def fields(entry: Schema, schema: Schema) -> list[tuple[str, Schema, bool]]:
    """The fields of a param that is a map with fixed keys: name, entry and whether it must be given."""
    entry = resolved(entry, schema)
    for each in (entry, *(resolved(one, schema) for one in entry.get("anyOf", []))):
        required = each.get("required", [])
        if "properties" in each:
            return [(name, field, name in required) for name, field in each["properties"].items()]
    return []


def _number(value: float) -> str:
    # `3.6e+06` is no way to write an hour in milliseconds.
    return str(int(value)) if value == int(value) and abs(value) < 1e10 else f"{value:g}"
