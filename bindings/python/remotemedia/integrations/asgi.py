"""An ASGI application with a session for each WebSocket: for Ray Serve, uvicorn and whatever else serves ASGI.

It knows the messages of ASGI (asgi.readthedocs.io) and no server.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .._codec.documents import to_json
from .._codec.pcm import PCM
from .._execution.stream import end_input
from .._graph.pipeline import Pipeline
from .._manifest.compile import Manifest
from .._results.outputs import Packet
from ..errors import Error
from ._batches import one_input

if TYPE_CHECKING:
    from .._execution.session import Session

__all__ = ["SessionApp"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FINISH = "finish"
"""The text that a client sends after its last value."""

NORMAL, UNSUPPORTED, FAILED = 1000, 1003, 1011
"""Codes by which a WebSocket is closed (RFC 6455, 7.4.1)."""

LONGEST_REASON = 123
"""The most bytes of the reason beside a code."""

AHEAD = 1 << 20
"""While so many bytes wait for room in the pipeline, nothing more is read from the client."""

LEAST = 256
"""A message counts as so many bytes at least, which is about what its objects take."""


class SessionApp:
    """Serves one pipeline: each WebSocket is a session, and ends with it.

        app = remotemedia.integrations.asgi.SessionApp("meter.yaml", input=rm.PCM("s16", 16000, 1))

    A client sends binary messages, split anywhere: raw samples in the format `input`, else bytes that the pipeline
    takes. The text `finish` ends them; what the pipeline has left is sent, and the socket is closed with 1000. Each
    packet comes as JSON text `{"sink", "pts", "duration", "value"}`, times in seconds; one whose value is bytes comes
    as the binary message behind that text, whose value is null. An error comes as `{"error": ...}` behind the packets
    from before it, and the socket is closed with 1011. While the pipeline has no room, no more than 1 MiB is read from
    the socket. A client that leaves ends its session's work, at once if it is not further behind than that.

    `pipeline` is a `remotemedia.Pipeline`, a manifest or its path; `options` are those of `Pipeline.session`. Raises
    `ManifestError`, and `InvalidArgumentError` for a pipeline with several inputs.
    """

    def __init__(self, pipeline: Pipeline | Manifest, *, input: PCM | None = None, **options: Any) -> None:  # noqa: A002
        self.pipeline = one_input(pipeline, "SessionApp feeds one input")
        self.input = input
        self.options = options
        # What is wrong with them is told here, and not to each client.
        self.pipeline.session(input=input, **options)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One connection, as ASGI has it."""
        if scope["type"] == "websocket":
            client = _Client(receive, send)
            with suppress(_Left):
                await client.accept()
                await self._serve(client)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            headers = [(b"content-type", b"text/plain"), (b"upgrade", b"websocket"), (b"connection", b"upgrade")]
            await send({"type": "http.response.start", "status": 426, "headers": headers})
            await send({"type": "http.response.body", "body": b"this address takes WebSockets\n"})

    async def _serve(self, client: _Client) -> None:
        try:
            await self._run(client)
        except _NoBytes as error:
            await client.close(UNSUPPORTED, str(error))
        except Error as error:
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
            await client.send({"type": "websocket.send", "text": text})
            await client.close(FAILED, str(error))
        else:
            await client.close(NORMAL)

    async def _run(self, client: _Client) -> None:
        """The session of a client. Raises what ended it before its time, behind the packets from before that."""
        async with self.pipeline.session(input=self.input, **self.options) as session:
            listening = asyncio.create_task(client.listen())
            feeding = asyncio.create_task(_feed(session, client))
            reading = asyncio.create_task(_read(session, client))
            try:
                await asyncio.wait({listening, reading}, return_when=asyncio.FIRST_COMPLETED)
                # Where nothing more is listened to, what is still on its way is for nobody.
                await (reading if reading.done() else listening)
                if feeding.done():
                    await feeding
            finally:
                for task in (listening, feeding, reading):
                    task.cancel()
                await asyncio.gather(listening, feeding, reading, return_exceptions=True)


class _NoBytes(Exception):
    """A text that means nothing."""


class _Left(Exception):
    """The client has left."""


class _Client:
    """A client: what it has sent and the pipeline has had no room for yet, and the way to it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._ahead: deque[bytes | None] = deque()
        self._size = 0
        self._moved = asyncio.Condition()
        """Notified when something is added to what is ahead, or taken from it."""

    async def accept(self) -> None:
        """Opens the socket."""
        await self._receive()
        await self.send({"type": "websocket.accept"})

    async def listen(self) -> None:
        """Reads what the client sends, also ahead of the pipeline, until that raises `_Left` or `_NoBytes`."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise _Left
            data = message.get("bytes")
            if data is None and message.get("text") != FINISH:
                raise _NoBytes("send binary messages, and the text 'finish' after the last one")
            async with self._moved:
                self._ahead.append(data)
                self._size += _size_of(data)
                self._moved.notify_all()
                await self._moved.wait_for(lambda: self._size < AHEAD)

    async def next(self) -> bytes | None:
        """What the client has sent next; None for the end of it."""
        async with self._moved:
            await self._moved.wait_for(lambda: bool(self._ahead))
            data = self._ahead.popleft()
            self._size -= _size_of(data)
            self._moved.notify_all()
        return data

    async def send(self, message: Message) -> None:
        """Sends a message. Raises `_Left`."""
        try:
            await self._send(message)
        except OSError:
            raise _Left from None
        except RuntimeError as error:
            # uvicorn raises this with `--ws websockets`; for messages that are wrong in themselves it has other words.
            if not str(error).startswith("Unexpected ASGI message"):
                raise
            raise _Left from None

    async def close(self, code: int, reason: str = "") -> None:
        """Closes the socket, with as much of the reason as it may have."""
        short = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        await self.send({"type": "websocket.close", "code": code, **({"reason": short} if short else {})})


def _size_of(data: bytes | None) -> int:
    return max(LEAST, len(data or b""))


async def _feed(session: Session, client: _Client) -> None:
    """Sends what arrives into the session. What can't be taken ends the input, and is raised."""
    try:
        while True:
            data = await client.next()
            if data is None:
                await session.finish()
            else:
                await session.send(data)
    except Exception:
        await end_input(session)
        raise


async def _read(session: Session, client: _Client) -> None:
    async for packet in session:
        for message in _messages(packet):
            await client.send(message)


def _messages(packet: Packet) -> list[Message]:
    value = packet.value
    is_bytes = isinstance(value, bytes)
    head = json.dumps({"sink": packet.sink, "pts": packet.pts, "duration": packet.duration})
    text = f'{head[:-1]}, "value": {"null" if is_bytes else to_json(value)}}}'
    first: Message = {"type": "websocket.send", "text": text}
    return [first, {"type": "websocket.send", "bytes": value}] if is_bytes else [first]


async def _live(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
