"""Arrays of other libraries by DLPack, in and out, on the CPU: nothing of those libraries is imported here."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from .._abi.library import NULL, ffi, lib
from ..errors import MarshalError
from . import capsules

if TYPE_CHECKING:
    from ..media import Tensor

CPU, CPU_PINNED = 1, 3
"""The devices whose memory the CPU may read; the second is pinned memory, which a GPU reads too."""

_NAMES = {
    (0, 8): "int8", (0, 16): "int16", (0, 32): "int32", (0, 64): "int64",
    (1, 8): "uint8", (1, 16): "uint16", (1, 32): "uint32", (1, 64): "uint64",
    (2, 16): "float16", (2, 32): "float32", (2, 64): "float64", (4, 16): "bfloat16",
    (5, 64): "complex64", (5, 128): "complex128", (6, 8): "bool",
}  # fmt: skip
_TYPES = {name: pair for pair, name in _NAMES.items()}

MOST_DIMENSIONS = 64
"""As many as numpy knows."""

READ_ONLY = 1
"""The flag of a versioned tensor that may not be written to."""


def describe(value: Any) -> tuple[Any, int, str, list[int], list[int] | None, bool, int]:
    """Describes a foreign array: capsule, address, dtype, shape, strides in elements, read-only, bytes of an element.

    The memory lives as long as the capsule. Raises `MarshalError` for arrays on other devices and of other types.
    """
    kind = type(value).__name__
    try:
        device, _ = value.__dlpack_device__()
        if int(device) not in (CPU, CPU_PINNED):
            raise MarshalError(f"the {kind} is on a GPU or another device; write value.cpu()")
        try:
            capsule = value.__dlpack__(max_version=(1, 0))
        except TypeError:
            capsule = value.__dlpack__()
    except MarshalError:
        raise
    except Exception as error:
        raise MarshalError(f"the {kind} gives no access to its memory: {error}") from None
    readonly = False
    if capsules.is_named(capsule, "dltensor_versioned"):
        versioned = capsules.pointer(capsule, "dltensor_versioned", "DLManagedTensorVersioned")
        if versioned.version.major != 1:
            raise MarshalError(
                f"the {kind} speaks DLPack {versioned.version.major}, this package knows 1; write numpy.asarray(value)"
            )
        readonly = bool(versioned.flags & READ_ONLY)
        tensor = versioned.dl_tensor
    else:
        tensor = capsules.pointer(capsule, "dltensor", "DLManagedTensor").dl_tensor
    name = _NAMES.get((tensor.dtype.code, tensor.dtype.bits)) if tensor.dtype.lanes == 1 else None
    if name is None:
        what = f"code {tensor.dtype.code}, {tensor.dtype.bits} bits, {tensor.dtype.lanes} lanes"
        raise MarshalError(f"the {kind} has elements of a type that can't cross ({what}); convert it to float32 first")
    item_bytes = tensor.dtype.bits // 8
    shape, strides = _extents(tensor, item_bytes, kind)
    address = int(ffi.cast("uintptr_t", tensor.data)) + tensor.byte_offset
    return capsule, address, name, shape, strides, readonly, item_bytes


def _extents(tensor: Any, item_bytes: int, kind: str) -> tuple[list[int], list[int] | None]:
    """The shape and the strides. Raises `MarshalError` for those that no memory has."""
    if not 0 <= tensor.ndim <= MOST_DIMENSIONS:
        raise MarshalError(f"the {kind} has {tensor.ndim} dimensions; 0 to {MOST_DIMENSIONS} can cross")
    if tensor.ndim and tensor.shape == NULL:
        raise MarshalError(f"the {kind} has {tensor.ndim} dimensions and no shape; write numpy.asarray(value)")
    shape = [tensor.shape[index] for index in range(tensor.ndim)]
    strides = None if tensor.strides == NULL else [tensor.strides[index] for index in range(tensor.ndim)]
    count = math.prod(shape)
    if strides is not None:
        # Where there is no second element any number may stand for the way to it.
        far = sys.maxsize // item_bytes
        strides = [
            0 if length == 1 and abs(stride) > far else stride for length, stride in zip(shape, strides, strict=True)
        ]
    extent = count
    if strides is not None and count:
        extent = 1 + sum((length - 1) * abs(stride) for length, stride in zip(shape, strides, strict=True))
    if any(length < 0 for length in shape) or max(count, extent) * item_bytes > sys.maxsize:
        raise MarshalError(f"the {kind} has a shape that no memory has ({shape}, strides {strides})")
    if count and tensor.data == NULL:
        raise MarshalError(f"the {kind} has no memory for its {count} elements; write numpy.asarray(value)")
    return shape, strides


def to_capsule(tensor: Tensor, max_version: tuple[int, int] | None) -> Any:
    """A tensor of ours as a DLPack capsule that shares its memory. Raises `BufferError` for what DLPack lacks."""
    versioned = max_version is not None and max_version[0] >= 1
    if tensor.readonly and not versioned:
        raise BufferError(
            "the memory is read-only, which DLPack before 1.0 can't say; copy it first: bytearray(tensor.data)"
        )
    code, bits = _TYPES[tensor.dtype]
    address = int(ffi.cast("uintptr_t", ffi.from_buffer(tensor.data)))
    owner = tensor.data
    made = lib.rmpy_dlpack_new(
        id(owner), address, len(tensor.shape), list(tensor.shape), code, bits, versioned, tensor.readonly
    )
    if made == NULL:
        raise MemoryError("no memory for a DLPack tensor")
    return capsules.capsule(made, "dltensor_versioned" if versioned else "dltensor")
