"""Live calls in one process: each brings a frame of 20 ms every 20 ms, and asks how likely it is that somebody speaks.

Frames are mono s16 at 16 kHz, and the calls' phases are spread evenly over the 20 ms. The age of a probability is the
time from when the last frame of its window was due to when the caller has it: lateness of the event loop counts, which
is the same for all who use one.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import numpy

FRAME_SECONDS, FRAME_SAMPLES, FRAME_BYTES, WINDOW = 0.02, 320, 640, 512
WARM_FRAMES = 24
"""So many frames of each call come before ages count."""
CHECKED_CALLS, CHECKED_FRAMES = 4, 80
GRACE_SECONDS = 2.0
"""How long the last probabilities may take; what is missing then fails the trial."""

Feed = Callable[[bytes], Awaitable[None]]


class Call:
    """One call: its frames, when each is due, and what was found in it so far."""

    def __init__(self, number: int, phase: float, frames: list[bytes], length: int) -> None:
        # Each begins elsewhere in the recording.
        start = number * 37 % len(frames)
        self.frames = list(itertools.islice(itertools.cycle(frames), start, start + length))
        self.phase, self.begin = phase, 0.0
        self.ages: list[float] = []
        self.probabilities: list[float] = []
        self.complete = asyncio.Event()
        self._expected = length * FRAME_SAMPLES // WINDOW

    def due(self, index: int) -> float:
        """When a frame is there, by `time.perf_counter`."""
        return self.begin + self.phase + index * FRAME_SECONDS

    def found(self, probabilities: Iterable[float]) -> None:
        """The caller has those of the next windows."""
        now = time.perf_counter()
        for probability in probabilities:
            self.probabilities.append(float(probability))
            last_frame = -(-len(self.probabilities) * WINDOW // FRAME_SAMPLES) - 1
            if last_frame >= WARM_FRAMES:
                self.ages.append(now - self.due(last_frame))
        if len(self.probabilities) >= self._expected:
            self.complete.set()

    async def bring(self, feed: Feed) -> None:
        """Feeds the frames, each when it is due, then waits for what was found in the last ones."""
        for index, frame in enumerate(self.frames):
            await asyncio.sleep(max(0.0, self.due(index) - time.perf_counter()))
            await feed(frame)
        try:
            await asyncio.wait_for(self.complete.wait(), GRACE_SECONDS)
        except TimeoutError:
            pass
        if len(self.probabilities) != self._expected:
            raise ValueError(f"{len(self.probabilities)} probabilities came in a call, expected {self._expected}")


Opened = Callable[[Call], AbstractAsyncContextManager[Feed]]


def in_calls(folder: Path, opened: Opened, loops: int = 1) -> Callable[..., object]:
    """The work of a side, its calls dealt out to so many event loops, each in a thread of its own.

    Without a value it returns the probabilities of some calls, (calls, windows); with `[count, seconds]` how old
    probabilities are when so many calls go on for so long, and what share of a core that takes.
    """
    sound = (folder / "calls.pcm").read_bytes()
    frames = [sound[begin : begin + FRAME_BYTES] for begin in range(0, len(sound), FRAME_BYTES)]

    def work(trial: list[float] | None = None) -> object:
        if trial is None:
            calls, _ = _live(CHECKED_CALLS, CHECKED_FRAMES, frames, opened, loops)
            return numpy.array([call.probabilities for call in calls], numpy.float32)
        count, seconds = trial
        # A multiple of 8 frames is a whole number of windows.
        length = WARM_FRAMES + round(seconds / FRAME_SECONDS) // 8 * 8
        calls, share = _live(int(count), length, frames, opened, loops)
        ages = numpy.concatenate([call.ages for call in calls]) * 1e3
        return {"p50_ms": float(numpy.quantile(ages, 0.5)), "p99_ms": float(numpy.quantile(ages, 0.99)), "share": share}

    return work


def _live(count: int, length: int, frames: list[bytes], opened: Opened, loops: int) -> tuple[list[Call], float]:
    calls = [Call(number, number / count * FRAME_SECONDS, frames, length) for number in range(count)]
    together = threading.Barrier(loops)
    spent: list[float] = []
    failed: list[BaseException] = []

    def serve(mine: list[Call]) -> None:
        try:
            asyncio.run(_serve(mine, opened, together, spent))
        except BaseException as error:
            failed.append(error)
            together.abort()

    threads = [threading.Thread(target=serve, args=[calls[first::loops]]) for first in range(1, loops)]
    for thread in threads:
        thread.start()
    serve(calls[::loops])
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return calls, max(spent)


async def _serve(mine: list[Call], opened: Opened, together: threading.Barrier, spent: list[float]) -> None:
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(opened(call)) for call in mine]
        # Hundreds of calls that begin at once start Python's collector, which then takes 25 to 60 ms out of the trial.
        gc.collect()
        together.wait()
        begin, processor = time.perf_counter() + 0.1, time.process_time()
        for call in mine:
            call.begin = begin
        await asyncio.gather(*(call.bring(feed) for call, feed in zip(mine, feeds, strict=True)))
        # Of the time that the calls last, also where they were held up.
        spent.append((time.process_time() - processor) / (len(mine[0].frames) * FRAME_SECONDS))
