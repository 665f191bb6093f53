"""Capsules, in which CPython packages hand memory to each other. Loaded when an array or table needs one."""

from __future__ import annotations

import ctypes
from typing import Any

from .._abi.library import ffi, lib

_api = ctypes.pythonapi
_api.PyCapsule_IsValid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_api.PyCapsule_IsValid.restype = ctypes.c_int
_api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_api.PyCapsule_GetPointer.restype = ctypes.c_void_p
_api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_api.PyCapsule_New.restype = ctypes.py_object

_NAMES = {
    name: name.encode()
    for name in ("dltensor", "dltensor_versioned", "arrow_schema", "arrow_array", "arrow_array_stream")
}
"""The names of capsules as C strings, which have to live as long as the capsules."""

_DESTRUCTORS = {
    "dltensor": "rmpy_dlpack_capsule_free",
    "dltensor_versioned": "rmpy_dlpack_capsule_free",
    "arrow_schema": "rmpy_arrow_schema_capsule_free",
    "arrow_array": "rmpy_arrow_array_capsule_free",
    "arrow_array_stream": "rmpy_arrow_stream_capsule_free",
}


def is_named(capsule: Any, name: str) -> bool:
    """Whether an object is a capsule with this name."""
    return bool(_api.PyCapsule_IsValid(capsule, _NAMES[name]))


def pointer(capsule: Any, name: str, kind: str) -> Any:
    """The memory that a capsule holds, as a C pointer to `kind`."""
    return ffi.cast(f"{kind} *", _api.PyCapsule_GetPointer(capsule, _NAMES[name]))


def capsule(struct: Any, name: str) -> Any:
    """A capsule that owns a struct of ours."""
    destructor = int(ffi.cast("uintptr_t", ffi.addressof(lib, _DESTRUCTORS[name])))
    return _api.PyCapsule_New(int(ffi.cast("uintptr_t", struct)), _NAMES[name], destructor)
