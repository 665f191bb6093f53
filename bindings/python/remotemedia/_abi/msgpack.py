"""msgpack, in the main interpreter of a process alone: loaded by another one too, it corrupts memory in this one."""

from __future__ import annotations

from .. import errors
from .._process import in_main_interpreter

if not in_main_interpreter():
    raise errors.LibraryError(
        "remotemedia works in the main interpreter of a process alone, and this is a sub-interpreter; "
        "use threads, which its native work does not hold up, or processes"
    )

import msgpack as msgpack
from msgpack import ExtType as ExtType
