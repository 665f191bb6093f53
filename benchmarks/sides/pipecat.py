"""pipecat: a pipeline of frame processors, run by a worker."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from loguru import logger
from pipecat.frames.frames import Frame, OutputAudioRawFrame, OutputImageRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from benchmarks.sides.clocked import Clock
from benchmarks.sides.growth import SECONDS_A_FRAME, Growth, frame, warmed
from benchmarks.sides.messages import Receipt, messages

MESSAGES, PINGS = 1000, 300
logger.remove()


class PassOn(FrameProcessor):
    """Hands every frame on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """As pipecat's own processors do."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Sink(FrameProcessor):
    """Gives the frames of one kind to a function."""

    def __init__(self, kind: type[Frame], take: Callable[[Frame], Awaitable[None]]) -> None:
        super().__init__()
        self._kind, self._take = kind, take

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Others go on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, self._kind):
            await self._take(frame)
        await self.push_frame(frame, direction)


@asynccontextmanager
async def running(processors: list[FrameProcessor]) -> AsyncIterator[PipelineWorker]:
    """A pipeline at work, to which frames are queued; at the end of the block it ends behind them."""
    worker = PipelineWorker(Pipeline(processors), enable_rtvi=False, idle_timeout_secs=None)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    serving = asyncio.create_task(runner.run())
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _started(*_: object) -> None:
        started.set()

    await started.wait()
    yield worker
    await worker.stop_when_done()
    await serving


async def _during(sink: Sink, feed: Callable[[PipelineWorker], Awaitable[None]]) -> None:
    """Feeds three processors and a sink."""
    async with running([PassOn(), PassOn(), PassOn(), sink]) as worker:
        await feed(worker)


def relay(_folder: Path) -> Callable[[], dict[str, float]]:
    """Frames of sound, queued by one task, counted at the end."""
    sent = messages(MESSAGES)

    async def through() -> dict[str, float]:
        receipt, clock, all_there = Receipt(), Clock(), asyncio.Event()

        async def take(frame: Frame) -> None:
            receipt.take(frame.audio)
            if receipt.count == MESSAGES:
                all_there.set()

        async def feed(worker: PipelineWorker) -> None:
            with clock:
                for message in sent:
                    await worker.queue_frame(OutputAudioRawFrame(message, 16000, 1))
                await all_there.wait()

        await _during(Sink(OutputAudioRawFrame, take), feed)
        return {"messages": receipt.count, **clock.per(MESSAGES)}

    return lambda: asyncio.run(through())


def ping_pong(_folder: Path) -> Callable[[], dict[str, float]]:
    """One frame at a time."""
    (message,) = messages(1)

    async def play() -> dict[str, float]:
        taken: list[float] = []
        there = asyncio.Event()

        async def take(_frame: Frame) -> None:
            there.set()

        async def feed(worker: PipelineWorker) -> None:
            for _ in range(PINGS):
                there.clear()
                begun = time.perf_counter()
                await worker.queue_frame(OutputAudioRawFrame(message, 16000, 1))
                await there.wait()
                taken.append(time.perf_counter() - begun)

        await _during(Sink(OutputAudioRawFrame, take), feed)
        return {"messages": len(taken), "seconds": statistics.median(taken), "processor": 0.0}

    return lambda: asyncio.run(play())


def growth(_folder: Path) -> Callable[[], dict[str, float]]:
    """Pictures queued as fast as it takes them."""

    async def through(frames: int) -> dict[str, float]:
        seen = 0
        all_there = asyncio.Event()

        async def take(_frame: Frame) -> None:
            nonlocal seen
            await asyncio.sleep(SECONDS_A_FRAME)
            seen += 1
            if seen == frames:
                all_there.set()

        memory = Growth()

        async def feed(worker: PipelineWorker) -> None:
            with memory:
                for number in range(frames):
                    picture = frame(number)
                    await worker.queue_frame(OutputImageRawFrame(picture.data, (1280, 720), "RGB"))
                await all_there.wait()

        await _during(Sink(OutputImageRawFrame, take), feed)
        return {"frames": seen, "growth_mb": memory.megabytes}

    return warmed(through)
