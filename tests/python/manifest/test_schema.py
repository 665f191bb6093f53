"""The published schema of the manifest, read by an independent validator: it is valid, and agrees with the checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "manifest.schema.json").read_text("utf-8"))


def node(**fields: Any) -> dict[str, Any]:
    """A manifest of one node."""
    return {"version": "v1", "nodes": [fields]}


def ends(**fields: Any) -> dict[str, Any]:
    """A manifest of the node `a`, with named inputs or outputs."""
    return node(id="a", node_type="PassThrough") | fields


RIGHT = [
    node(id="a", node_type="PassThrough"),
    node(id="a", node_type="PassThroughNode", params=None),
    node(id="a", node_type="AudioFilter", params={"kind": "lowpass", "frequency_hz": 100}),
    node(id="a", node_type="Calculator", params={"operation": "add", "operand": 1.5}),
    node(id="a", node_type="AudioResample", params={"rate": 16_000}),
    ends(inputs={"mic": "a", "far-1": ["a"]}, outputs={"x": "a", "y": "a"}),
    ends(inputs=None, outputs=None),
]
WRONG = [
    node(id="a", node_type="AudioFilterNode"),
    node(id="a", node_type="AudioFilter", params={"kind": "lowpas", "frequency_hz": 100}),
    node(id="a", node_type="AudioFilter", params={"kind": "lowpass", "frequency_hz": "100"}),
    node(id="a", node_type="AudioResample", params={"rate": 0}),
    node(id="a", node_type="AudioResample", params={"rate": 1 << 32}),
    node(id="a", node_type="PassThrough", params={"x": 1}),
    node(id="a.b", node_type="PassThrough"),
    node(id="a", node_type="PassThrough", type="x"),
    ends(inputs={}),
    ends(outputs={}),
    ends(inputs={"a b": "a"}),
    ends(inputs={"": "a"}),
    ends(inputs={"x": []}),
    ends(outputs={"a.b": "a"}),
    {"version": "v1", "nodes": []},
    {"version": "v2", "nodes": [{"id": "a", "node_type": "PassThrough"}]},
]


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("manifest", "is_right"), [(each, True) for each in RIGHT] + [(each, False) for each in WRONG])
def test_the_schema_takes_what_is_right_and_refuses_what_is_wrong(manifest: dict[str, Any], is_right: bool) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(manifest) == is_right
    if is_right:
        rm.Pipeline.load(manifest).validate()
    else:
        with pytest.raises(rm.ManifestError):
            rm.Pipeline.load(manifest).validate()


def test_the_schema_allows_types_of_the_host() -> None:
    assert Draft202012Validator(SCHEMA).is_valid(node(id="a", node_type="Whisper", params={"anything": 1}))
