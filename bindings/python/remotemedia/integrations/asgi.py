"""An ASGI application with a session for each WebSocket: for Ray Serve, uvicorn and whatever else serves ASGI.

It knows the messages of ASGI (asgi.readthedocs.io) and no server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from .._codec.documents import to_json
from .._codec.pcm import PCM
from .._graph.pipeline import Pipeline
from .._manifest.compile import Manifest
from .._results.outputs import Packet
from ..errors import Error
from ._batches import one_input

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


class SessionApp:
    """Serves one pipeline: each WebSocket is a session, and ends with it.

        app = remotemedia.integrations.asgi.SessionApp("meter.yaml", input=rm.PCM("s16", 16000, 1))

    A client sends binary messages, split anywhere: raw samples in the format `input`, else bytes that the pipeline
    takes. The text `finish` ends them; what the pipeline has left is sent, and the socket is closed with 1000. Each
    packet comes as JSON text `{"sink", "pts", "duration", "value"}`, times in seconds; one whose value is bytes comes
    as the binary message behind that text, whose value is null. An error comes as `{"error": ...}`, and the socket is
    closed with 1011. While the pipeline has no room, nothing is read from the socket; a client that leaves ends its
    session's work.

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
            await receive()
            await send({"type": "websocket.accept"})
            await self._serve(receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            headers = [(b"content-type", b"text/plain"), (b"upgrade", b"websocket"), (b"connection", b"upgrade")]
            await send({"type": "http.response.start", "status": 426, "headers": headers})
            await send({"type": "http.response.body", "body": b"this address takes WebSockets\n"})

    async def _serve(self, receive: Receive, send: Send) -> None:
        try:
            async with self.pipeline.session(input=self.input, **self.options) as session:
                feeding = asyncio.create_task(_feed(session, receive))
                reading = asyncio.create_task(_read(session, send))
                try:
                    # The feeding ends before the reading only where the client has left, or sent what can't be taken.
                    await asyncio.wait({feeding, reading}, return_when=asyncio.FIRST_COMPLETED)
                    if not reading.done():
                        session.cancel()
                        await feeding
                        return
                    await reading
                finally:
                    for task in (feeding, reading):
                        task.cancel()
                    await asyncio.gather(feeding, reading, return_exceptions=True)
        except _NoBytes as error:
            await send({"type": "websocket.close", "code": UNSUPPORTED, "reason": str(error)})
        except Error as error:
            await send({"type": "websocket.send", "text": json.dumps({"error": f"{type(error).__name__}: {error}"})})
            reason = str(error).encode()[:LONGEST_REASON].decode(errors="ignore")
            await send({"type": "websocket.close", "code": FAILED, "reason": reason})
        except OSError:
            # Servers raise one where a message can't reach a client that has left.
            return
        else:
            await send({"type": "websocket.close", "code": NORMAL})


class _NoBytes(Exception):
    """A text that means nothing."""


async def _feed(session: Any, receive: Receive) -> None:
    """Sends what arrives into the session, and returns when the client has left."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data is not None:
            await session.send(data)
        elif message.get("text") == FINISH:
            await session.finish()
        else:
            raise _NoBytes("send binary messages, and the text 'finish' after the last one")


async def _read(session: Any, send: Send) -> None:
    async for packet in session:
        for message in _messages(packet):
            await send(message)


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
