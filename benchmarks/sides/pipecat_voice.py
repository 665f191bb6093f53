"""pipecat's detection of speech, which is Silero VAD by onnxruntime: the front end of a voice agent, and many calls."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from pipecat.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat.audio.vad import silero
from pipecat.audio.vad.vad_analyzer import VADState
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from benchmarks.sides.calls import Call, Feed, in_calls
from benchmarks.sides.pipecat import running
from benchmarks.sides.voice import front_end_frames

# It would reset the network in silence, after which probabilities could not be compared any more.
silero._MODEL_RESET_INTERVAL_SECS = math.inf


class Analyzer(silero.SileroVADAnalyzer):
    """Pipecat's own, which hands over the probabilities after each piece of sound, on the event loop."""

    def __init__(self, found: Callable[[list[float]], None]) -> None:
        super().__init__()
        self._found, self._fresh = found, list[float]()

    def voice_confidence(self, buffer: bytes) -> float:
        """Called on a thread for each window."""
        confidence = super().voice_confidence(buffer)
        self._fresh.append(np.asarray(confidence).item())
        return confidence

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Called on the event loop for each frame."""
        state = await super().analyze_audio(buffer)
        fresh, self._fresh = self._fresh, []
        self._found(fresh)
        return state


class ToMono16k(FrameProcessor):
    """Stereo at 48 kHz to what the analyzer takes, by pipecat's own resampler."""

    def __init__(self) -> None:
        super().__init__()
        self._resampler = SOXRStreamAudioResampler(clear_after_secs=None)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Others pass."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            if frame.audio:
                stereo = np.frombuffer(frame.audio, np.int16).reshape(-1, 2)
                mono = (np.add(stereo[:, 0], stereo[:, 1], dtype=np.int32) >> 1).astype(np.int16)
                sound = await self._resampler.resample(mono.tobytes(), 48000, 16000)
            else:
                sound = await self._resampler.flush()
            frame = InputAudioRawFrame(sound, 16000, 1)
        await self.push_frame(frame, direction)


def frontend_live(folder: Path) -> Callable[[], np.ndarray]:
    """Frame by frame: the next one is queued once this one has been analyzed."""
    frames = front_end_frames(folder)

    async def through() -> np.ndarray:
        probabilities: list[float] = []
        analyzed = asyncio.Event()

        def found(fresh: list[float]) -> None:
            probabilities.extend(fresh)
            analyzed.set()

        async with running([ToMono16k(), VADProcessor(vad_analyzer=Analyzer(found))]) as worker:
            for frame in [*frames, b""]:
                analyzed.clear()
                await worker.queue_frame(InputAudioRawFrame(frame, 48000, 2))
                await analyzed.wait()
        return np.array(probabilities, np.float32)

    return lambda: asyncio.run(through())


def calls(folder: Path) -> Callable[..., object]:
    """A pipeline for each call."""

    @asynccontextmanager
    async def opened(call: Call) -> AsyncIterator[Feed]:
        async with running([VADProcessor(vad_analyzer=Analyzer(call.found))]) as worker:

            async def feed(frame: bytes) -> None:
                await worker.queue_frame(InputAudioRawFrame(frame, 16000, 1))

            yield feed

    return in_calls(folder, opened)
