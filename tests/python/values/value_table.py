"""Every kind of value in every direction: the samples, the ways they take, and the table of what came back.

    .build/venv/bin/python tests/python/value_table.py

prints the table, with the number of samples in each cell, and fails if one is missing or wrong. `reference` is the
executor in Python, in all directions. `-` is a cell that
can't be: kinds that have no buffers, kinds of Python alone in the vectors of the wire (which hold bools and ints in
lists).
"""

from __future__ import annotations

import array
import base64
import dataclasses
import datetime
import enum
import functools
import json
import math
import sys
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import remotemedia as rm
from remotemedia._abi.library import check, ffi, lib
from remotemedia._codec import call_buffers, decode
from remotemedia._reference.execute import Engine

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
LARGE = 20_000
PLAIN = {"b": bool, "i": int, "u": int, "f": float}
"""What scalars of numpy come back as, by their kind."""

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "complex64", "complex128",
]  # fmt: skip
PASS = json.dumps(
    {
        "version": "v1",
        "metadata": {"name": "values"},
        "nodes": [{"id": name, "node_type": "PassThrough"} for name in "ab"],
        "connections": [{"from": "a", "to": "b"}],
    }
)


class Color(enum.Enum):
    """An enum."""

    RED = "red"
    RAW = bytearray(b"raw")


class Level(enum.IntEnum):
    """An enum of ints."""

    HIGH = 3


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    color: Color


class Capsule:
    """An array that only speaks DLPack."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **keywords: Any) -> object:
        return self.values.__dlpack__(**keywords)


class Interface:
    """An array that only has numpy's array interface."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.__array_interface__ = values.__array_interface__


UTC = datetime.timezone.utc
NUMBERS = np.arange(24).reshape(2, 3, 4)

SAMPLES: dict[str, list[Any]] = {
    "null": [None],
    "bool": [True, False],
    "int": [0, 1, -1, 127, 128, -128, 2**31, 2**63 - 1, -(2**63), 2**63, 2**64 - 1],
    "float": [0.0, -0.0, 1.5, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan],
    "str": ["", "a", "ä\0\U0001f600", "x" * 70_000],
    "bytes": [b"", b"\0\xff"],
    "list": [[], [1, [2.0, ["three"]], None], list(range(1000))],
    "map": [{}, {"b": 1, "a": {"": None, "ä": [True]}}, {str(number): number for number in range(100)}],
    "timestamp": [
        datetime.datetime(1970, 1, 1, tzinfo=UTC),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        # On both sides of where the form on the wire changes.
        *[
            datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(0, 2**power, micros)
            for power in (32, 34)
            for micros in (-1_000_000, -1, 0, 1)
        ],
        datetime.datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=UTC),
        datetime.datetime(1, 1, 1, tzinfo=UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    "tensor": [
        *[(NUMBERS % 2).astype(dtype) for dtype in DTYPES],
        *[NUMBERS[::-1, ::2, 1:], NUMBERS.T, np.asfortranarray(NUMBERS), np.zeros((0, 3)), np.array(1.5)],
    ],
    "audio": [rm.Audio(np.zeros((2, 3), "float32"), 8000, pts_ns=5), rm.Audio(np.zeros((6, 0), "float32"), 48000)],
    "video": [
        rm.Video([np.full((2, 12), 7, "uint8")], "rgb24", 4, 2, pts_ns=9),
        rm.Video([np.ones((3, 5), "uint8"), np.ones((2, 3), "uint8"), np.ones((2, 3), "uint8")], "yuv420p", 5, 3),
    ],
    "file": [rm.File("a/ä.wav", mime="audio/wav"), rm.File(b"abc")],
}
"""The kinds of the wire: what goes in is what comes out."""

BUFFERS: dict[str, list[Any]] = {
    "bytes": [bytes(range(256)) * 100],
    "tensor": [
        *[(np.arange(2 * LARGE) % 2).astype(dtype).reshape(2, LARGE) for dtype in DTYPES],
        *[np.arange(4.0 * LARGE).reshape(4, LARGE)[::-1, ::2], np.arange(4.0 * LARGE).reshape(4, LARGE).T],
    ],
    "audio": [rm.Audio(np.ones((2, LARGE), "float32"), 8000)],
    "video": [rm.Video([np.full((100, 960), 7, "uint8")], "rgb24", 320, 100)],
    "file": [rm.File(bytes(range(256)) * 100)],
}
"""Samples that travel by the buffer table."""

PYTHON_ONLY: dict[str, list[tuple[Any, Any]]] = {
    "bytearray": [(bytearray(b"ab"), b"ab")],
    "memoryview": [(memoryview(b"ab"), b"ab")],
    "tuple": [((1, (2,)), [1, [2]])],
    "Path": [(Path("a/b.wav"), rm.File("a/b.wav"))],
    "Enum": [(Color.RED, "red"), (Color.RAW, b"raw"), (Level.HIGH, 3)],
    "dataclass": [(Point(1, Color.RED), {"x": 1, "color": "red"})],
    "zoned datetime": [
        (datetime.datetime(2026, 3, 29, 2, 30, fold=fold, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), moment)
        for fold, moment in enumerate(
            [datetime.datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime.datetime(2026, 3, 29, 0, 30, tzinfo=UTC)]
        )
    ],
    "array.array": [(array.array("h", [1, -2]), np.array([1, -2], "int16"))],
    "numpy scalar": [
        (np.dtype(dtype).type(1), PLAIN[kind](1)) for dtype in DTYPES if (kind := np.dtype(dtype).kind) != "c"
    ],
    "byte-swapped": [(np.arange(3, dtype=">f4"), np.arange(3, dtype="<f4"))],
    "Tensor": [(rm.Tensor(b"\1\2", "uint8", (2,)), np.array([1, 2], "uint8"))],
    "DLPack": [(Capsule((NUMBERS % 2).astype(dtype)), (NUMBERS % 2).astype(dtype)) for dtype in DTYPES],
    "array interface": [(Interface(NUMBERS), NUMBERS)],
}
"""What goes in as another kind, and what it comes back as."""


def add_tables() -> None:
    """Adds tables to the samples, where pyarrow and pandas are installed."""
    import pandas as pd
    import pyarrow as pa

    small = pa.table(
        {"numbers": [1, None], "text": ["ä", None], "when": pa.array([1, None], pa.timestamp("ns", "UTC"))}
    )
    SAMPLES["table"] = [small, small.slice(1)]
    BUFFERS["table"] = [pa.table({"numbers": np.arange(LARGE), "text": ["x"] * LARGE})]
    frame = pd.DataFrame({"a": [1.5, None], "b": pd.Categorical(["x", "y"])}, index=["r1", "r2"])
    PYTHON_ONLY["DataFrame"] = [(frame, pa.Table.from_pandas(frame))]


def same(a: Any, b: Any) -> bool:
    """Equal in type and value, to the last bit."""
    if type(b) is rm.Table:
        return bool(b.to_arrow().equals(a))
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, rm.Audio):
        return same(a.samples, b.samples) and (a.rate, a.layout, a.pts_ns) == (b.rate, b.layout, b.pts_ns)
    if isinstance(a, rm.Video):
        fields = [(each.format, each.width, each.height, each.pts_ns) for each in (a, b)]
        return fields[0] == fields[1] and same(a.planes, b.planes)
    return bool(a == b)


def there_and_back(value: Any, engine: Engine = "native") -> Any:
    """Through two nodes."""
    (back,) = rm.execute_sync(PASS, [value], engine=engine)
    return back


def inside(value: Any, engine: Engine = "native") -> Any:
    """In a list in a map, through two nodes."""
    (back,) = rm.execute_sync(PASS, [{"outer": [0, value]}], engine=engine)
    assert list(back) == ["outer"], back
    assert back["outer"][0] == 0
    return back["outer"][1]


def into_a_function(value: Any, engine: Engine = "native") -> Any:
    """As a Python function gets it."""
    seen: list[Any] = []

    def see(value: Any) -> bool:
        seen.append(value)
        return True

    rm.execute_sync(_with(see), [{"value": value}], engine=engine)
    return seen[0]["value"]


def out_of_a_function(value: Any, engine: Engine = "native") -> Any:
    """As a Python function gives it, and a built-in node passes it on."""

    def give(_: int) -> Any:
        return {"value": value}

    manifest = _with(give)
    manifest["nodes"].append({"id": "p", "node_type": "PassThrough"})
    manifest["connections"].append({"from": "f", "to": "p"})
    (back,) = rm.execute_sync(manifest, [1], engine=engine)
    return back["value"]


DIRECTIONS: dict[str, Callable[..., Any]] = {
    "there and back": there_and_back,
    "inside": inside,
    "into a function": into_a_function,
    "out of a function": out_of_a_function,
}

TRUNCATED = {"timestamp_64", "timestamp_96"}
"""Vectors with nanoseconds, or years, that a datetime has not."""


def vectors() -> dict[str, list[dict[str, Any]]]:
    """The vectors of the wire that a Python value can hold, by the kind of their value."""
    found: dict[str, list[dict[str, Any]]] = {}
    for vector in json.loads((VECTORS / "vectors.json").read_text("utf-8"))["vectors"]:
        if vector["name"] not in TRUNCATED:
            found.setdefault(vector["kind"], []).append(vector)
    return found


def through_python(vector: dict[str, Any]) -> tuple[str, str]:
    """The JSON twin of a vector, and that of what Python makes of it and packs again."""
    used = call_buffers.acquire()
    kept = [ffi.from_buffer(base64.b64decode(text) + b"\0") for text in vector["buffers"]]
    used._storages = [
        decode.Storage(int(ffi.cast("uintptr_t", data)), memoryview(ffi.buffer(data, len(data) - 1)), None)
        for data in kept
    ]
    try:
        packed = (VECTORS / vector["msgpack"]).read_bytes()
        value = decode.unpackb(packed, ext_hook=used.decode, timestamp=3)
    finally:
        used._storages = []
    document = used.pack(value, "value")
    table, count = used.buffers()
    out = ffi.new("rm_output *")
    check(lib.rm_document_to_json(document, len(document), table, count, 0, out, used.error), used.error)
    data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
    nothing, none = ffi.new("rm_buffer const **"), ffi.new("size_t *")
    check(lib.rm_document_view(out.document, data, length, nothing, none, used.error), used.error)
    text = bytes(ffi.buffer(data[0], length[0])).decode()
    lib.rm_document_free(out.document)
    used.forget()
    call_buffers.release(used)
    return (VECTORS / vector["json"]).read_text("utf-8").strip(), text.strip()


def cells() -> dict[str, dict[str, Callable[[], int] | None]]:
    """What to do for each cell: answers how many samples were right, raises for one that is not."""
    table: dict[str, dict[str, Callable[[], int] | None]] = {}
    known = vectors()
    for kind in [*SAMPLES, *PYTHON_ONLY]:
        pairs = PYTHON_ONLY.get(kind) or [(value, value) for value in SAMPLES[kind]]
        row: dict[str, Callable[[], int] | None] = {
            name: (lambda pairs=pairs, way=way: _all(pairs, way)) for name, way in DIRECTIONS.items()
        }
        row["reference"] = lambda pairs=pairs: sum(
            _all(pairs, functools.partial(way, engine="python")) for way in DIRECTIONS.values()
        )
        large = [(value, value) for value in BUFFERS.get(kind, ())]
        row["by buffer"] = (lambda large=large: sum(_all(large, way) for way in DIRECTIONS.values())) if large else None
        row["vectors"] = (lambda its=known[kind]: _vectors(its)) if kind in known else None
        table[kind] = row
    return table


def _all(pairs: list[tuple[Any, Any]], way: Callable[[Any], Any]) -> int:
    for value, expected in pairs:
        back = way(value)
        assert same(expected, back), f"{value!r} came back as {back!r}"
    return len(pairs)


def _vectors(its: list[dict[str, Any]]) -> int:
    for vector in its:
        expected, found = through_python(vector)
        assert found == expected, vector["name"]
    return len(its)


def _with(function: Callable[..., Any]) -> dict[str, Any]:
    nodes = [{"id": "f", "node_type": function}]
    return {"version": "v1", "metadata": {"name": "values"}, "nodes": nodes, "connections": []}


def main() -> int:
    """Prints the table; answers how many cells are wrong."""
    add_tables()
    wrong = total = 0
    names = [*DIRECTIONS, "reference", "by buffer", "vectors"]
    print(f"{'kind':16}" + "".join(f"{name:>19}" for name in names))
    for kind, row in cells().items():
        shown = []
        for name in names:
            cell = row[name]
            try:
                shown.append("-" if cell is None else str(cell()))
                total += int(shown[-1]) if cell is not None else 0
            except Exception as error:
                wrong += 1
                shown.append("WRONG")
                print(f"{kind}, {name}: {error}", file=sys.stderr)
        print(f"{kind:16}" + "".join(f"{text:>19}" for text in shown))
    print(f"{total} values came back exactly; {wrong} cells are wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main() > 0)
