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

    def __init__(self, app: SessionApp, room: int = 1000, take: Any = None) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue(room)
        self.stuck = asyncio.Event()
        """Set once a message has no room."""
        self.sent.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app({"type": "websocket", "path": "/"}, self.sent.get, take or self._take))

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
    client.send(*[bytes(100_000)] * 500)
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


async def test_a_client_that_leaves_while_there_is_no_room_ends_its_session() -> None:
    begun = asyncio.Event()

    @rm.node
    async def hangs(value: rm.Audio) -> None:
        begun.set()
        await asyncio.Event().wait()

    client = Client(SessionApp(rm.Pipeline() >> hangs(), input=INPUT))
    # 8 s in pieces of 20 ms, of which the pipeline has room for 64 or so.
    client.send(*[bytes(640)] * 400)
    await asyncio.wait_for(begun.wait(), 60)
    client.leave()
    assert await client.all() == [{"type": "websocket.accept"}]


async def test_results_from_before_an_error_come_to_a_client_that_reads_slowly() -> None:
    failed = asyncio.Event()

    @rm.node
    class Fails:
        def process(self, value: bytes) -> bytes:
            if value == b"20":
                raise ValueError("no 20")
            return value

        async def cleanup(self) -> None:
            failed.set()

    client = Client(SessionApp(rm.Pipeline() >> Fails()), room=3)
    client.send(*(b"%d" % number for number in range(60)))
    await asyncio.wait_for(failed.wait(), 60)
    client.send(b"to what has failed")
    for _ in range(100):
        await asyncio.sleep(0)
    got = [await asyncio.wait_for(client.got.get(), 60)]
    while got[-1]["type"] != "websocket.close":
        got.append(await asyncio.wait_for(client.got.get(), 60))
    assert [message["bytes"] for message in got if "bytes" in message] == [b"%d" % number for number in range(20)]
    error, close = got[-2:]
    assert json.loads(error["text"])["error"].endswith("ValueError: no 20")
    assert close["code"] == 1011


async def test_an_end_within_a_sample_is_an_error_behind_the_results() -> None:
    opened = asyncio.Event()

    @rm.node
    async def later(value: rm.Audio) -> int:
        await opened.wait()
        return value.frames

    client = Client(SessionApp(rm.Pipeline() >> later(), input=INPUT))
    client.send(bytes(200), bytes(101), "finish")
    for _ in range(100):
        await asyncio.sleep(0)
    opened.set()
    _, *results, error, close = await client.all()
    assert [json.loads(result["text"])["value"] for result in results] == [100, 50]
    assert "the stream ends in the middle of a frame" in json.loads(error["text"])["error"]
    assert close["code"] == 1011


@pytest.mark.parametrize(
    "error",
    [OSError(), RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'")],
    ids=["most servers", "uvicorn with websockets"],
)
@pytest.mark.parametrize("last", ["websocket.accept", "websocket.send", "websocket.close"])
async def test_that_nothing_reaches_a_client_is_no_error(error: Exception, last: str) -> None:
    async def send(message: Any) -> None:
        got.append(message["type"])
        if message["type"] == last:
            raise error

    got: list[str] = []
    client = Client(SessionApp(METER, input=INPUT), take=send)
    client.send(bytes(32_000), "finish")
    assert await client.all() == []
    assert got[-1] == last


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
