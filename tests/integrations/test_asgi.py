"""The ASGI application, driven by the messages that a server sends and takes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import remotemedia as rm
from remotemedia.integrations.asgi import SessionApp
from remotemedia.nodes import AudioEncode, AudioLevel, AudioSum, PassThrough

INPUT = rm.PCM("s16", 16_000, 1)
METER = rm.Pipeline("meter") >> AudioLevel(window_ms=1000, name="level")


class Client:
    """The server's side of the application: what a client sends, and what comes to it."""

    def __init__(self, app: SessionApp, room: int = 1000) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue(room)
        self.stuck = asyncio.Event()
        """Set once a message has no room."""
        self.sent.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app({"type": "websocket", "path": "/"}, self.sent.get, self._take))

    async def _take(self, message: Any) -> None:
        if self.got.full():
            self.stuck.set()
        await self.got.put(dict(message))

    def send(self, *values: bytes | str) -> None:
        for value in values:
            name = "bytes" if isinstance(value, bytes) else "text"
            self.sent.put_nowait({"type": "websocket.receive", name: value})

    def leave(self) -> None:
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def all(self) -> list[dict[str, Any]]:
        """Every message until the application is done."""
        await asyncio.wait_for(self.task, 60)
        return [self.got.get_nowait() for _ in range(self.got.qsize())]


def pieces(audio: rm.Audio, length: int = 999) -> list[bytes]:
    data = audio.to_pcm("s16")
    return [data[at : at + length] for at in range(0, len(data), length)]


async def test_each_connection_is_a_session_of_its_own() -> None:
    speech = rm.testing.speech()
    app = SessionApp(METER, input=INPUT)
    whole, part = Client(app), Client(app)
    whole.send(*pieces(speech), "finish")
    part.send(*pieces(speech[2.0:4.0]), "finish")
    for client, audio in ((whole, speech), (part, speech[2.0:4.0])):
        first, *texts, last = await client.all()
        assert first == {"type": "websocket.accept"}
        assert last == {"type": "websocket.close", "code": 1000}
        expected = METER.run_sync([rm.Audio.from_pcm(audio.to_pcm("s16"), "s16", 16000, 1)]).packets
        packets = [json.loads(message["text"]) for message in texts]
        assert [packet["value"] for packet in packets] == [packet.value for packet in expected]
        assert [packet["pts"] for packet in packets] == list(range(len(expected)))
        assert {packet["sink"] for packet in packets} == {"level"}


async def test_bytes_come_as_binary_messages_behind_their_place() -> None:
    client = Client(SessionApp(rm.Pipeline() >> AudioEncode(format="flac", name="sound"), input=INPUT))
    client.send(*pieces(rm.testing.speech()), "finish")
    _, head, sound, _ = await client.all()
    assert json.loads(head["text"]) == {"sink": "sound", "pts": None, "duration": None, "value": None}
    assert rm.read(sound["bytes"]).frames == rm.testing.speech().frames


async def test_packets_come_while_the_client_still_sends() -> None:
    client = Client(SessionApp(rm.Pipeline() >> PassThrough(name="same")))
    assert (await asyncio.wait_for(client.got.get(), 60))["type"] == "websocket.accept"
    for value in (b"one", b"two"):
        client.send(value)
        await asyncio.wait_for(client.got.get(), 60)
        assert await asyncio.wait_for(client.got.get(), 60) == {"type": "websocket.send", "bytes": value}
    client.leave()
    # Who has left is sent nothing more.
    assert await client.all() == []


async def test_a_client_that_does_not_read_stops_what_it_sends() -> None:
    app = SessionApp(rm.Pipeline() >> PassThrough(), buffer={"packets": 2})
    client = Client(app, room=3)
    client.send(*[b"x"] * 500)
    await asyncio.wait_for(client.stuck.wait(), 60)
    # Turns in which all the rest would be taken, if nothing held it up.
    for _ in range(2000):
        await asyncio.sleep(0)
    assert client.sent.qsize() > 400
    client.leave()

    async def read_on() -> None:
        while True:
            await client.got.get()

    reading = asyncio.create_task(read_on())
    await asyncio.wait_for(client.task, 60)
    reading.cancel()


async def test_a_client_that_leaves_ends_its_session_and_no_other() -> None:
    ended: list[str] = []

    @rm.node
    class Notes:
        def process(self, value: bytes) -> bytes:
            self.last = value
            return value

        def cleanup(self) -> None:
            ended.append(self.last.decode())

    app = SessionApp(rm.Pipeline() >> Notes())
    leaves, stays = Client(app), Client(app)
    leaves.send(b"leaves")
    stays.send(b"stays")
    for client in (leaves, stays):
        while (await asyncio.wait_for(client.got.get(), 60)).get("bytes") is None:
            pass
    leaves.leave()
    await leaves.all()
    assert ended == ["leaves"]
    assert not stays.task.done()
    stays.send("finish")
    assert (await stays.all())[-1] == {"type": "websocket.close", "code": 1000}
    assert ended == ["leaves", "stays"]


async def test_errors_and_wrong_texts_come_to_the_client() -> None:
    @rm.node
    def fails(value: bytes) -> bytes:
        raise ValueError("no " * 100)

    client = Client(SessionApp(rm.Pipeline() >> fails()))
    client.send(b"x")
    _, error, close = await client.all()
    assert json.loads(error["text"])["error"].startswith("NodeError: node 'fails'")
    assert close["code"] == 1011
    assert len(close["reason"].encode()) <= 123
    wrong = Client(SessionApp(METER, input=INPUT))
    wrong.send("hello")
    assert (await wrong.all())[-1] == {
        "type": "websocket.close",
        "code": 1003,
        "reason": "send binary messages, and the text 'finish' after the last one",
    }


def test_wrong_options_are_told_when_the_app_is_made() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        SessionApp(METER, nonsense=1)
    with pytest.raises(rm.InvalidArgumentError, match="buffer"):
        SessionApp(METER, buffer=2)


async def test_what_is_no_socket_is_answered() -> None:
    app = SessionApp(METER)
    got: list[Any] = []

    async def send(message: Any) -> None:
        got.append(message)

    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(events)

    await app({"type": "lifespan"}, receive, send)
    await app({"type": "http", "path": "/"}, receive, send)
    assert [message["type"] for message in got[:2]] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert got[2]["status"] == 426
    mix = AudioSum()
    with pytest.raises(rm.InvalidArgumentError, match="SessionApp feeds one input, and this pipeline has mic, far"):
        SessionApp(rm.Pipeline(inputs={"mic": mix["in0"], "far": mix["in1"]}) >> mix)
