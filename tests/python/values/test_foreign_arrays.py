"""Arrays of other packages, in and out, by DLPack and by the array interface: nothing of those packages is needed."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
import remotemedia as rm
from conftest import PASS_TEXT, eventually, through
from remotemedia._abi.ownership import borrowed_count

LARGE = 20_000
DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "complex64", "complex128",
]  # fmt: skip


class Foreign:
    """An array of a package that knows DLPack and nothing else, on some device."""

    def __init__(self, array: np.ndarray, device: int = 1, *, versioned: bool = True) -> None:
        self.array = array
        self.device = device
        self.versioned = versioned

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, **keywords: Any) -> object:
        if not self.versioned and keywords:
            raise TypeError("no keywords here")
        return self.array.__dlpack__(**keywords)


class Interface:
    """An array of a package that knows numpy's array interface alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [3, LARGE])
@pytest.mark.parametrize("wrap", [Foreign, lambda array: Foreign(array, versioned=False), Interface])
def test_arrays_of_other_packages_come_back_with_dtype_and_content(dtype: str, size: int, wrap: Any) -> None:
    source = (np.arange(2 * size) % 2).astype(dtype).reshape(2, size)
    for array in (source, source[::-1, ::2], source.T, source[:0]):
        (back,) = through(wrap(array))
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        assert (back == array).all()


@pytest.mark.parametrize("wrap", [Foreign, Interface])
def test_large_arrays_of_other_packages_share_their_memory(wrap: Any) -> None:
    source = np.arange(LARGE)
    (back,) = through(wrap(source))
    assert back.__array_interface__["data"][0] == source.__array_interface__["data"][0]


def test_what_another_package_may_only_read_comes_back_read_only() -> None:
    source = np.arange(LARGE)
    source.flags.writeable = False
    (back,) = through(Foreign(source))
    assert not back.flags.writeable


def test_an_array_of_another_package_is_free_when_its_result_is() -> None:
    source = np.arange(LARGE)
    gone = weakref.ref(source)
    (back,) = through(Foreign(source))
    del source
    gc.collect()
    assert gone() is not None
    del back
    assert eventually(lambda: gone() is None and borrowed_count() == 0)


class Picture(Interface):
    """A picture of PIL: an array, which Arrow would see as a single column."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        raise AssertionError("an array is not read as a column")


@pytest.mark.parametrize("engine", ["native", "python"])
def test_a_picture_is_an_array_and_no_column(engine: Any) -> None:
    pixels = np.arange(24, dtype="uint8").reshape(2, 4, 3)
    (back,) = rm.execute_sync(PASS_TEXT, [Picture(pixels)], engine=engine)
    assert (back.dtype, back.tolist()) == (pixels.dtype, pixels.tolist())


def test_bfloat16_of_ml_dtypes_is_a_tensor_and_its_smaller_types_are_refused() -> None:
    # In a process of its own: ml_dtypes adds its types to numpy for good.
    program = """
import ml_dtypes, numpy, remotemedia as rm
manifest = {"version": "v1", "nodes": [{"id": "p", "node_type": "PassThrough"}]}
small = numpy.array([[1, 2.5], [-3, 0]], ml_dtypes.bfloat16)
large = numpy.ones((2, 20_000), ml_dtypes.bfloat16)
for engine in ("native", "python"):
    for value in (small, small.T, large, large[:, ::2], small[0, 1]):
        (back,) = rm.execute_sync(manifest, [value], engine=engine)
        assert bytes(back.data) == value.tobytes()
        print(type(back).__name__, back.dtype, back.shape)
    try:
        rm.execute_sync(manifest, [numpy.ones(2, ml_dtypes.float8_e4m3fn)], engine=engine)
    except rm.MarshalError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    shapes = ["(2, 2)", "(2, 2)", "(2, 20000)", "(2, 10000)", "()"]
    expected = [f"Tensor bfloat16 {shape}" for shape in shapes]
    expected.append("inputs[0]: an array of float8_e4m3fn can't cross; write value.astype('float32')")
    assert (done.stderr, done.stdout.splitlines()) == ("", expected * 2)


class OnlyCuda:
    """What an array on a GPU has where it has no DLPack."""

    __cuda_array_interface__: dict[str, Any] = {}  # noqa: RUF012


def masked() -> Any:
    """An array with a mask, which would be lost."""
    return np.ma.masked_array([1, 2], [False, True])


class Refusing(Foreign):
    """An array that gives no memory, as a torch tensor that needs a gradient."""

    def __dlpack__(self, **keywords: Any) -> object:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Foreign(np.zeros(2), device=2), "the Foreign is on a GPU or another device; write value.cpu()"),
        (OnlyCuda(), "the OnlyCuda is on a GPU; write value.cpu()"),
        (Refusing(np.zeros(2)), "the Refusing gives no access to its memory: Can't export tensors that require "
         "gradient, use tensor.detach()"),
        (masked(), "MaskedArray would lose its mask; write value.filled(number), and pass value.mask beside it if it "
         "matters"),
        (np.rec.array([(1,)]), "recarray is a subclass of ndarray and would come back as ndarray; write "
         "numpy.asarray(value) if that is meant"),
        (np.void(b"abc"), "an array of void24 can't cross; write value.tobytes()"),
        (np.longdouble(1), "an array of float128 can't cross; write value.astype('float64')"),
        (np.clongdouble(1), "an array of complex256 can't cross; write value.astype('complex128')"),
        (np.array("a"), "an array of strings can't cross; write value.tolist()"),
        (Interface(np.zeros(1, "M8[s]")), "an array of datetime64[s] can't cross; write value.astype('int64') and pass "
         "the unit beside it"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["native", "python"])
def test_what_can_not_be_read_is_refused_with_the_cure(value: Any, message: str, engine: Any) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, [0, {"a b": [value]}], engine=engine)
    assert str(caught.value) == f'inputs[1]["a b"][0]: {message}'


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_goes_out_by_dlpack_and_shares_its_memory(dtype: str) -> None:
    source = (np.arange(6) % 2).astype(dtype)
    tensor = rm.Tensor(bytearray(source.tobytes()), dtype, (2, 3))
    array = np.from_dlpack(tensor)
    assert (array.dtype, array.shape, array.tobytes()) == (source.dtype, (2, 3), source.tobytes())
    array[0, 0] = 1
    assert tensor.data[: source.itemsize] == array[0, 0].tobytes()


def test_a_tensor_that_went_out_keeps_its_memory() -> None:
    tensor = rm.Tensor(bytearray(b"\1\2\3"), "uint8", (3,))
    array = np.from_dlpack(tensor)
    del tensor
    gc.collect()
    assert array.tolist() == [1, 2, 3]


def test_a_capsule_that_nobody_takes_frees_the_tensor() -> None:
    data = bytearray(b"\1\2\3")
    capsule = rm.Tensor(data, "uint8", (3,)).__dlpack__()
    with pytest.raises(BufferError):
        data.append(4)
    del capsule
    data.append(4)


def test_a_read_only_tensor_goes_out_as_one_or_not_at_all() -> None:
    tensor = rm.Tensor(b"\1\2", "uint8", (2,))
    with pytest.raises(BufferError) as caught:
        tensor.__dlpack__()
    expected = "the memory is read-only, which DLPack before 1.0 can't say; copy it first: bytearray(tensor.data)"
    assert str(caught.value) == expected
    assert rm.Tensor(bytearray(tensor.data), "uint8", (2,)).__dlpack__() is not None
    assert not np.from_dlpack(tensor).flags.writeable


def test_a_tensor_without_elements_may_be_written_to_as_its_memory_may() -> None:
    assert rm.Tensor(b"", "float32", (0, 3)).readonly
    tensor = rm.Tensor(bytearray(), "float32", (0, 3))
    assert not tensor.readonly
    assert tensor.__dlpack__() is not None
    assert np.from_dlpack(tensor).shape == (0, 3)


def test_arrays_of_other_packages_cross_without_numpy() -> None:
    program = """
import ctypes, sys
sys.modules["numpy"] = None
import remotemedia as rm
data = (ctypes.c_float * 6000)(*range(6000))
class Foreign:
    __array_interface__ = {"version": 3, "typestr": "<f4", "shape": (3000, 2), "strides": (8, 4), "data":
        (ctypes.addressof(data), False)}
class Capsule:
    def __init__(self, tensor): self.tensor = tensor
    def __dlpack_device__(self): return 1, 0
    def __dlpack__(self, max_version=None): return self.tensor.__dlpack__(max_version=max_version)
manifest = {"version": "v1", "nodes": [{"id": "p", "node_type": "PassThrough"}]}
small = rm.Tensor(b"\\1\\2", "uint8", (2,))
large, tiny = rm.execute_sync(manifest, [Foreign(), Capsule(small)])
print(large.dtype, large.shape, large.tolist()[2999], tiny.dtype, tiny.tolist())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("float32 (3000, 2) [5998.0, 5999.0] uint8 [1, 2]", "")


class Made:
    """An array whose capsule is made by hand."""

    def __init__(self, code: int, bits: int, major: int = 1, *, shape: Sequence[int] = (1,), **fields: Any) -> None:
        self.type = code, bits
        self.major, self.shape, self.fields = major, shape, fields
        self.data = bytearray(8)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **keywords: Any) -> object:
        from remotemedia._abi.library import ffi, lib
        from remotemedia._codec import capsules

        address = int(ffi.cast("uintptr_t", ffi.from_buffer(self.data)))
        made = ffi.cast(
            "DLManagedTensorVersioned *",
            lib.rmpy_dlpack_new(id(self), address, len(self.shape), self.shape, *self.type, True, False),
        )
        made.version.major = self.major
        for name, value in self.fields.items():
            setattr(made.dl_tensor, name, ffi.NULL if value is None else value)
        return capsules.capsule(made, "dltensor_versioned")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Made(2, 8, 1), "inputs[0]: the Made has elements of a type that can't cross (code 2, 8 bits, 1 lanes); "
         "convert it to float32 first"),
        (Made(2, 32, 2), "inputs[0]: the Made speaks DLPack 2, this package knows 1; write numpy.asarray(value)"),
        (Made(2, 32, shape=[2], data=None), "inputs[0]: the Made has no memory for its 2 elements; "
         "write numpy.asarray(value)"),
        (Made(2, 32, ndim=-1), "inputs[0]: the Made has -1 dimensions; 0 to 64 can cross"),
        (Made(2, 32, shape=[-1]), "inputs[0]: the Made has a shape that no memory has ([-1], strides [1])"),
        (Made(2, 32, shape=[2**62, 2**62], strides=None), "inputs[0]: the Made has a shape that no memory has "
         f"([{2**62}, {2**62}], strides None)"),
    ],
)  # fmt: skip
def test_what_dlpack_has_and_the_runtime_has_not_is_refused(value: Made, message: str) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        through(value)
    assert str(caught.value) == message


ENGINES: tuple[Literal["native", "python"], ...] = ("native", "python")


class Deviceless:
    def __dlpack__(self, **keywords: Any) -> object:
        return None


def test_what_describes_itself_by_halves_is_refused_with_its_place() -> None:
    shapeless = Made(2, 32)
    shapeless.fields["shape"] = None
    messages = {
        shapeless: "inputs[0]: the Made has 1 dimensions and no shape; write numpy.asarray(value)",
        Deviceless(): "inputs[0]: the Deviceless gives no access to its memory: "
        "'Deviceless' object has no attribute '__dlpack_device__'",
    }
    for value, message in messages.items():
        for engine in ENGINES:
            with pytest.raises(rm.MarshalError) as caught:
                rm.execute_sync(PASS_TEXT, [value], engine=engine)
            assert str(caught.value) == message


@pytest.mark.parametrize("stride", [2**62, -(2**62), 2**40])
def test_the_stride_of_a_dimension_with_one_element_means_nothing(stride: int) -> None:
    from remotemedia._abi.library import ffi

    made = Made(2, 32, shape=(1, 2))
    strides = ffi.new("int64_t[]", [stride, 1])
    made.fields["strides"] = strides
    (back,) = through(made)
    assert np.asarray(back).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("shape", [(), (0,), (2,), (1, 0), (0, 3), (2, 3)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_takes_a_tensor_with_its_type_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    tensor = rm.Tensor(array.tobytes(), dtype, shape)
    back = np.asarray(tensor)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, shape, array.tobytes())
    if not dtype.startswith("complex"):
        assert tensor.tolist() == array.tolist()
    # From Python 3.12 on this is asked first, and must have nothing that it can't describe.
    if dtype.startswith("complex") or 0 in shape:
        with pytest.raises(BufferError, match="take the bytes"):
            tensor.__buffer__(0)
    elif dtype != "float16" or sys.version_info >= (3, 12):
        view = tensor.__buffer__(0)
        assert (view.shape, view.tobytes()) == (shape, array.tobytes())


def test_numpy_has_no_bfloat16() -> None:
    tensor = rm.Tensor(bytes(4), "bfloat16", (2,))
    with pytest.raises((TypeError, AttributeError)):
        np.asarray(tensor)
    with pytest.raises(BufferError, match="a memoryview has not elements of type bfloat16"):
        tensor.__buffer__(0)
