"""The names of the first design, with exactly the results that they always had."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
import remotemedia
import remotemedia_runtime
from conftest import ADD_5, FAN_OUT

ROOT = Path(__file__).resolve().parents[2]

# fmt: off
MANIFEST = '{"version":"v1","metadata":{"name":"test"},"nodes":[{"id":"pass1","node_type":"PassThrough","params":{}}],"connections":[]}'  # noqa: E501
# fmt: on


def call(manifest: str, data: list[Any]) -> Any:
    return asyncio.run(remotemedia_runtime.execute_pipeline_with_input(manifest, data))


def test_the_example_that_was_promised() -> None:
    async def main() -> None:
        result = await remotemedia_runtime.execute_pipeline_with_input(MANIFEST, [1, 2, 3, 4, 5])
        assert result == [1, 2, 3, 4, 5]
        assert type(result) is list

    asyncio.run(main())


def test_three_nodes_add_5_to_integers() -> None:
    result = call(json.dumps(ADD_5), [1, 2, 3])
    assert result == [6, 7, 8]
    assert [type(value) for value in result] == [int, int, int]


def test_a_pipeline_without_input_has_no_outputs() -> None:
    assert asyncio.run(remotemedia_runtime.execute_pipeline('{"version":"v1","metadata":{"name":"t"},"nodes":'
        '[{"id":"pass1","node_type":"PassThroughNode"}],"connections":[]}')) == []  # fmt: skip


def test_nan_and_the_infinities_become_none() -> None:
    values = [float("nan"), float("inf"), [-float("inf"), 1.5], {"a": float("nan")}]
    assert call(MANIFEST, values) == [None, None, [None, 1.5], {"a": None}]


def test_several_sinks_are_a_dict_of_plain_lists() -> None:
    result = call(json.dumps(FAN_OUT), [1])
    assert result == {"left": [1], "right": [10]}
    assert {type(values) for values in result.values()} == {list}


@pytest.mark.parametrize("manifest", ["", "not json", "{", '{"version":"v1"}', "voic.yaml"])
def test_parse_errors_are_value_errors(manifest: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call(manifest, [])
    assert isinstance(caught.value, remotemedia.ManifestError)


def test_a_dict_is_told_to_be_text() -> None:
    with pytest.raises(ValueError, match=r"^manifest_json must be JSON text, not dict; write json.dumps\(manifest\)$"):
        call({}, [])  # type: ignore[arg-type]


def test_execution_errors_are_runtime_errors() -> None:
    manifest = MANIFEST.replace('PassThrough","params":{}', 'Calculator","params":{"operation":"divide","operand":2}')
    with pytest.raises(RuntimeError):
        call(manifest, ["one"])


@pytest.mark.parametrize("data", [[object()], [2**64], 5])
def test_marshal_errors_are_value_errors(data: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        call(MANIFEST, data)


def test_the_alias_has_the_same_functions() -> None:
    for name in remotemedia_runtime.__all__:
        assert getattr(remotemedia_runtime, name) is getattr(remotemedia, name)
    assert inspect.iscoroutinefunction(remotemedia_runtime.execute_pipeline)


def test_versions_agree() -> None:
    found = re.search(r'(?m)^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text())
    assert found is not None
    assert remotemedia.__version__ == remotemedia_runtime.__version__ == found[1]
    assert remotemedia_runtime.get_runtime_version() == found[1]
    assert remotemedia_runtime.is_available() is True
