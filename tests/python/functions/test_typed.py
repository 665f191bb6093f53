"""Values in the form that a function's annotation asks for, the same in both executors."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import threading
import traceback
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
import pytest
import remotemedia as rm
from conftest import chain


def awaited(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


executors = pytest.mark.parametrize(
    "execute",
    [
        functools.partial(execute, engine=engine)
        for engine in ("native", "python")
        for execute in (rm.execute_sync, awaited)
    ],
    ids=["native, sync", "native, await", "reference, sync", "reference, await"],
)


class Color(enum.Enum):
    """An enum."""

    RED = "red"


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    color: Color


class Place(NamedTuple):
    """A tuple with names."""

    row: int
    color: Color


def color(value: Color) -> str:
    return repr(value)


def point(value: Point) -> str:
    return repr(value)


def points(value: list[Point]) -> str:
    return repr(value)


def maybe(value: Point | None) -> str:
    return repr(value)


def path(value: Path) -> str:
    return repr(value)


def pure_path(value: PurePath) -> str:
    return repr(value)


def file(value: rm.File) -> str:
    return repr(value)


def bare_tuple(value: tuple) -> str:  # type: ignore[type-arg]
    return repr(value)


def pair(value: tuple[int, Color]) -> str:
    return repr(value)


def any_colors(value: tuple[Color, ...]) -> str:
    return repr(value)


def no_colors(value: tuple[()]) -> str:
    return repr(value)


def place(value: Place) -> str:
    return repr(value)


def tensor(value: rm.Tensor) -> str:
    return f"{type(value).__name__} {value.dtype} {value.shape} {value.tolist()}"


def array(value: np.ndarray[Any, Any]) -> str:
    return f"{type(value).__name__} {value.dtype} {value.shape}"


def audio(value: rm.Audio) -> str:
    return f"{type(value).__name__} {value.rate}"


def unknown(value: NotThere) -> str:  # type: ignore[name-defined]  # noqa: F821
    return repr(value)


def beside_unknown(value: Color, *, other: NotThere | None = None) -> NotThere:  # type: ignore[name-defined]  # noqa: F821
    return repr(value)


@dataclasses.dataclass
class Tree:
    """A dataclass of itself, with what it makes, and with what can't be looked up."""

    name: str
    children: list[Tree]
    color: Color = Color.RED
    length: int = dataclasses.field(init=False)
    other: NotThere | None = None  # type: ignore[name-defined]  # noqa: F821

    def __post_init__(self) -> None:
        self.length = len(self.name)


def tree(value: Tree) -> str:
    return f"{type(value).__name__} {value.color!r} {value.length} {value.children}"


class Answer(enum.Enum):
    """An enum of which one member has the value None."""

    YES = True
    UNKNOWN = None


async def no_answer(_: Any) -> Answer:
    return Answer.UNKNOWN


@executors
def test_a_member_whose_value_is_none_is_no_missing_value(execute: Any) -> None:
    for function in (lambda _: Answer.UNKNOWN, no_answer):
        assert execute(chain(("answer", function, {})), [1, 2]) == [None, None]


class Shade(enum.Enum):
    """An enum of tuples."""

    LIGHT = (255, 255)


def shade(value: Shade) -> str:
    return repr(value)


def scaled(by: int, value: Color) -> str:
    return f"{by} {value!r}"


class Teller:
    """An object that is called."""

    def __call__(self, value: Color) -> str:
        return repr(value)

    def tell(self, value: Color) -> str:
        return repr(value)


CASES: list[tuple[Any, Any, str]] = [
    (color, Color.RED, "<Color.RED: 'red'>"),
    (color, "red", "<Color.RED: 'red'>"),
    (point, Point(1, Color.RED), "Point(x=1, color=<Color.RED: 'red'>)"),
    (points, [Point(1, Color.RED)], "[Point(x=1, color=<Color.RED: 'red'>)]"),
    (maybe, Point(1, Color.RED), "Point(x=1, color=<Color.RED: 'red'>)"),
    (maybe, None, "None"),
    (path, Path("a/b.wav"), repr(Path("a/b.wav"))),
    (pure_path, Path("a/b.wav"), repr(PurePath("a/b.wav"))),
    (path, rm.File(b"abc"), "File(<3 bytes>)"),
    (file, Path("a/b.wav"), "File('a/b.wav')"),
    (bare_tuple, (1, (2,)), "(1, [2])"),
    (pair, (1, Color.RED), "(1, <Color.RED: 'red'>)"),
    (any_colors, (Color.RED, Color.RED), "(<Color.RED: 'red'>, <Color.RED: 'red'>)"),
    (no_colors, (), "()"),
    (place, [1, "red"], "Place(row=1, color=<Color.RED: 'red'>)"),
    (tensor, np.arange(6, dtype="int16").reshape(2, 3).T, "Tensor int16 (3, 2) [[0, 3], [1, 4], [2, 5]]"),
    (tensor, np.array(1.5), "Tensor float64 () 1.5"),
    (tensor, np.zeros((0, 2)), "Tensor float64 (0, 2) []"),
    (array, np.float32([1, 2]), "ndarray float32 (2,)"),
    (array, rm.Tensor(b"\1\2", "uint8", (2,)), "ndarray uint8 (2,)"),
    (audio, rm.Audio(np.zeros((1, 3), "float32"), 8000), "Audio 8000"),
    (unknown, 1, "1"),
    (beside_unknown, "red", "<Color.RED: 'red'>"),
    (tree, Tree("ab", []), "Tree <Color.RED: 'red'> 2 []"),
    (tree, Tree("ab", [Tree("c", [])]), f"Tree <Color.RED: 'red'> 2 {[Tree('c', [])]}"),
    (shade, Shade.LIGHT, "<Shade.LIGHT: (255, 255)>"),
    (points, {"x": 1}, "{'x': 1}"),
    (functools.partial(scaled, 3), "red", "3 <Color.RED: 'red'>"),
    (Teller(), "red", "<Color.RED: 'red'>"),
    (Teller().tell, "red", "<Color.RED: 'red'>"),
    (rm.node(color), "red", "<Color.RED: 'red'>"),
]


@executors
@pytest.mark.parametrize(("function", "value", "expected"), CASES)
def test_a_function_gets_the_form_that_it_asks_for(execute: Any, function: Any, value: Any, expected: str) -> None:
    assert execute(chain(("f", function, {})), [value]) == [expected]


@executors
def test_an_async_function_gets_it_too(execute: Any) -> None:
    async def later(value: Point) -> str:
        return repr(value)

    assert execute(chain(("f", later, {})), [Point(1, Color.RED)]) == ["Point(x=1, color=<Color.RED: 'red'>)"]


@executors
def test_each_function_of_a_chain_gets_its_own_form(execute: Any) -> None:
    def make(value: int) -> dict[str, Any]:
        return {"x": value, "color": "red"}

    assert execute(chain(("make", make, {}), ("show", point, {})), [2]) == ["Point(x=2, color=<Color.RED: 'red'>)"]


@executors
def test_a_value_that_has_not_the_form_is_an_error_of_the_node(execute: Any) -> None:
    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("f", color, {})), ["blue"])
    assert str(caught.value) == (
        f"node 'f' (python:{__name__}:color), input 0: ValueError: 'blue' is not a valid Color"
    )


@executors
def test_a_traceback_begins_in_the_function(execute: Any) -> None:
    def fails(value: int) -> None:
        raise KeyError(value)

    async def fails_later(value: int) -> None:
        raise KeyError(value)

    for function in (fails, fails_later):
        with pytest.raises(rm.NodeError) as caught:
            execute(chain(("f", function, {})), [1])
        assert caught.value.__cause__ is not None
        frames = [frame.name for frame in traceback.extract_tb(caught.value.__cause__.__traceback__)]
        assert frames == [function.__name__]


@executors
def test_an_awaitable_of_a_plain_function_is_refused(execute: Any) -> None:
    def forgets(value: Any) -> Any:
        return awaits()

    async def awaits() -> None:
        raise AssertionError("it must not run")

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("f", forgets, {})), [1])
    assert caught.value.cause == (
        f"TypeError: python:{__name__}:forgets returned an awaitable; define it with async def"
    )


@pytest.mark.parametrize("engine", ["native", "python"])
def test_what_a_function_raises_on_a_thread_ends_its_execution_alone(engine: Any) -> None:
    def leaves(value: Any) -> None:
        assert threading.current_thread() is not threading.main_thread()
        raise SystemExit(value)

    async def run() -> list[Any]:
        with pytest.raises(rm.NodeError) as caught:
            await rm.execute(chain(("f", leaves, {})), [3], engine=engine)
        assert repr(caught.value.__cause__) == "SystemExit(3)"
        return await rm.execute(chain(("f", color, {})), ["red"], engine=engine)

    assert asyncio.run(run()) == ["<Color.RED: 'red'>"]
