"""The reference of the nodes, as it is generated: what each param shows, in which order types stand, how wide it is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from remotemedia._manifest.catalog import node_types

from tools import node_classes, node_reference
from tools.param_schema import range_sentence

PAGE = node_reference.generated(node_types())


def section(name: str) -> str:
    """The section about a node type."""
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


def described(**properties: Any) -> dict[str, Any]:
    """A node type with these params, the first of which must be given."""
    definitions = {
        "Shape": {
            "oneOf": [
                {"type": "string", "const": "round", "description": "Without corners."},
                {"type": "string", "const": "square", "description": "With four."},
            ]
        },
        "Size": {
            "type": "object",
            "properties": {
                "width": {"type": "integer", "minimum": 1, "maximum": 3_600_000, "description": "Across."},
                "shape": {"$ref": "#/$defs/Shape", "default": "round", "description": "Its shape."},
            },
            "required": ["width"],
        },
    }
    port = {"name": "in", "kinds": ["audio"], "summary": "Audio."}
    schema = {"type": "object", "properties": properties, "required": [next(iter(properties))], "$defs": definitions}
    return {
        "name": "AudioMix",
        "summary": "Mixes.",
        "doc": "Mixes.\n\nMore.",
        "cost": "light",
        "inputs": [port],
        "outputs": [port],
        "params": schema,
        "example": {"channels": 1, "gains": [[0.123456789] * 4], "name": "the middle of three"},
    }


def test_the_page_begins_with_what_it_is_and_ends_with_where_it_comes_from() -> None:
    assert PAGE.startswith("# Nodes\n\nThe built-in node types")
    assert "enerated by" not in PAGE.partition("<!--")[0]
    assert not re.match(r'"""[^"]*GENERATED', node_classes.HEAD)


def test_each_type_stands_once_in_its_family_and_old_names_come_last() -> None:
    headings = re.findall(r"^(##+) (.+)$", PAGE, re.MULTILINE)
    names = [name for level, name in headings if level == "###"]
    assert sorted(names) == sorted(node_types())
    old = [name for name in names if "alias_of" in node_types()[name]]
    assert names[-len(old) :] == old
    assert [name for level, name in headings if level == "##"][-1] == "Old names"
    order = [name for _, name in headings]
    assert order.index("Monitors") < order.index("AudioLevel") < order.index("Loudness") < order.index("Speech")
    for name in names:
        assert f"- [{name}](#{name.lower()}): " in PAGE


def test_a_type_of_no_family_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"Unheard; add it to FAMILIES"):
        node_reference.families({"Unheard": described(channels={"type": "integer"})})


def test_every_param_shows_whether_it_is_required_or_what_it_is_without_it() -> None:
    for name, node in node_types().items():
        for param, entry in node["params"].get("properties", {}).items():
            line = next(line for line in section(name).splitlines() if line.startswith(f"- `{param}` ("))
            if param in node["params"].get("required", []):
                assert ", required" in line, line
            elif entry.get("default") is not None:
                assert f"default `{json.dumps(entry['default'], ensure_ascii=False)}`" in line, line
            else:
                assert ", optional" in line, line


def test_choices_their_default_and_the_keys_of_a_map_are_shown() -> None:
    shape = {"$ref": "#/$defs/Shape", "default": "square", "description": "The shape."}
    size = {"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}], "description": "The size."}
    kind = {"$ref": "#/$defs/Shape", "description": "The kind."}
    page = node_reference.generated({"AudioMix": described(kind=kind, shape=shape, size=size)})
    assert (
        page.partition("Params:\n\n")[2].partition("\n```")[0]
        == """\
- `kind` (text, required): The kind.
    - `"round"`: Without corners.
    - `"square"`: With four.
- `shape` (text, default `"square"`): The shape.
    - `"round"`: Without corners.
    - `"square"`: With four.
- `size` (map, optional): The size.
    - `size.width` (integer, required): Across. From 1 to 3600000.
    - `size.shape` (text, default `"round"`): Its shape.
        - `"round"`: Without corners.
        - `"square"`: With four.
"""
    )


def test_the_fields_of_raw_and_the_law_of_a_mix_are_in_the_reference() -> None:
    raw = section("AudioDecode")
    for field in ("- `raw.sample_format` (text, required)", '- `"mulaw"`', "- `raw.channels` (integer, default `1`)"):
        assert field in raw
    assert "add up to 1" in section("AudioMix")


def test_ranges_are_those_that_hold() -> None:
    assert "- `rate` (`16000` or `8000`, default `16000`)" in section("VAD")
    rate = node_types()["VAD"]["params"]["properties"]["rate"]
    assert range_sentence(rate, {}) == ""
    assert range_sentence({"minimum": 0.01, "maximum": 3.6e6}, {}) == "From 0.01 to 3600000."
    assert range_sentence({"minimum": -3.4028234663852886e38, "maximum": 3.4028234663852886e38}, {}) == ""
    assert "e+" not in PAGE.replace("Late+", "")
    assert "0 or more" not in section("VAD")


def test_each_example_stands_in_yaml_and_in_python_and_fits_80_columns() -> None:
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    languages = [language for language, _ in fences]
    assert languages == ["yaml", "python"] * len(node_types())
    long = node_reference.generated({"AudioMix": described(channels={"type": "integer"})})
    for page in (PAGE, long):
        for block in re.findall(r"^```\w*\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
            assert all(len(line) <= 80 for line in block.splitlines()), block
    for (_, yaml), (_, python) in zip(fences[::2], fences[1::2], strict=True):
        namespace: dict[str, Any] = {}
        *_, last = python.split("\n\n")
        exec(python.replace(last, f"made = {last}"), namespace)
        name = re.match(r"node_type: (\w+)", yaml)
        assert name is not None
        assert type(namespace["made"]).__name__ == name[1]


def test_nothing_but_what_the_docs_of_a_node_tabulate_is_a_table() -> None:
    for name, node in node_types().items():
        assert section(name).count("\n|") == node["doc"].count("\n|"), name
