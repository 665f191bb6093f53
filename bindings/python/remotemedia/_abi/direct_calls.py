"""What is done for each message, by functions in C that are not called through cffi; see `direct_calls.h`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .library import lib

_functions: dict[str, Callable[..., Any]] = {}
if lib.rmpy_add_direct_calls(id(_functions)) != 0:
    raise MemoryError("no memory for the functions of the library")

send: Callable[[int, bytes, int], int] = _functions["send"]
"""`rmpy_send` with the call buffers at an address; see `call_buffers.h`."""
submit: Callable[[int, int, int, bytes, int, int, int], int] = _functions["submit"]
"""`rmpy_submit` with the call buffers, the pipeline and the port at these addresses, inputs, a timeout, for whom; and
how long to wait, if the work goes on, for the first event of the port, which is not taken."""
receive: Callable[[int, int, int], int] = _functions["receive"]
"""`rmpy_receive` with the call buffers at an address."""
next_events: Callable[[int, int, int], int] = _functions["next"]
"""`rmpy_next` with the call buffers and the port at these addresses, and a timeout."""
reply: Callable[[int, int, int, bytes, bool], int] = _functions["reply"]
"""`rmpy_reply` with the call buffers and the port at these addresses, the number of a call and the reply; and whether
the next call is wanted."""
audio_from_pcm: Callable[[int, bytes, bytes, int, int], int] = _functions["audio_from_pcm"]
"""`rmpy_audio_from_pcm` with the call buffers at an address, PCM, the name of its format, rate and channels."""
begin: Callable[[int, deque[int]], None] = _functions["begin"]
"""Prepares another call with the call buffers at an address, with which handles in a deque are freed."""
make_packets: Callable[[list[Any], type[tuple[Any, ...]], tuple[str, ...]], None] = _functions["make_packets"]
"""Replaces each row of a document of outputs by a packet of that type; the names are those of the outputs."""
