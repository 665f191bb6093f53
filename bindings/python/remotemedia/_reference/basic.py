"""PassThrough, Echo and Calculator in Python, with the words of the native ones for what they refuse."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._functions.places_in_time import Place
from .._media.scalars import LEAST_INTEGER, MOST_INTEGER
from .._process import imported
from ..errors import InvalidArgumentError
from ..media import Audio, File, Tensor
from ..table import Table
from ..video import Video
from .other_engine import advice


class RefusedError(Exception):
    """A node refuses a value: `cause` is the reason, `cure` what to do about it.

    With `ends_run` it is ready for no value at all.
    """

    def __init__(self, cause: str, cure: str = "", *, ends_run: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.cure = cure
        self.ends_run = ends_run
        self.node = 0
        """In which step of a chain."""
        self.place: Place | None = None
        """The place of what that one had got, if functions before it have made one."""


class Node(ABC):
    """A node of one run, which makes one value of each value."""

    takes: tuple[str, ...] = ()
    """The kinds of values that it takes; none are named where it takes all."""
    gives: tuple[str, ...] = ()
    """The kinds of values that it gives, likewise."""

    def __init__(self, name: str, params: Mapping[str, Any]) -> None:
        self.name = name
        self.params = params

    @abstractmethod
    def process(self, value: Any) -> Any:
        """Processes a value. Raises `RefusedError`."""

    @classmethod
    def wrong(cls, params: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The problems of params: their names and a message each."""
        return [(name, f"{cls.__name__} has no param {name!r}") for name in params]


class PassThrough(Node):
    """Passes every value on."""

    def process(self, value: Any) -> Any:
        return value


class Echo(Node):
    """Gives a map of the value, its number within the run, and the id of the node."""

    gives = ("map",)
    counter = 0

    def process(self, value: Any) -> Any:
        self.counter += 1
        return {"input": value, "counter": self.counter, "node": self.name}


class Calculator(Node):
    """Computes with a fixed operand on numbers and lists of numbers: integers exactly, within 64 bits."""

    takes = gives = ("int", "float", "list", "tensor")

    def process(self, value: Any) -> Any:
        kind = kind_of(value)
        if kind == "tensor":
            raise InvalidArgumentError(
                f"node {self.name!r} (Calculator): the Python engine does not compute with arrays; {advice()}"
            )
        if kind not in ("int", "float", "list"):
            got = {"null": "null", "str": "text", "bytes": "bytes", "audio": "audio"}.get(kind, f"a {kind}")
            raise RefusedError(f"expected int, float, list or tensor, got {got}", "Send a number.")
        return self._compute(value, "")

    def _compute(self, value: Any, path: str) -> Any:
        kind = kind_of(value)
        if kind == "list":
            return [self._compute(entry, f"{path}[{index}]") for index, entry in enumerate(value)]
        place = f"at {path}: " if path else ""
        if kind not in ("int", "float"):
            raise RefusedError(f"{place}expected a number, got {kind}", CURES.get(kind, OTHER_CURE))
        operation, operand = self.params["operation"], self.params["operand"]
        try:
            return _apply(operation, value, operand)
        except ZeroDivisionError as error:
            cure = "Keep zeros away from this node, or choose another operand."
            raise RefusedError(f"{place}{error}", cure) from None
        except OverflowError:
            sum_of_it = f"{number(value)} {SIGNS[operation]} {number(operand)}"
            cure = f"Use the float operand {number(float(operand))} if rounding will do."
            raise RefusedError(f"{place}{sum_of_it} does not fit 64 bits", cure) from None

    @classmethod
    def wrong(cls, params: Mapping[str, Any]) -> list[tuple[str, str]]:
        found = [(name, f"Calculator has no param {name!r}") for name in params if name not in ("operation", "operand")]
        found += [
            ("", f"Calculator needs the param {name!r}") for name in ("operation", "operand") if name not in params
        ]
        operation, operand = params.get("operation", "add"), params.get("operand", 0)
        if operation not in SIGNS:
            found.append(("operation", f"expected one of {', '.join(SIGNS)}, got {operation!r}"))
        if isinstance(operand, bool) or not isinstance(operand, (int, float)):
            found.append(("operand", f"expected a number, got {operand!r}"))
        return found


BASIC: dict[str, type[Node]] = {"PassThrough": PassThrough, "Echo": Echo, "Calculator": Calculator}

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "modulo": "%"}

CURES = {
    "bool": "Send 1 or 0 for a truth value.",
    "str": "Convert it to an int or a float first.",
    "bytes": "Convert it to an int or a float first.",
    "tensor": "Send each tensor as an input of its own.",
}
OTHER_CURE = "Send a number, a list of numbers or a tensor."


def kind_of(value: Any) -> str:
    """The kind of a value that has crossed, as messages name it."""
    kinds: dict[type, str] = {
        type(None): "null",
        bool: "bool",
        int: "int",
        float: "float",
        str: "str",
        bytes: "bytes",
        list: "list",
        dict: "map",
        datetime: "timestamp",
        Audio: "audio",
        File: "file",
        Table: "table",
        Tensor: "tensor",
        Video: "video",
    }
    numpy = imported("numpy")
    return "tensor" if numpy is not None and isinstance(value, numpy.ndarray) else kinds[type(value)]


def number(value: int | float) -> str:
    """A number as the native library writes it: `1e16`, where Python has `1e+16`."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    return re.sub(r"e([+-])0*", lambda sign: "e-" if sign[1] == "-" else "e", repr(value))


def _apply(operation: str, value: int | float, operand: int | float) -> int | float:
    """Raises `OverflowError` for an integer past 64 bits, and `ZeroDivisionError` with a message."""
    if isinstance(value, int) and isinstance(operand, int):
        result = _integers(operation, value, operand)
        if isinstance(result, int) and not LEAST_INTEGER <= result <= MOST_INTEGER:
            raise OverflowError
        return result
    return _floats(operation, float(value), float(operand))


def _integers(operation: str, value: int, operand: int) -> int | float:
    if operation in ("divide", "modulo") and operand == 0:
        raise ZeroDivisionError(f"cannot divide {value} by zero")
    if operation == "add":
        return value + operand
    if operation == "subtract":
        return value - operand
    if operation == "multiply":
        return value * operand
    if operation == "divide":
        return value // operand if value % operand == 0 else value / operand
    if operation == "modulo":
        return value % operand
    if operand < 0:
        if value == 0:
            raise ZeroDivisionError(f"cannot raise zero to the power of {operand}")
        return _floats("power", float(value), float(operand))
    if abs(value) > 1 and operand > 64:
        raise OverflowError
    return int(value**operand)


def _floats(operation: str, value: float, operand: float) -> float:
    if operation in ("divide", "modulo") and operand == 0:
        raise ZeroDivisionError(f"cannot divide {number(value)} by zero")
    if operation == "add":
        return value + operand
    if operation == "subtract":
        return value - operand
    if operation == "multiply":
        return value * operand
    if operation == "divide":
        return value / operand
    if operation == "modulo":
        return value % operand
    if value == 0 and operand < 0:
        raise ZeroDivisionError(f"cannot raise zero to the power of {number(operand)}")
    try:
        return math.pow(value, operand)
    except ValueError:
        return math.nan
    except OverflowError:
        is_odd = operand.is_integer() and operand % 2 == 1
        return -math.inf if value < 0 and is_odd else math.inf
