"""Values through the runtime and back: exact, or an error that names the place."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import sys
import uuid
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import remotemedia as rm
from conftest import PASS_TEXT, through
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from value_table import same

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["?", *INTEGERS, "float16", "float32", "float64", "complex64", "complex128"]
OF_TEXT = "w" if sys.version_info >= (3, 13) else "u"
"""The typecode of an array of characters."""
LARGE = 5000
"""Elements of an array that is larger than what travels inline, whatever its type."""

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(width=64)
    | st.text()
    | st.binary(max_size=64)
    | st.datetimes(
        min_value=datetime.datetime(1800, 1, 1),
        max_value=datetime.datetime(2400, 1, 1),
        timezones=st.just(datetime.timezone.utc),
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(st.lists(plain, max_size=5))
@settings(max_examples=200, deadline=None)
def test_plain_values_come_back_as_they_went(values: list[Any]) -> None:
    assert same(list(through(*values)), values)


@given(
    st_numpy.arrays(
        dtype=st.sampled_from(DTYPES),
        shape=st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    ),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_arrays_come_back_with_dtype_shape_and_content(source: np.ndarray, data: st.DataObject) -> None:
    if source.ndim:
        source = source[data.draw(st_numpy.basic_indices(source.shape, allow_newaxis=True, allow_ellipsis=True))]
        source = np.asarray(source)
    (back,) = through(source)
    assert (type(back), back.dtype, back.shape) == (np.ndarray, source.dtype, source.shape)
    assert back.tobytes() == source.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["C", "Fortran", "sliced", "reversed", "broadcast", "transposed"])
def test_large_arrays_come_back_as_the_same_memory(dtype: str, layout: str) -> None:
    base = np.arange(8 * LARGE).reshape(8, LARGE).astype(dtype)
    source = {
        "C": base,
        "Fortran": np.asfortranarray(base),
        "sliced": base[::2],
        "reversed": base[::-1, ::-1],
        "broadcast": np.broadcast_to(base, (2, *base.shape)),
        "transposed": base.T,
    }[layout]
    (back,) = through(source)
    assert (back.dtype, back.shape, back.strides) == (source.dtype, source.shape, source.strides)
    assert back.__array_interface__["data"][0] == source.__array_interface__["data"][0]
    assert (back == source).all()


@pytest.mark.parametrize("engine", ["native", "python"])
def test_an_array_in_a_mapped_file_comes_back_as_an_array_like_others(tmp_path: Path, engine: Any) -> None:
    source = np.memmap(tmp_path / "mapped", "float32", "w+", shape=(2, LARGE))
    for value in (source, source[:, ::2], source[0, :3]):
        (back,) = rm.execute_sync(PASS_TEXT, [value], engine=engine)
        assert type(back) is np.ndarray
        assert np.shares_memory(back, source) == (back.size >= LARGE)


def test_a_read_only_array_comes_back_read_only() -> None:
    source = np.zeros(LARGE)
    source.flags.writeable = False
    (back,) = through(source)
    assert not back.flags.writeable


def test_an_array_that_the_runtime_made_may_be_written_to() -> None:
    manifest = {
        "version": "v1",
        "metadata": {"name": "t"},
        "nodes": [{"id": "c", "node_type": "Calculator", "params": {"operation": "add", "operand": 1}}],
        "connections": [],
    }
    (back,) = rm.execute_sync(manifest, [np.arange(LARGE, dtype="float64")])
    back[0] = 42
    assert back.tolist()[:3] == [42, 2, 3]


def test_byte_swapped_arrays_come_back_in_native_order() -> None:
    (back,) = through(np.arange(5, dtype=">f4"))
    assert (back.dtype, back.tolist()) == (np.dtype("float32"), [0, 1, 2, 3, 4])


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_scalars_come_back_as_the_numbers_that_they_are(dtype: str) -> None:
    scalar = np.dtype(dtype).type(1)
    (back,) = through(scalar)
    if scalar.dtype.kind == "c":
        # No number of plain Python that crosses: an array without dimensions.
        assert (back.dtype, back.shape, back[()]) == (np.dtype(dtype), (), 1)
        return
    assert type(back) is {"b": bool, "i": int, "u": int, "f": float}[scalar.dtype.kind]
    assert back == 1


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        (np.float32(0.1), 0.10000000149011612),
        (np.float16(65504), 65504.0),
        (np.float64(5e-324), 5e-324),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.int64(-(2**63)), -(2**63)),
        (np.str_("Grüße"), "Grüße"),
        (np.bytes_(b"\0a"), b"\0a"),
    ],
)
@pytest.mark.parametrize("engine", ["native", "python"])
def test_numpy_scalars_cross_exactly(scalar: Any, expected: Any, engine: Any) -> None:
    values = rm.execute_sync(PASS_TEXT, [scalar, [scalar], {"a": scalar}], engine=engine)
    assert values == [expected, [expected], {"a": expected}]
    assert type(values[0]) is type(expected)


def test_a_function_that_computes_with_numpy_gives_plain_numbers() -> None:
    @rm.node
    def level(value: int) -> float:
        return np.sqrt(np.float64(value))  # type: ignore[no-any-return]

    (found,) = (rm.Pipeline() >> level()).run_sync([4])
    assert type(found) is float
    assert found == 2.0


def test_params_may_be_numpy_scalars() -> None:
    @rm.node
    def scale(value: int, *, by: int, offset: float = 0.0) -> float:
        return value * by + offset

    assert (rm.Pipeline() >> scale(by=np.int64(3), offset=np.float32(0.5))).run_sync([2]) == [6.5]
    resampled = (rm.Pipeline() >> rm.nodes.AudioResample(rate=np.int64(8000))).run_sync([rm.testing.speech()[:0.1]])
    assert {audio.rate for audio in resampled} == {8000}
    with pytest.raises(rm.ManifestError, match=r"expected an integer, got the number 1\.5"):
        (rm.Pipeline() >> scale(by=np.float64(1.5))).run_sync([2])


def test_a_wrong_param_beside_one_that_can_not_cross_is_one_sentence() -> None:
    @rm.node
    def two(value: int, *, by: int, of: object) -> int:
        return value

    with pytest.raises(rm.ManifestError, match=r"nodes\[0\].params.by: expected an integer, got the text \"a\""):
        (rm.Pipeline() >> two(by="a", of=object())).run_sync([2])


def test_audio_comes_back_exactly_and_shares_its_memory() -> None:
    samples = np.random.default_rng(1).standard_normal((2, LARGE)).astype("float32")
    (back,) = through(rm.Audio(samples, rate=44100, layout="stereo", pts_ns=123_456_789))
    assert (back.rate, back.layout, back.pts_ns) == (44100, "stereo", 123_456_789)
    assert np.shares_memory(back.samples, samples)
    assert (back.samples == samples).all()


def test_a_part_of_a_larger_recording_crosses_without_a_copy() -> None:
    samples = np.random.default_rng(1).standard_normal((2, 4 * LARGE)).astype("float32")
    part = samples[:, LARGE : 2 * LARGE]
    (back,) = through(rm.Audio(part, rate=44100))
    assert np.shares_memory(back.samples, samples)
    assert (back.samples == part).all()


def test_files_come_back_by_path_and_by_content() -> None:
    large = bytes(range(256)) * 100
    by_path, by_bytes, by_large = through(Path("a/ä.flac"), rm.File(b"abc", mime="audio/wav"), rm.File(large))
    assert by_path == rm.File("a/ä.flac")
    assert (by_bytes.data, by_bytes.mime) == (b"abc", "audio/wav")
    assert by_large.data == large


def test_what_is_no_plain_value_but_has_one_crosses_as_it() -> None:
    class Color(enum.Enum):
        RED = "red"

    @dataclasses.dataclass
    class Point:
        x: int
        y: Color

    assert list(through((1, (2,)), Point(1, Color.RED), bytearray(b"ab"), memoryview(b"cd"))) == [
        [1, [2]],
        {"x": 1, "y": "red"},
        b"ab",
        b"cd",
    ]


def test_plain_arrays_cross_as_tensors() -> None:
    (back,) = through(array.array("h", [1, -2, 3]))
    assert (back.dtype, back.tolist()) == (np.dtype("int16"), [1, -2, 3])


def test_bfloat16_has_no_numpy_type_and_comes_back_as_a_tensor() -> None:
    (back,) = through(rm.Tensor(b"\x80\x3f\x00\x40", "bfloat16", (2,)))
    assert (type(back), back.dtype, back.shape, bytes(back.data)) == (
        rm.Tensor,
        "bfloat16",
        (2,),
        b"\x80\x3f\x00\x40",
    )


class MyInt(int):
    pass


class Body:
    """What is read like a file and derived from none, as the body of an answer is."""

    def read(self) -> bytes:
        return b""


class Upload:
    """A file that is async, as aiofiles and Starlette have it: also iterable, by its lines."""

    async def read(self) -> bytes:
        return b""

    def __aiter__(self) -> Upload:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class Pair(NamedTuple):
    a: int
    b: int


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([0, 0, {"gain": 2**70}], "inputs[2].gain: integer 2^70 does not fit 64 bits"),
        ([-(2**63) - 1], "inputs[0]: integer -9223372036854775809 does not fit 64 bits"),
        ([10**60], "inputs[0]: integer of 200 bits does not fit 64 bits"),
        ([{"a b": [1j]}], 'inputs[0]["a b"][0]: a complex number can\'t cross; '
         "write [value.real, value.imag] or numpy.complex128(value)"),
        ([{1: 2}], "inputs[0]: the key 1 is an int; keys of a dict must be str: write {str(key): value}"),
        (["a\ud800"], "inputs[0]: the text has a lone surrogate '\\ud800' at index 1, which is no character; "
         'write value.encode("utf-8", "replace").decode()'),
        ([{1, 2}], "inputs[0]: a set has no order; write sorted(value) or list(value)"),
        ([iter([])], "inputs[0]: a list_iterator can't cross; write list(value)"),
        ([MyInt(3)], "inputs[0]: MyInt is a subclass of int and would come back as int; "
         "write int(value) if that is meant"),
        ([OrderedDict()], "inputs[0]: OrderedDict is a subclass of dict and would come back as dict; "
         "write dict(value) if that is meant"),
        ([Pair(1, 2)], "inputs[0]: Pair is a subclass of tuple and would come back as tuple; "
         "write tuple(value) if that is meant"),
        ([decimal.Decimal("1.10")], "inputs[0]: a decimal.Decimal can't cross; write str(value) to keep its digits, or "
         "float(value)"),
        ([fractions.Fraction(1, 3)], "inputs[0]: a fractions.Fraction can't cross; "
         "write [value.numerator, value.denominator], or float(value)"),
        ([{"id": uuid.UUID(int=5)}], "inputs[0].id: an uuid.UUID can't cross; write str(value) or value.bytes"),
        ([range(3)], "inputs[0]: a range can't cross; write list(value)"),
        ([collections.deque()], "inputs[0]: a collections.deque can't cross; write list(value)"),
        ([MappingProxyType({})], "inputs[0]: a mappingproxy can't cross; write dict(value)"),
        ([collections.ChainMap()], "inputs[0]: a collections.ChainMap can't cross; write dict(value)"),
        ([SimpleNamespace(a=1)], "inputs[0]: a types.SimpleNamespace can't cross; write vars(value)"),
        ([collections.UserString("a")], "inputs[0]: a collections.UserString can't cross; write str(value)"),
        ([io.BytesIO(b"a")], "inputs[0]: an io.BytesIO can't cross; write value.getvalue()"),
        ([io.BufferedReader(io.BytesIO())], "inputs[0]: an io.BufferedReader can't cross; write value.read(), or pass "
         "remotemedia.File(path)"),
        ([Upload()], "inputs[0]: a test_codec.Upload can't cross; write await value.read()"),
        ([Body()], "inputs[0]: a test_codec.Body can't cross; write value.read()"),
        ([array.array(OF_TEXT, "ab")], f"inputs[0]: an array of typecode '{OF_TEXT}' can't cross; "
         "write value.tolist()"),
        ([memoryview(b"abc"), memoryview(b"abcd")[::2]], "inputs[1]: the memoryview is not contiguous; "
         "write bytes(value)"),
        ([object()], "inputs[0]: an object can't cross; pass None, bool, int, float, str, bytes, list, dict, "
         "datetime, a numpy array, a table, Audio, Video, File or Tensor"),
        ([type("Frame", (), {"__module__": "__main__"})()], "inputs[0]: a Frame can't cross; pass None, bool, int, "
         "float, str, bytes, list, dict, datetime, a numpy array, a table, Audio, Video, File or Tensor"),
        ([np.array([None])], "inputs[0]: an array of Python objects can't cross; give it a numeric dtype: "
         "value.astype('float64')"),
        ([np.zeros(2, "M8[s]")], "inputs[0]: an array of datetime64[s] can't cross; "
         "write value.astype('int64') and pass the unit beside it"),
        ([np.array(["a"])], "inputs[0]: an array of strings can't cross; write value.tolist()"),
        ([np.zeros(1, [("a", "i4")])], "inputs[0]: an array with fields ['a'] can't cross; "
         "pass each as an array of its own: value[name]"),
        (5, "inputs must be a list, one entry for each input; write [x]"),
        ("text", "inputs must be a list, one entry for each input; write [x], or [remotemedia.File(x)] for a file"),
        (np.zeros(3), "inputs must be a list, one entry for each input; write [x]"),
        ({"a": 1}, "inputs must be a list, one entry for each input; write [x]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["native", "python"])
def test_what_cannot_cross_is_refused_with_place_and_cure(inputs: Any, message: str, engine: Any) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, inputs, engine=engine)
    assert str(caught.value) == message


def test_a_structure_that_contains_itself_is_an_error() -> None:
    with pytest.raises(rm.MarshalError, match=r"nested deeper than \d+ levels, or it contains itself$"):
        through(CYCLE)


def test_a_very_deep_structure_is_an_error() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(rm.MarshalError, match=r"^inputs\[0\]\[0\]"):
        through(deep)
    while deep:  # Python would take its own stack to free it at once.
        deep = deep.pop()


def test_a_failed_call_leaves_nothing_behind() -> None:
    from remotemedia._abi.ownership import borrowed_count

    before = borrowed_count()
    with pytest.raises(rm.MarshalError):
        through(np.zeros(LARGE), object())
    assert borrowed_count() == before
    assert list(through(1)) == [1]


@dataclasses.dataclass
class Link:
    next: Any


def test_a_dataclass_that_contains_itself_is_refused() -> None:
    link = Link(None)
    link.next = link
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, [link])
    assert str(caught.value) == "inputs: nested too deep, or it contains itself"


@pytest.mark.parametrize("size", [1000, 100_000])
def test_scattered_memory_of_a_file_is_copied(size: int) -> None:
    content = bytes(range(250)) * (size // 250)
    (out,) = rm.execute_sync(PASS_TEXT, [rm.File(memoryview(content)[::2])])
    assert out.data == content[::2]


def test_a_path_that_is_no_text_is_named() -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, [rm.File("a\udcff.wav")])
    expected = r"inputs[0]: the path 'a\udcff.wav' is not UTF-8, as a path of the runtime is; "
    expected += 'pass the bytes of the file: File(open(path, "rb").read())'
    assert str(caught.value) == expected
