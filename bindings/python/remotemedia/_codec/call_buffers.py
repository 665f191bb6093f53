"""`CallBuffers`: turns Python values into documents of the runtime and back, with buffers that are used again.

A `CallBuffers` holds everything that one call into the library needs (packers, room for the result, the table of
buffers) and is used again for the next one; each thread has its own. Small values travel in the document. Numbers of
16 KiB and more stay where they are: the document names an entry of the buffer table.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .._abi import ownership
from .._abi.direct_calls import begin
from .._abi.library import NULL, check, ffi, lib
from .._abi.msgpack import ExtType, msgpack
from .._abi.ownership import Borrowed
from .._process import after_fork
from .._results.outputs import Outputs
from ..errors import MarshalError
from ..table import is_table
from .decode import Decoder, Storage, unpackb
from .diagnose import describe_unicode, explain
from .encode import Encoder

ENTRY = struct.Struct("@PNQPII")
"""An `rm_buffer`: data, len, token, memory, flags, reserved."""
ENTRY_BYTES: int = ffi.sizeof("rm_buffer")
assert ENTRY.size == ENTRY_BYTES
_NOTHING = object()

HAS_MORE: int = lib.RMPY_HAS_MORE
END = HAS_MORE - 1
"""In a result of `rmpy_submit`: the bits for the end of the values."""

LONG_BYTES, LONG_TABLE = 256 * 1024, 500
"""From this many bytes or buffers on, unpacking a document takes milliseconds."""

AREA_BYTES = 16 * 1024
BUFFER_ROOM = len(ffi.new("rmpy_call_buffers *").room)

PACKING_ERRORS = (MarshalError, TypeError, ValueError, OverflowError, RecursionError, BufferError)
"""The exceptions of a packer for values that it can't pack."""


class _TableView:
    """A table of buffers that a call has left: where it is, and its bytes."""

    __slots__ = ("address", "content")

    def __init__(self, table: Any, count: int) -> None:
        self.address = int(ffi.cast("uintptr_t", table))
        self.content = memoryview(ffi.buffer(ffi.cast("char *", table), count * ENTRY_BYTES)).cast("B")


class CallBuffers(Encoder, Decoder):
    """Everything that one call needs. One call at a time uses it, between `acquire()` and `release()`."""

    def __init__(self, room: int = AREA_BYTES) -> None:
        self.packer: Any = msgpack.Packer(default=self._encode, strict_types=True)
        self._payload: Any = msgpack.Packer(strict_types=True)
        # What the collector has cleared is used again where a generator lives on; its own memory must be there then.
        self._memory: Any = ffi.new("rmpy_call_buffers *")
        # It owns what calls leave in it, until the values of their documents do.
        self.native: Any = ffi.gc(self._memory, lib.rmpy_clear_call_buffers)
        self.address = int(ffi.cast("uintptr_t", self.native))
        self.output: Any = ffi.addressof(self.native, "output")
        self._area: Any = ffi.new("uint8_t[]", room)
        self._room = _TableView(self.native.room, BUFFER_ROOM)
        self._given: Any = ffi.new("rm_buffer[]", BUFFER_ROOM)
        self._given_view = memoryview(ffi.buffer(self._given)).cast("B")
        self.error: Any = ffi.addressof(self.native, "error")
        self._content: Any = ffi.buffer(self._area)
        self._view = memoryview(self._content)
        self._found = memoryview(ffi.buffer(ffi.addressof(self.native, "length"), 4)).cast("H")
        """`length` and `released` of `native`, which are read faster here."""
        self.output.data, self.output.capacity = self._area, room
        self.output.buffers, self.output.buffer_capacity = self.native.room, BUFFER_ROOM
        self.output.discard = self.native.discards
        self.table = []
        self._pinned = []
        self._long_table: Any = None
        self._is_offered = False
        self.borrowed = None
        self.snapshot = False
        self.has_replaced_text = False
        self._storages: list[Storage] = []
        self._refused = _NOTHING, None
        self.has_left = False
        """Whether there is something to let go of, once the caller has what a call has left."""
        self._read: Any = None
        """The document outside of the room that was unpacked, until then."""
        self.decode: Callable[[int, bytes], Any] = self._decode

    # ---- Python to native

    def pack(self, value: Any, name: str) -> bytes:
        """Packs a document of `value`; its table is then in `buffers()`.

        Raises `MarshalError`, with the path that begins with `name`, if something in it can't cross.
        """
        self.release_table()
        return self.pack_with(value, name)

    def pack_with(self, value: Any, name: str) -> bytes:
        """Packs a document that may also name what was lent for it before."""
        try:
            document: bytes = self.packer.pack(value)
            if self.has_replaced_text:
                self.require_keys(value)
            return document
        except PACKING_ERRORS as error:
            raise self.refused(value, name, error) from None

    def refused(self, value: Any, name: str, error: Exception) -> MarshalError:
        """The error for a value that the packer refused, with the path that a second look finds."""
        self.forget()
        try:
            found = explain(value, name, self._reject_again)
        except RecursionError:
            # Objects inside objects are looked into one by one.
            found = MarshalError(f"{name}: nested too deep, or it contains itself")
        self._refused = _NOTHING, None
        if found is None:
            found = error if isinstance(error, MarshalError) else MarshalError(f"{name}: {error}")
        return found

    def _reject_again(self, value: Any) -> str | None:
        refused, message = self._refused
        if value is refused:
            return message
        # A table that can't be read is the one above; a stream of another one may have been consumed.
        return None if is_table(value) else _reject(value)

    def release_table(self) -> None:
        """Forgets which objects the document packed last refers to; they stay alive where native code needs them."""
        self.table = []
        self.borrowed = None
        self._is_offered = False
        self._long_table = None
        self._pinned.clear()

    @staticmethod
    def explained(value: Any, name: str, refusal: MarshalError) -> MarshalError:
        """The error for a document that native code refused: with the path, if a second look finds it."""
        return explain(value, name, _reject) or refusal

    def offer(self) -> None:
        """Offers the table of the document packed last to a call, which clears it once it has taken or refused it."""
        self.native.buffers, self.native.buffer_count = self.buffers()
        self._is_offered = True

    def take_back(self) -> bool:
        """Forgets the document packed last if it has a table that no call has seen. Returns whether that was so.

        For who was interrupted, perhaps in the middle of packing.
        """
        if self.borrowed is None or (self._is_offered and not self.native.buffer_count):
            return False
        self.native.buffers, self.native.buffer_count = NULL, 0
        self.forget()
        return True

    def buffers(self) -> tuple[Any, int]:
        """The buffer table of the document packed last, for C."""
        count = len(self.table)
        if count == 0:
            return NULL, 0
        table, view = self._given, self._given_view
        if count > BUFFER_ROOM:
            # Kept here: a struct of C that has its address does not keep it.
            table = self._long_table = ffi.new("rm_buffer[]", count)
            view = memoryview(ffi.buffer(table)).cast("B")
        place = 0
        for address, length, token in self.table:
            ENTRY.pack_into(view, place, address, length, token, 0, 0, 0)
            place += ENTRY_BYTES
        return table, count

    def forget(self) -> None:
        """Releases the objects of the document packed last: native code did not take it."""
        if self.borrowed:
            ownership.release(self.borrowed)
        self.release_table()

    # ---- native to Python

    def ready(self) -> None:
        """Prepares a call: handles that wait to be freed go with it."""
        begin(self.address, ownership.pending_frees)

    def unpack(self, resolve: Callable[[int], Borrowed | None] = ownership.borrowed) -> Any:
        """Unpacks the document that a call left in `output`. `resolve` finds the Python object with a number."""
        output = self.output
        if output.document != NULL:
            return self._unpack_large(resolve)
        if output.buffer_count:
            self._storages = self._take(self._room, output.buffer_count, resolve)
            try:
                return unpackb(self._view[: output.len], ext_hook=self.decode, timestamp=3)
            finally:
                self._storages = []
        return unpackb(self._view[: output.len], ext_hook=self.decode, timestamp=3)

    def unpack_plain(self, length: int) -> Any:
        """A document of this length in the room of the call that names no buffer."""
        return unpackb(self._view[:length], ext_hook=self.decode, timestamp=3)

    def unpack_payload(self, length: int) -> bytes:
        """The payload of a document of this length in the room of the call that is one ext value."""
        return unpackb(self._view[:length], ext_hook=_payload)  # type: ignore[no-any-return]

    def unpack_values(self, span: int, count: int, borrowed: Mapping[int, Borrowed] | None) -> Outputs:
        """The outputs of a completion that holds nothing else, for `count` inputs.

        `span` is what `rmpy_submit` returned; `borrowed` are the Python objects of this execution by their numbers.
        """
        document: bytes = self._content[: self._found[0]]
        if span & HAS_MORE:
            return self._unpack_more(document, span >> 16, span & END, count, borrowed or {})
        outputs = Outputs(unpackb(document[span >> 16 : span & END], ext_hook=self.decode, timestamp=3))
        outputs._origin = document
        outputs._count = count
        return outputs

    def _unpack_more(
        self, document: bytes, begin: int, end: int, count: int, borrowed: Mapping[int, Borrowed]
    ) -> Outputs:
        """The outputs of a completion that refers to buffers, or brings release records."""
        self._storages = self._take(
            self._room,
            self.output.buffer_count,
            lambda token: borrowed.get(token) or ownership.borrowed(token),
        )
        try:
            outputs = Outputs(unpackb(document[begin:end], ext_hook=self.decode, timestamp=3))
        finally:
            self._storages = []
        released = self._found[1]
        if released:
            ownership.release(unpackb(document[released:]))
        # Buffers are handed out but once, so the values are not decoded again.
        outputs._origin = document, list(outputs)
        outputs._count = count
        return outputs

    def unread(self) -> Any:
        """What the last call has left, without media and arrays; None if nothing. For who was interrupted reading it.

        A signal handler may raise between any two steps. Of what came with a call that has to be kept, whether it was
        read or not: which memory is released, which work has begun. The memory of values is freed.
        """
        found = self._read
        if found is None:
            if self.output.document != NULL:
                found = _without_values(self._open())
            elif self.output.len:
                found = _without_values(self._view[: self.output.len])
        self.let_go()
        return found

    def release_unread(self, place: int) -> None:
        """Releases what the list that the last call has left has at this place. For who was interrupted reading it."""
        if self.native.status < 0:
            return
        found = self.unread()
        if type(found) is list:
            for released in found[place : place + 1]:
                ownership.release(released)

    def abandon(self, place: int) -> None:
        """Lets go of an interrupted call: of what was packed for it, else of what its list has at this place."""
        if not self.take_back():
            self.release_unread(place)
        self.release_table()

    def let_go(self) -> None:
        """Lets go of what the last call has left: its caller has it, or takes no more of it."""
        lib.rmpy_let_go(self.native)
        self._read = None
        self.has_left = False

    def is_long(self) -> bool:
        """Whether the document that a call left takes too long to unpack on an event loop."""
        if self.output.document == NULL:
            return False
        data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
        table, count = ffi.new("rm_buffer const **"), ffi.new("size_t *")
        check(lib.rm_document_view(self.output.document, data, length, table, count, self.error), self.error)
        return bool(length[0] >= LONG_BYTES or count[0] >= LONG_TABLE)

    def _unpack_large(self, resolve: Callable[[int], Borrowed | None]) -> Any:
        self.has_left = True
        view = self._open()
        native = self.native
        count = native.table_length
        try:
            if count:
                self._storages = self._take(_TableView(native.table, count), count, resolve)
            # From here on it is known by this, and else by its object.
            self._read = unpackb(view, ext_hook=self.decode, timestamp=3)
        finally:
            self._storages = []
        lib.rmpy_let_go(native)
        return self._read

    def _open(self) -> memoryview:
        """The bytes of the document outside of the room."""
        data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
        check(lib.rmpy_open_document(self.native, data, length), self.error)
        return memoryview(ffi.buffer(data[0], length[0]))

    def _take(self, table: _TableView, count: int, resolve: Callable[[int], Borrowed | None]) -> list[Storage]:
        storages = []
        for index in range(count):
            place = index * ENTRY_BYTES
            address, length, token, _, _, _ = ENTRY.unpack_from(table.content, place)
            if token:
                found = resolve(token)
                if found is None:
                    raise MarshalError(f"the runtime named memory {token}, which it had released")
                storages.append(Storage(address, None, found))
            else:
                storages.append(Storage(address, ownership.adopt(table.address + place, length), None))
        return storages


def _payload(_code: int, payload: bytes) -> bytes:
    return payload


def _without_values(document: Any) -> Any:
    """A document with the payloads of media and arrays in their place; None if it is none."""
    try:
        return unpackb(document, ext_hook=_payload, timestamp=3)
    except ValueError:
        return None


class _FreeBuffers(threading.local):
    """The buffers of a thread that no call uses."""

    def __init__(self) -> None:
        self.free: list[CallBuffers] = []


free_buffers = _FreeBuffers()


def acquire() -> CallBuffers:
    """Buffers of this thread that no call uses. A call within a call gets others."""
    free = free_buffers.free
    return free.pop() if free else CallBuffers()


def release(used: CallBuffers) -> None:
    """Makes buffers free for the next call; they keep nothing alive."""
    if used.borrowed is not None:
        used.release_table()
    if used.has_left:
        used.let_go()
    free_buffers.free.append(used)


def _reject(value: Any) -> str | None:
    """What is wrong with a value of a type that is not plain Python's; None if it can cross."""
    probe = CallBuffers()
    try:
        replacement = probe._encode(value)
    except MarshalError as error:
        return str(error)
    except UnicodeEncodeError as error:
        return describe_unicode(value, error)
    except (ValueError, TypeError, OverflowError) as error:
        return f"{type(value).__name__}: {error}"
    finally:
        probe.forget()
    if isinstance(replacement, ExtType):
        return None
    inner = explain(replacement, "value", _reject)
    return None if inner is None else str(inner).removeprefix("value: ")


def _child() -> None:
    # Their C memory may name handles of the parent.
    free_buffers.free.clear()


after_fork(_child)
