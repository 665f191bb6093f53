"""A voice agent behind a socket: twenty calls at once that listen, talk and are interrupted; and how late it all was.

    python examples/voice_agent.py              # twenty calls, at the pace of a telephone
    python examples/voice_agent.py --calls 5

The server speaks a protocol of its own on a loopback port: 20 ms frames of 16 bits at 16 kHz in both directions. Each
call has two sessions of pipelines that are compiled once. Of the callers, one hangs up in the middle of a word, one
asks for something that takes long, and all others begin to speak again while the agent talks.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

import remotemedia as rm
from remotemedia.nodes import AudioChunk, SpeechSegments, TextCollector

RATE = 16_000
FRAME_S = 0.02
FRAME_BYTES = int(RATE * FRAME_S) * 2
SLOW_S = 3.0
"""How long the slow caller's answer is thought about."""


TOKENS = ("It", "begins", "in", "Norland", "Park.", "It", "is", "a", "long", "story,", "which", "is", "told", "slowly.")


@rm.node
async def think(question: dict[str, Any]) -> AsyncIterator[str]:
    """The recogniser and the language model: tokens, as they come."""
    await asyncio.sleep(SLOW_S if question["is_slow"] else 0.05)
    for token in [
        "It",
        "begins",
        "in",
        "Norland",
        "Park.",
        "It",
        "is",
        "a",
        "long",
        "story,",
        "which",
        "is",
        "told",
        "slowly.",
    ]:
        await asyncio.sleep(0.01)
        yield f"{token} "


@rm.node
def speak(sentence: str) -> rm.Audio:
    """The synthesizer: it always says the same, for as long as there are letters."""
    # Without a time: one sentence follows the other.
    return rm.Audio(VOICE[: 0.06 * len(sentence)].samples, RATE)


VOICE = rm.testing.speech()
EAR = SpeechSegments(min_silence_duration_ms=300, start_ms=200)  # a cough does not interrupt
LISTEN = rm.Pipeline("listen") >> EAR["segments", "events"]
TALK = rm.Pipeline("talk") >> think() >> TextCollector() >> speak() >> AudioChunk(duration_ms=20, last="pad")


@dataclass
class Report:
    """What happened in the calls of a server."""

    ended: int = 0
    vanished: int = 0
    heard: int = 0
    interrupted: int = 0
    frames: int = 0
    known_after_s: list[float] = field(default_factory=list)
    """From the beginning of a caller's word to the interruption of the agent."""
    answer_after_s: list[float] = field(default_factory=list)
    """From the end of a question to the first frame of its answer; without the slow caller's."""
    frame_late_s: list[float] = field(default_factory=list)
    """How much later than 20 ms after the one before it a frame left."""


class Call:
    """One call: what comes in is heard, and what is said goes out."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        report: Report,
        clock: Literal["real", "virtual"],
    ) -> None:
        self.reader, self.writer, self.report, self.clock = reader, writer, report, clock
        self.began = time.monotonic()
        self.is_slow = False
        self.asked: float | None = None

    async def run(self) -> None:
        """Holds the call until the caller has hung up and all is said."""
        pcm = rm.PCM("s16", RATE, 1)
        self.is_slow = await self.reader.readexactly(1) == b"s"
        self.began = time.monotonic()
        try:
            async with LISTEN.session(input=pcm, clock=self.clock) as ear, TALK.session(buffer={"ms": 200}) as mouth:
                await asyncio.gather(self.listen(ear), self.answer(ear, mouth), self.play(mouth))
        except (ConnectionError, asyncio.IncompleteReadError):
            self.report.vanished += 1
        else:
            self.report.ended += 1
        finally:
            self.writer.close()

    async def listen(self, ear: rm.Session) -> None:
        """Frames from the line into the session, until the caller says that this was all."""
        while frame := await self.reader.read(FRAME_BYTES):
            await ear.send(frame)
        if not self.reader.at_eof() or self.reader.exception() is not None:
            raise ConnectionResetError
        await ear.finish()

    async def answer(self, ear: rm.Session, mouth: rm.Session) -> None:
        """Reads both outputs in their order: the beginning of a question interrupts what answers the one before."""
        async for packet in ear:
            if packet.sink == "segments":
                self.report.heard += 1
                self.asked = time.monotonic()
                await mouth.send({"is_slow": self.is_slow, "start_s": packet.value["start_s"]})
                await mouth.flush()
            elif packet.value["type"] == "start":
                mouth.interrupt()
                self.report.interrupted += 1
                self.report.known_after_s.append(time.monotonic() - self.began - packet.value["at_s"])
        await mouth.finish()

    async def play(self, mouth: rm.Session) -> None:
        """A frame to the caller every 20 ms, as long as there are any."""
        due = 0.0
        async for packet in mouth:
            now = time.monotonic()
            if self.asked is not None:
                if not self.is_slow:
                    self.report.answer_after_s.append(now - self.asked)
                self.asked, due = None, now
            if self.clock == "real":
                await asyncio.sleep(due - now)
                self.report.frame_late_s.append(time.monotonic() - max(due, now))
                due = max(due, now) + FRAME_S
            self.report.frames += 1
            self.writer.write(packet.value.to_pcm("s16"))
            await self.writer.drain()


async def caller(port: int, number: int, pace: float) -> bytes:
    """Speaks, listens for two seconds, and speaks again while the agent talks; returns what it was told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    voice, silence = VOICE.to_pcm("s16"), bytes(2 * RATE * 2)
    line = voice[10_000:70_000] + silence + voice[10_000:40_000] + silence
    vanishes, is_slow = number % 20 == 7, number % 20 == 13
    writer.write(b"s" if is_slow else b"n")
    told = bytearray()

    async def hear() -> None:
        while frame := await reader.read(FRAME_BYTES):
            told.extend(frame)

    hearing = asyncio.create_task(hear())
    due = time.monotonic()
    for begin in range(0, len(line), FRAME_BYTES):
        if vanishes and begin > 30_000:
            # As a telephone whose battery is empty: nothing says that this was all.
            writer.transport.abort()
            break
        writer.write(line[begin : begin + FRAME_BYTES])
        await writer.drain()
        due += pace
        await asyncio.sleep(due - time.monotonic() if pace else 0)
    else:
        writer.write_eof()
    with contextlib.suppress(ConnectionError):
        await hearing
    writer.close()
    return bytes(told)


async def serve(calls: int, clock: Literal["real", "virtual"] = "real") -> Report:
    """Answers so many callers, all at once, on a port of the loopback interface; returns when all have hung up."""
    report = Report()
    held: set[asyncio.Task[None]] = set()

    def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(Call(reader, writer, report, clock).run())
        held.add(task)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        pace = FRAME_S if clock == "real" else 0.0
        await asyncio.gather(*(caller(port, number, pace) for number in range(calls)))
        await asyncio.gather(*held)
    return report


def table(report: Report) -> str:
    """The report, for people."""
    lines = [
        f"{report.ended} calls ended, {report.vanished} vanished; {report.heard} questions, "
        f"{report.interrupted} times interrupted, {report.frames} frames said",
        f"{'milliseconds':34}{'p50':>8}{'p99':>8}{'max':>8}",
    ]
    for name, spans in (
        ("word begins -> agent is silent", report.known_after_s),
        ("question ends -> answer begins", report.answer_after_s),
        ("a frame is late", report.frame_late_s),
    ):
        ordered = sorted(spans) or [0.0]
        places = [ordered[(len(ordered) - 1) * percent // 100] * 1000 for percent in (50, 99, 100)]
        lines.append(f"{name:34}" + "".join(f"{place:8.1f}" for place in places))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="A voice agent that answers many calls at once, on this machine.")
    parser.add_argument("--calls", type=int, default=20)
    print(table(asyncio.run(serve(parser.parse_args().calls))))


if __name__ == "__main__":
    main()
