"""The reference executor: that it says what the native runtime says, and when it is taken."""

from __future__ import annotations

import array
import asyncio
import itertools
import math
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from conftest import ADD_5, FAN_OUT, PASS, chain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from remotemedia._reference.deadline import Deadline
from remotemedia._reference.graph import graph_of
from remotemedia._reference.run import run

SECONDS = 30.0


def same(value: Any) -> Any:
    return value


def only_integers(value: Any) -> Any:
    return value if isinstance(value, int) else None


def doubled(value: Any) -> Any:
    return value * 2


def listed(value: Any) -> Any:
    return (value, [value])


def picky(value: Any) -> Any:
    if isinstance(value, (str, bool)):
        raise ValueError(f"not this one: {value!r}") from KeyError("why")
    return value


def keyed(value: Any) -> Any:
    return {value: value}


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


def several(value: Any) -> Any:
    yield from [value, None, [value]]
    if value is True:
        raise LookupError("this one has no end")


async def several_later(value: Any) -> Any:
    yield value
    await asyncio.sleep(0)
    yield picky(value)


@rm.node(outputs=["numbers", "others"])
def sorted_out(value: Any) -> Any:
    yield rm.Out("numbers" if isinstance(value, (int, float)) else "others", value)
    yield [value]


@rm.node(inputs=["left", "right"])
async def told_where(value: Any, port: str) -> Any:
    return [port, picky(value)]


@rm.node(inputs=["first", "second"], outputs=["all", "seconds"])
class Crossing:
    def initialize(self) -> None:
        self.count = 0

    def process(self, value: Any, port: str) -> Any:
        self.count += 1
        return rm.Out("seconds", value) if port == "second" else value

    def flush(self) -> Any:
        return rm.Out("all", self.count)


@rm.node(batch=3)
class Packs:
    def process(self, values: list[Any]) -> list[Any]:
        return [picky(value) for value in values]

    def flush(self) -> Any:
        return "end"


FUNCTIONS = [same, only_integers, doubled, listed, picky, keyed, later, several, several_later, Packs]
PORTS = {
    sorted_out: ([], ["numbers", "others"]),
    told_where: (["left", "right"], []),
    Crossing: (["first", "second"], ["all", "seconds"]),
}
"""The inputs and outputs of functions that name some."""
OPERATIONS = ["add", "subtract", "multiply", "divide", "power", "modulo"]
INTEGERS = st.integers(-(2**63), 2**64 - 1) | st.integers(-9, 9)
# The text of a huge integer power is the same; its digits are not needed.
NUMBERS = INTEGERS | st.floats() | st.sampled_from([0, 0.0, -0.0, 1e16, 1e-7, 0.5, -1])
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT | st.binary(max_size=3),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(TEXT, values, max_size=2),
    max_leaves=5,
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """A graph of up to six nodes, each of which takes from any of those before it."""
    nodes: list[dict[str, Any]] = []
    connections = []
    for index in range(draw(st.integers(1, 6))):
        kind: Any = draw(st.sampled_from(["PassThrough", "Echo", "Calculator", "Calculator", *FUNCTIONS, *PORTS]))
        sources = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else []
        node = {"id": f"n{index}", "node_type": kind}
        if kind == "Calculator":
            node["params"] = {"operation": draw(st.sampled_from(OPERATIONS)), "operand": draw(OPERANDS)}
        nodes.append(node)
        for source in sources:
            output = draw(st.sampled_from(["", *PORTS.get(nodes[source]["node_type"], ([], []))[1]]))
            entry = draw(st.sampled_from(["", *PORTS.get(kind, ([], []))[0]]))
            connections.append({"from": _end(source, output), "to": _end(index, entry)})
    return {"version": "v1", "nodes": nodes, "connections": connections}


def _end(node: int, port: str) -> str:
    return f"n{node}.{port}" if port else f"n{node}"


OPERANDS = INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, 0.0, 2, 3, -1, 0.5])


def shown(outputs: Any, counters: bool) -> str:
    """The outputs exactly: types, signs of zero, NaN, order, items, places in time."""
    sinks = outputs if isinstance(outputs, dict) else {"": outputs}
    return repr({sink: [_plain(packet, counters) for packet in each.packets] for sink, each in sinks.items()})


def _plain(value: Any, counters: bool) -> Any:
    if isinstance(value, rm.Packet):
        return [_plain(value.value, counters), value.item, value.sink, value.pts_ns, value.duration_ns]
    if isinstance(value, list):
        return [_plain(entry, counters) for entry in value]
    if isinstance(value, dict):
        if not counters and value.keys() == {"input", "counter", "node"}:
            value = {**value, "counter": "any"}
        return {key: _plain(entry, counters) for key, entry in value.items()}
    return value


def told(error: rm.NodeError) -> tuple[Any, ...]:
    known = (error.node_id, error.node_type, error.item, error.cause, error.cure, error.chain, error.input)
    return str(error), *known, repr(error.__cause__)


def all_errors(manifest: Any, inputs: list[Any]) -> list[rm.NodeError]:
    """Every error that the nodes would make if none ended the run."""

    async def at_once(work: Any) -> Any:
        return work()

    async def pause(seconds: float) -> None:
        raise AssertionError("no node tries again")

    try:
        asyncio.run(run(graph_of(manifest, ()), [inputs], at_once, Deadline(None), pause, stop=False))
    except rm.NodeError as error:
        return error.errors
    return []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(manifests(), st.lists(VALUES, max_size=4))
def test_the_native_runtime_does_what_the_reference_does(manifest: dict[str, Any], inputs: list[Any]) -> None:
    # Where ways join, packets come in any order, so that an Echo numbers them in any order.
    targets = [link["to"] for link in manifest["connections"]]
    counters = len(set(targets)) == len(targets)
    kinds = {node["id"]: node["node_type"] for node in manifest["nodes"]}
    if any(
        kinds[link["from"].split(".")[0]] == "Echo" and kinds[link["to"].split(".")[0]] == "Calculator"
        for link in manifest["connections"]
    ):
        # A map never is a number.
        refusals = []
        for engine in ("native", "python"):
            with pytest.raises(rm.ManifestError) as refused:
                rm.execute_sync(manifest, inputs, engine=engine)
            refusals.append((str(refused.value), refused.value.problems))
        assert refusals[0] == refusals[1]
        return
    errors = all_errors(manifest, inputs)
    if not errors:
        native, python = (rm.execute_sync(manifest, inputs, engine=engine) for engine in ("native", "python"))
        assert shown(native, counters) == shown(python, counters)
        return
    with pytest.raises(rm.NodeError) as native_error:
        rm.execute_sync(manifest, inputs, timeout=SECONDS)
    assert told(native_error.value) in [told(each) for each in errors]
    with pytest.raises(rm.NodeError) as python_error:
        rm.execute_sync(manifest, inputs, engine="python")
    assert told(python_error.value) == told(errors[0])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(OPERATIONS), OPERANDS, NUMBERS)
def test_numbers_are_computed_alike(operation: str, operand: Any, value: Any) -> None:
    manifest = chain(("c", "Calculator", {"operation": operation, "operand": operand}))

    def answer(engine: Any) -> str:
        try:
            return repr(rm.execute_sync(manifest, [value], engine=engine))
        except rm.NodeError as error:
            return str(error)

    assert answer("native") == answer("python")


async def test_the_engine_is_chosen_by_the_caller() -> None:
    for engine in ("auto", "native", "python"):
        assert await rm.execute(ADD_5, [1, [2.5]], engine=engine) == [6, [7.5]]
        assert await (rm.Pipeline() >> rm.nodes.Echo(name="e")).run(["x"], engine=engine) == [
            {"input": "x", "counter": 1, "node": "e"}
        ]
    assert await rm.execute(FAN_OUT, [1, 2], engine="python") == {"left": [1, 2], "right": [10, 20]}
    with pytest.raises(rm.InvalidArgumentError) as caught:
        await rm.execute(ADD_5, [], engine="rust")  # type: ignore[arg-type]
    assert str(caught.value) == 'engine must be "auto", "native" or "python", got \'rust\''


def test_sound_and_files_pass_with_their_places() -> None:
    audio = rm.Audio(numpy.zeros((1, 16000), "float32"), 8000, pts=3661.5)
    inputs = [audio, rm.File("there/is/none.wav"), numpy.arange(5), array.array("h", [1, 2])]
    manifest = chain(("p", "PassThrough", {}), ("f", same, {}))
    native, python = (rm.execute_sync(manifest, inputs, engine=engine) for engine in ("native", "python"))
    places = [
        [(packet.pts_ns, packet.duration_ns, packet.item) for packet in each.packets] for each in (native, python)
    ]
    assert places[0] == places[1]
    assert list(map(str, native)) == list(map(str, python))
    manifest = chain(("c", "PassThrough", {}), ("f", picky_about_media, {}))
    for value in inputs[:2]:
        texts = []
        for engine in ("native", "python"):
            with pytest.raises(rm.NodeError) as caught:
                rm.execute_sync(manifest, [value], engine=engine)
            texts.append((told(caught.value), caught.value.position_ns))
        assert texts[0] == texts[1]


@pytest.mark.parametrize("count", [10, 5000])
def test_results_are_in_memory_of_their_own_or_in_that_of_the_caller_in_both_engines(count: int) -> None:
    numbers = numpy.ones(count, "float32")
    inputs = [numbers, {"x": numbers}, rm.Audio(numbers[None], 8000), rm.Tensor(numbers.tobytes(), "float32", (count,))]
    found = []
    for engine in ("native", "python"):
        first, inner, sound, tensor = rm.execute_sync(chain(("f", same, {})), inputs, engine=engine)
        arrays = [first, inner["x"], sound.samples]
        found.append([(each.flags.writeable, numpy.shares_memory(each, numbers)) for each in arrays])
        found[-1].append(tensor.flags.writeable)
    assert found[0] == found[1]


def picky_about_media(value: Any) -> Any:
    raise ValueError


def test_a_function_gets_values_of_its_own_and_may_run_a_pipeline() -> None:
    def nested(value: Any) -> Any:
        value.append(3)
        return list(rm.execute_sync(PASS, value, engine="python"))

    manifest = {
        "version": "v1",
        "nodes": [{"id": "a", "node_type": nested}, {"id": "b", "node_type": "PassThrough"}],
    }
    given = [1, 2]
    assert rm.execute_sync(manifest, [given], engine="python") == {"a": [[1, 2, 3]], "b": [[1, 2]]}
    assert given == [1, 2]


async def test_time_that_is_over_ends_the_reference_too() -> None:
    event = asyncio.Event()

    async def waits(value: Any) -> None:
        await event.wait()

    with pytest.raises(rm.TimedOut) as caught:
        await rm.execute(chain(("f", waits, {})), [1], timeout=0.01, engine="python")
    assert str(caught.value).startswith("timed out after 0.01 s: node 'f' (python:")
    with pytest.raises(rm.TimedOut):
        await rm.execute(PASS, [1], timeout=0, engine="python")


def test_a_timeout_has_what_came_out_before_it_in_both_engines() -> None:
    ends = threading.Event()

    def held(value: Any) -> Iterator[Any]:
        if value == 2:
            ends.wait()
        yield value

    for engine in ("native", "python"):
        ends.clear()
        with pytest.raises(rm.TimedOut) as caught:
            rm.execute_sync(chain(("f", held, {})), [0, 1, 2], timeout=0.5, engine=engine)
        ends.set()
        assert caught.value.outputs == [0, 1]


class BadPath:
    def __fspath__(self) -> Any:
        return 5


@pytest.mark.parametrize(
    "value",
    [BadPath(), rm.File("/tmp/\udcff"), Path("/tmp/\udcff"), rm.File(b"", mime="\udcff")],
    ids=["protocol", "file", "path", "media type"],
)
def test_values_that_can_not_cross_are_refused_in_the_same_words(value: Any) -> None:
    messages = []
    for engine in ("native", "python"):
        with pytest.raises(rm.MarshalError) as caught:
            rm.execute_sync(PASS, [[value]], engine=engine)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert messages[0].startswith("inputs[0][0]: ")


def test_a_calculator_refuses_every_kind_in_the_same_words() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = rm.execute_sync(PASS, [pyarrow.table({"a": [1]})])[0]
    for value in (table, rm.Video([numpy.zeros((2, 2), "uint8")], "gray", 2, 2)):
        for each in (value, [1, value]):
            texts = []
            for engine in ("native", "python"):
                with pytest.raises(rm.NodeError) as caught:
                    rm.execute_sync(ADD_5, [each], engine=engine)
                texts.append(told(caught.value))
            assert texts[0] == texts[1]


def test_sound_of_other_arrays_comes_as_an_array_of_numpy() -> None:
    def type_of(audio: Any) -> str:
        return f"{type(audio.samples).__name__} {audio.samples.shape}"

    audio = rm.Audio(memoryview(numpy.zeros((2, 8), "float32")), 8000)
    for engine in ("native", "python"):
        assert rm.execute_sync(chain(("f", type_of, {})), [audio], engine=engine) == ["ndarray (2, 8)"]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (
            chain(("a", "AudioLevel", {})),
            "nodes[0].node_type: the Python engine has no node 'AudioLevel', only Calculator, Echo, PassThrough and "
            'Python functions; run it with engine="native"',
        ),
        (
            chain(("a", "Calculator", {"operation": "root", "operand": True, "x": 1})),
            "the manifest has 3 problems:\n"
            "  nodes[0].params.x: Calculator has no param 'x'\n"
            "  nodes[0].params.operation: expected one of add, subtract, multiply, divide, power, modulo, got 'root'\n"
            "  nodes[0].params.operand: expected a number, got True",
        ),
        ({"version": "v1", "nodes": []}, "nodes: expected at least one node"),
        ({"nodes": [{"id": "a", "node_type": "Echo"}]}, "version: the manifest has no version 'v1'"),
        (
            {**PASS, "connections": [{"from": "pass1", "to": "b"}]},
            "connections[0].to: there is no node 'b'",
        ),
        (
            {**FAN_OUT, "connections": [{"from": "left", "to": "right"}, {"from": "right", "to": "left"}]},
            "connections: the connections form a cycle",
        ),
        (chain(("a", "Echo", {}), ("a", "Echo", {})), "nodes[1].id: expected an id of its own, got 'a'"),
        (
            chain(("a", "python:os:system", {})),
            "nodes[0].node_type: 'python:os:system' runs Python code of 'os'; if you trust it, allow it with "
            "python=['os']",
        ),
    ],
)
def test_what_the_reference_refuses(manifest: Any, message: str) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.execute_sync(manifest, [1], engine="python")
    assert str(caught.value) == message


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@dataclass
class Gain:
    """A param of a type that stands for a map."""

    db: float


in_itself: list[Any] = []
in_itself.append(in_itself)

PARAMS = [
    *(math.nan, -math.inf, [1, {"a b": [math.nan]}], {"k" * 99: math.inf}, numpy.float32("nan"), [Gain(math.nan)]),
    *(2**64, -(2**63) - 1, "\ud800", {"\ud800": 1}, {1: 2}, {"first": math.nan, 1: b"x", "last": math.nan}),
    *(b"x", bytearray(3), memoryview(b"xy"), datetime.now(timezone.utc), datetime(2020, 1, 1)),
    *(Path("x"), rm.File(b"x"), numpy.ones(2), [numpy.complex64(1)], rm.testing.speech(), array.array("f", [1])),
    *({1}, int, print, Decimal(1), OrderedDict(a=1), object, [b"x", {2}]),
    *(nested(62), in_itself),
    *(Gain(1.0), numpy.float32(0.5), numpy.bool_(True), (1, (2,)), 2**64 - 1, -(2**63), None, nested(61)),
]


@pytest.mark.parametrize("value", PARAMS, ids=lambda value: str(type(value).__name__))
def test_params_are_refused_by_both_engines_in_the_same_words(value: Any) -> None:
    def said(engine: Any) -> Any:
        def function(_: Any, param: Any) -> str:
            return str(type(param))

        try:
            return rm.execute_sync(chain(("f", function, {"param": value})), [1], engine=engine)
        except rm.ManifestError as error:
            return str(error), error.problems

    assert said("python") == said("native")


@pytest.mark.parametrize("params", [5, "x", [], [1]])
def test_params_are_a_map_in_both_engines(params: Any) -> None:
    for kind in (same, "PassThrough"):
        for engine in ("native", "python"):
            with pytest.raises(rm.ManifestError, match=r"^nodes\[0\].params: expected a map, got "):
                rm.execute_sync(chain(("f", kind, params)), [1], engine=engine)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [numpy.float32(60), numpy.int64(60), Decimal(60), True, 10**400, math.inf])
def test_a_timeout_is_any_number_in_both_engines(timeout: Any) -> None:
    for engine in ("native", "python"):
        assert rm.execute_sync(PASS, [1], timeout=timeout, engine=engine) == [1]  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", ["60", timedelta(1), numpy.ones(2), -1, math.nan])
def test_a_timeout_that_is_none_is_refused_by_both_engines_in_the_same_words(timeout: Any) -> None:
    messages = set()
    for engine in ("native", "python"):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            rm.execute_sync(PASS, [1], timeout=timeout, engine=engine)  # type: ignore[arg-type]
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_arrays_are_left_to_the_native_engine() -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.execute_sync(ADD_5, [numpy.arange(3)], engine="python")
    assert str(caught.value) == (
        "node 'add' (Calculator): the Python engine does not compute with arrays; run it with engine=\"native\""
    )


def endless(value: Any) -> Iterator[int]:
    yield from itertools.count(value)


def until_3(value: int) -> int:
    if value == 3:
        raise ValueError("three")
    return value


@pytest.mark.parametrize("functions", [(endless, until_3), (endless, same, until_3), (same, endless, until_3, same)])
def test_an_endless_generator_ends_where_a_function_behind_it_fails_in_both_engines(functions: Any) -> None:
    errors = []
    manifest = chain(*((f"n{index}", function, {}) for index, function in enumerate(functions)))
    for engine in ("native", "python"):
        with pytest.raises(rm.NodeError, match="ValueError: three") as caught:
            rm.execute_sync(manifest, [0], engine=engine, timeout=SECONDS)
        errors.append((told(caught.value), caught.value.outputs))
    assert errors[0] == errors[1]


def test_functions_that_run_in_calls_of_their_own_hand_on_what_crosses() -> None:
    connection = {"from": "n0", "to": "n1"}
    alone: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ({"node_type": told_where}, {}, {}),
        ({"node_type": same}, {"on_error": "skip"}, {}),
        ({"node_type": same, "on_error": {"retry": {"times": 1}}}, {}, {}),
        ({"node_type": same}, {}, {"buffer": {"packets": 1}}),
        ({"node_type": same}, {}, {}),
    ]
    for second, first, link in alone:
        nodes = [{"id": "n0", "node_type": keyed, **first}, {"id": "n1", **second}]
        manifest = {"version": "v1", "nodes": nodes, "connections": [{**connection, **link}]}
        told = []
        for engine in ("native", "python"):
            try:
                told.append(rm.execute_sync(manifest, [None], engine=engine).skipped[0].node_id)
            except rm.NodeError as error:
                told.append(error.node_id)
        # The last pair is called together, so that what the first one gives never crosses.
        assert told == (["n0"] * 2 if (second, first, link) != alone[-1] else ["n1"] * 2)


def test_an_error_never_starts_a_second_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "remotemedia._reference.execute", None)
    calls = []

    def fails(value: Any) -> None:
        calls.append(value)
        raise ValueError

    with pytest.raises(rm.NodeError):
        rm.execute_sync(chain(("f", fails, {})), [1])
    assert calls == [1]


def test_without_the_library_auto_is_the_reference() -> None:
    code = (
        "import asyncio, logging, sys\n"
        "sys.modules['remotemedia._native'] = None\n"
        "import remotemedia as rm\n"
        "logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
        "triple = rm.node(lambda value, *, by=3: value * by)\n"
        "pipeline = rm.Pipeline() >> rm.nodes.PassThrough() >> triple(by=4)\n"
        "print(pipeline.run_sync([1, 2]), asyncio.run(pipeline.run([3], engine='python')))\n"
        "print(rm.execute_sync(pipeline.manifest(), [5]))\n"
        'print(rm.execute_sync(\'{"version": "v1", "nodes": [{"id": "a", "node_type": "EchoNode"}]}\', [\'x\']))\n'
        "for call in (lambda: pipeline.run_sync([1], engine='native'), lambda: rm.execute_sync('a:\\n', [1])):\n"
        "    try: call()\n"
        "    except rm.LibraryError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    missing = (
        "the native library of remotemedia can't be loaded: import of remotemedia._native halted; None in sys.modules. "
        f"Build it: python3 build.py build, in {Path(rm.__file__).parents[3]}"
    )
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            "the native library can't be loaded: the reference executor in Python runs instead, slowly",
            "[4, 8] [12]",
            "[20]",
            "[{'input': 'x', 'counter': 1, 'node': 'a'}]",
            missing,
            f"{missing}. Without it only JSON text and dicts can be read, and this manifest is neither",
        ],
    )
