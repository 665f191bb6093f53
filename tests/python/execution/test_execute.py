"""`execute` and `execute_sync`: every form of manifest, outputs with their places, deadlines."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import ADD_5, FAN_OUT, PASS, PASS_TEXT, chain

YAML = """
version: v1
metadata: {name: test}
nodes:
  - {id: add, node_type: Calculator, params: {operation: add, operand: 5}}
connections: []
"""


def run(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


@pytest.mark.parametrize("execute", [run, rm.execute_sync], ids=["await", "sync"])
def test_a_manifest_may_be_a_dict_text_or_a_path(execute: Any, tmp_path: Path) -> None:
    (tmp_path / "add.yaml").write_text(YAML)
    (tmp_path / "add.json").write_text(json.dumps(ADD_5))
    for manifest in (ADD_5, json.dumps(ADD_5), YAML, tmp_path / "add.yaml", str(tmp_path / "add.json")):
        assert execute(manifest, [1, 2, 3]) == [6, 7, 8]
        assert execute(manifest, (1,)) == [6]


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for manifest in ("voic.yaml", Path("voic.yaml")):
        with pytest.raises(FileNotFoundError) as caught:
            rm.execute_sync(manifest, [])
        assert str(caught.value) == f"no such manifest 'voic.yaml' in {tmp_path}"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(YAML)
    assert rm.execute_sync(path, [1]) == [6]
    path.write_text(YAML.replace("operand: 5", "operand: 6"))
    assert rm.execute_sync(path, [1]) == [7]


def test_something_else_is_no_manifest() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.execute_sync(3, [])  # type: ignore[arg-type]
    assert str(caught.value) == "a manifest is a dict, a path, or JSON or YAML text, not int"


def test_every_problem_of_a_manifest_is_told() -> None:
    manifest = chain(("a", "PassThru", {}), ("b", "Calculator", {"operation": "plus", "operand": 1}))
    with pytest.raises(rm.ManifestError) as caught:
        rm.execute_sync(manifest, [])
    problems = caught.value.problems
    assert [problem.path for problem in problems] == ["nodes[0].node_type", "nodes[1].params.operation"]
    assert "PassThrough" in str(problems[0].suggestion)
    assert all(problem.message in str(caught.value) for problem in problems)


def test_a_value_in_a_manifest_that_cannot_cross_is_named() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.execute_sync({**PASS, "metadata": {"name": object()}}, [])
    assert str(caught.value).startswith("metadata.name: an object can't cross; ")


def test_outputs_are_a_flat_list_that_knows_its_items() -> None:
    outputs = rm.execute_sync(PASS_TEXT, ["a", "b"])
    assert type(outputs) is rm.Outputs
    assert outputs == ["a", "b"]
    assert outputs.by_item == [["a"], ["b"]]
    assert [(packet.value, packet.item, packet.sink, packet.seq) for packet in outputs.packets] == [
        ("a", 0, "pass1", 0),
        ("b", 1, "pass1", 1),
    ]


def test_packets_have_times_in_seconds_and_exact_nanoseconds() -> None:
    audio = rm.Audio(np.zeros((1, 100), "float32"), rate=48000, pts_ns=1_000_000_001)
    (packet,) = rm.execute_sync(PASS_TEXT, [audio]).packets
    assert (packet.pts_ns, packet.duration_ns) == (1_000_000_001, 2_083_333)
    assert packet.pts == pytest.approx(1.000000001)
    assert packet.duration == pytest.approx(100 / 48000)


def test_an_item_without_outputs_has_an_empty_list() -> None:
    odd = chain(("odd", lambda value: value if value % 2 else None, {}))
    outputs = rm.execute_sync(odd, [1, 2, 3, 4])
    assert outputs == [1, 3]
    assert outputs.by_item == [[1], [], [3], []]


def test_several_sinks_give_a_dict_by_id() -> None:
    outputs = rm.execute_sync(FAN_OUT, [1, 2])
    assert outputs == {"left": [1, 2], "right": [10, 20]}
    assert outputs["right"].by_item == [[10], [20]]
    assert {packet.sink for packet in outputs["right"].packets} == {"right"}


def test_no_inputs_give_no_outputs() -> None:
    assert rm.execute_sync(PASS_TEXT, []) == []
    assert run(PASS_TEXT, []) == []


def test_an_error_of_a_node_names_the_place() -> None:
    divide = chain(("half", "Calculator", {"operation": "divide", "operand": 2}))
    for execute in (run, rm.execute_sync):
        with pytest.raises(rm.NodeError) as caught:
            execute(divide, ["one"])
        error = caught.value
        assert isinstance(error, rm.ExecutionError)
        assert (error.node_id, error.node_type, error.item) == ("half", "Calculator", 0)
        assert str(error).startswith("node 'half' (Calculator), input 0: ")
        assert error.errors == [error]
        assert error.outputs == []


def test_an_error_carries_the_outputs_so_far() -> None:
    def fail_on_3(value: int) -> int:
        if value == 3:
            raise ValueError("three")
        return value

    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", fail_on_3, {})), [1, 2, 3, 4])
    assert caught.value.outputs == [1, 2]
    assert caught.value.item == 2


async def test_execute_sync_blocks_a_running_loop_as_in_a_notebook() -> None:
    assert rm.execute_sync(PASS_TEXT, [1, "a"]) == [1, "a"]
    assert rm.execute_sync(chain(("f", lambda value: value + 1, {})), [1, 2]) == [2, 3]
    assert rm.execute_sync(PASS_TEXT, [1], engine="python") == [1]
    # The loop goes on as before.
    assert await rm.execute(PASS_TEXT, [2]) == [2]


@pytest.mark.parametrize("engine", ["native", "python"])
async def test_execute_sync_does_not_block_the_loop_that_an_async_function_needs(engine: Any) -> None:
    async def later(value: int) -> int:
        return value

    with pytest.raises(RuntimeError) as caught:
        rm.execute_sync(chain(("f", later, {})), [1], engine=engine)
    name = f"python:{__name__}:later"
    assert str(caught.value) == (
        f"execute_sync would block the running event loop, which the async function {name} needs; "
        "write: await remotemedia.execute(manifest, inputs)"
    )
    pipeline = rm.Pipeline() >> rm.node(later)
    with pytest.raises(RuntimeError) as caught:
        pipeline.run_sync([1], engine=engine)
    assert str(caught.value) == (
        f"run_sync would block the running event loop, which the async function {name} needs; "
        "write: await pipeline.run(inputs)"
    )
    assert await pipeline.run([1], engine=engine) == [1]


@pytest.mark.parametrize("execute", [run, rm.execute_sync], ids=["await", "sync"])
def test_a_deadline_is_a_timeout_error(execute: Any) -> None:
    import threading

    stop = threading.Event()

    def wait(value: int) -> int:
        stop.wait(0.3)
        return value

    with pytest.raises(TimeoutError) as caught:
        execute(chain(("wait", wait, {})), [1], timeout=0.01)
    assert isinstance(caught.value, rm.TimedOut)
    stop.set()


@pytest.mark.parametrize("timeout", [-1, float("nan"), "soon"])
def test_a_wrong_timeout_is_refused(timeout: Any) -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"^timeout must be "):
        rm.execute_sync(PASS_TEXT, [], timeout=timeout)


def test_a_generous_timeout_changes_nothing() -> None:
    assert rm.execute_sync(PASS_TEXT, [1], timeout=60) == [1]
    assert rm.execute_sync(PASS_TEXT, [1], timeout=float("inf")) == [1]


def test_pipelines_are_compiled_once_and_the_cache_is_bounded() -> None:
    from remotemedia._manifest import compile as compiling

    first, _ = compiling.compile_manifest(PASS)
    assert compiling.compile_manifest(dict(PASS))[0] is first
    for number in range(compiling.CACHED + 10):
        compiling.compile_manifest({**PASS, "metadata": {"name": f"t{number}"}})
    assert len(compiling._cache) == compiling.CACHED


def test_large_results_arrive_whole() -> None:
    values = [{"text": "x" * 100, "n": number} for number in range(5000)]
    assert rm.execute_sync(PASS_TEXT, values) == values
    assert run(PASS_TEXT, values) == values


def test_many_large_arrays_arrive_whole() -> None:
    manifest = chain(("c", "Calculator", {"operation": "add", "operand": 1}))
    arrays = [np.full(5000, number, "float64") for number in range(100)]
    for outputs in (rm.execute_sync(manifest, arrays), run(manifest, arrays)):
        assert [out[-1] for out in outputs] == [number + 1 for number in range(100)]


def test_a_diamond_of_unequal_branches_completes() -> None:
    manifest = {
        "version": "v1",
        "metadata": {"name": "diamond"},
        "nodes": [
            {"id": "in", "node_type": "PassThrough"},
            {"id": "slow", "node_type": lambda value: ("slow", value)},
            {"id": "fast", "node_type": "PassThrough"},
            {"id": "out", "node_type": "PassThrough"},
        ],
        "connections": [
            {"from": "in", "to": "slow"},
            {"from": "in", "to": "fast"},
            {"from": "slow", "to": "out"},
            {"from": "fast", "to": "out"},
        ],
    }
    count = 500
    outputs = rm.execute_sync(manifest, list(range(count)))
    assert [sorted(map(str, values)) for values in outputs.by_item] == [
        sorted([str(number), str(["slow", number])]) for number in range(count)
    ]


@pytest.mark.parametrize(
    ("text", "what"), [("", "an empty text"), ("a\0b", "the text 'a\\x00b', which has a NUL character,")]
)
def test_a_text_that_is_no_path_is_no_manifest(text: str, what: str) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.execute_sync(text, [1])
    assert str(caught.value) == f"{what} is neither a manifest nor a path; pass a dict, a path, or JSON or YAML text"


def test_yaml_on_one_line_is_told_what_makes_it_text() -> None:
    with pytest.raises(FileNotFoundError, match=r"'version: v1' in .*; YAML text needs a newline at its end$"):
        rm.execute_sync("version: v1", [1])


def test_a_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / "voice.yaml")
    with pytest.raises(NotADirectoryError) as caught:
        rm.execute_sync(path, [1])
    assert str(caught.value) == f"the manifest {path!r} can't be read: Not a directory; check the path"
    with pytest.raises(OSError, match=r"the manifest 'x{200}\.\.\.' can't be read: File name too long"):
        rm.execute_sync("x" * 5000, [1])


def test_a_timeout_beyond_all_floats_is_none() -> None:
    assert rm.execute_sync(PASS_TEXT, [1], timeout=10**400) == [1]
    with pytest.raises(rm.InvalidArgumentError, match="timeout must be 0 seconds or more"):
        rm.execute_sync(PASS_TEXT, [1], timeout=-(10**400))
