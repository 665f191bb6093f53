"""`read`, `info` and `write`: audio files in one call. Each is a short pipeline; all that knows of media is native."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .._codec.samples import limit_bytes
from .._graph.function_node import node
from .._graph.pipeline import Pipeline
from .._results.outputs import Outputs
from ..errors import InvalidArgumentError, LimitExceededError, ManifestError, MarshalError, NodeError
from ..media import Audio, File
from ..nodes import AudioDecode, AudioEncode, AudioMix, AudioResample
from .concat import AudioConcatenator, concatenate

__all__ = ["Info", "Source", "ainfo", "aread", "awrite", "info", "read", "write"]

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | File
"""A path, the content of a file, or a `File`."""

CHUNK_MS = 10_000
"""The length of the chunks that cross: few crossings, and memory in pieces that are released one by one."""

LARGE_BYTES = 1 << 20
"""Files from this size on are joined while they are decoded. For smaller ones the calls take longer than they save."""

LARGEST_RATIO = 256
"""A head that promises more audio than this many times the size of its file is not believed. Opus may be that small."""

INLINE_BYTES = 1 << 20
"""Audio up to this size is joined on the event loop's thread, which is faster than starting another."""


class Info(NamedTuple):
    """What an audio file holds, counted and not believed: all of it was decoded.

    `rate` is in frames per second, `layout` the name of the channels' places if it is known, `frames` the number
    of samples in each channel, `duration` the length in seconds, `size` that of the file in bytes. If rate or channels
    change within the file, they are those of its beginning, and `duration` is that of the whole.

    `container` and `codec` are names such as `"mp4"` and `"aac"`; `tags` has text under `title`, `artist`, `album`,
    `date`, `genre`, `comment` and so on, and under the file's own names in lower case.
    """

    rate: int
    channels: int
    layout: str | None
    frames: int
    duration: float
    size: int
    container: str
    codec: str
    tags: dict[str, str]


def read(source: Source, rate: int | None = None, channels: int | None = None) -> Audio:
    """Decodes an audio file to one `Audio`, resampled to `rate` and mixed to `channels` if they are given.

        speech = rm.read("talk.m4a", rate=16000, channels=1)

    `source` is a path, the bytes of a file, or a `File`. Raises `FileNotFoundError`; `NodeError` for a file that can't
    be decoded, with the place; `InvalidArgumentError` for a rate or channels out of range; `LimitExceededError` for
    samples of more bytes than `output_bytes` of `configure` allows, 2 GiB, whatever the size of the file. It blocks,
    also where an event loop runs, as in a notebook; `await aread(...)` does the same beside the loop.
    """
    file = _file(source)
    concatenator = _joining(file)
    pipeline = _decoder(rate, channels, concatenator)
    with _keeping(concatenator, file):
        outputs = _checked(lambda: pipeline.run_sync([file]))
    return _whole(_taken(outputs, concatenator), file)


async def aread(source: Source, rate: int | None = None, channels: int | None = None) -> Audio:
    """Does what `read` does, beside the event loop. Cancelling the await cancels the work."""
    file = _file(source)
    concatenator = _joining(file)
    pipeline = _decoder(rate, channels, concatenator)
    _checked(pipeline.validate)
    with _keeping(concatenator, file):
        outputs = await pipeline.run([file])
    chunks = _taken(outputs, concatenator)
    if len(chunks) == 1 or sum(chunk.channels * chunk.frames * 4 for chunk in chunks) <= INLINE_BYTES:
        return _whole(chunks, file)
    return await asyncio.to_thread(_whole, chunks, file)


def info(source: Source) -> Info:
    """Counts rate, channels and exact length of an audio file: all of it is decoded, nothing is kept.

    `source` is a path, the bytes of a file, or a `File`. Raises as `read` does.
    """
    file = _file(source)
    count = _Count()
    count.pipeline().run_sync([file])
    return count.told(file)


async def ainfo(source: Source) -> Info:
    """Does what `info` does, beside the event loop."""
    file = _file(source)
    count = _Count()
    await count.pipeline().run([file])
    return count.told(file)


def write(path: str | os.PathLike[str], audio: Audio, *, sample_format: str | None = None) -> None:
    """Encodes audio to a file. The file appears when it is complete, and replaces an earlier one.

        rm.write("talk.flac", audio, sample_format="s24")

    The suffix of `path` chooses the format, `sample_format` how samples are written: `remotemedia.nodes.AudioEncode`
    lists both. Raises `InvalidArgumentError` for others, `FileNotFoundError` for a folder that does not exist,
    `NodeError` if the file can't be written. It blocks; `await awrite(...)` does the same beside an event loop.
    """
    pipeline = _encoder(path, audio, sample_format)
    _checked(lambda: pipeline.run_sync([audio]))


async def awrite(path: str | os.PathLike[str], audio: Audio, *, sample_format: str | None = None) -> None:
    """Does what `write` does, beside the event loop. If the await is cancelled there is no file."""
    pipeline = _encoder(path, audio, sample_format)
    _checked(pipeline.validate)
    await pipeline.run([audio])


class _Count:
    """Counts the audio of a file as it passes."""

    def __init__(self) -> None:
        self.first: Audio | None = None
        self.head: dict[str, Any] = {}
        self.frames = 0
        self.duration = 0.0

    def pipeline(self) -> Pipeline:
        @node
        def count(sound: Audio) -> None:
            self.first = self.first or sound
            self.frames += sound.frames
            self.duration = (sound.pts or 0.0) + sound.duration

        @node
        def keep(head: dict[str, Any]) -> None:
            # If a file has several parts, the first one counts, as for the rate.
            self.head = self.head or head

        decode = AudioDecode(chunk_ms=CHUNK_MS)
        pipeline = decode >> count
        pipeline.add_node(keep, after=decode["info"])
        return pipeline

    def told(self, file: File) -> Info:
        first = self.first
        if first is None:
            raise _silent(file)
        head = self.head
        return Info(
            rate=first.rate,
            channels=first.channels,
            layout=first.layout,
            frames=self.frames,
            duration=self.duration,
            size=_size(file),
            container=head["container"],
            codec=head["codec"],
            tags=head["tags"],
        )


def _joining(file: File) -> AudioConcatenator | None:
    size = _size(file)
    return AudioConcatenator(size * LARGEST_RATIO, limit_bytes()) if size >= LARGE_BYTES else None


def _decoder(rate: int | None, channels: int | None, concatenator: AudioConcatenator | None) -> Pipeline:
    decode = AudioDecode(chunk_ms=CHUNK_MS)
    pipeline = Pipeline() >> decode
    if channels is not None:
        pipeline = pipeline >> AudioMix(channels=channels)
    if rate is not None:
        pipeline = pipeline >> AudioResample(rate=rate)
    if concatenator is None:
        return pipeline

    @node
    def add(sound: Audio) -> None:
        concatenator.add(sound)

    @node
    def expect(head: dict[str, Any]) -> None:
        if "duration_s" in head:
            concatenator.expect(head["duration_s"])

    pipeline = pipeline >> add
    pipeline.add_node(expect, after=decode["info"])
    return pipeline


def _encoder(path: str | os.PathLike[str], audio: Audio, sample_format: Any) -> Pipeline:
    if not isinstance(audio, Audio):
        raise MarshalError(f"write takes an Audio, not {type(audio).__name__}; write Audio(samples, rate=...)")
    name = os.fspath(path)
    folder = os.path.dirname(name)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(f"no such folder {folder!r}{_place(folder)}; create it first")
    return Pipeline() >> AudioEncode(path=name, sample_format=sample_format)


@contextmanager
def _keeping(concatenator: AudioConcatenator | None, file: File) -> Iterator[None]:
    """Adds the audio that was decoded before a failure to the error, also if it was joined meanwhile.

    Too much audio gives the same error whether the runtime or the concatenator has counted it.
    """
    try:
        yield
    except LimitExceededError:
        raise _too_much(file) from None
    except NodeError as error:
        if concatenator is not None:
            if concatenator.is_over:
                raise _too_much(file) from None
            error.outputs = Outputs(concatenator.chunks())
        raise


def _taken(outputs: Any, concatenator: AudioConcatenator | None) -> list[Audio]:
    # Outputs keep their values for `packets`: a plain list frees them one by one.
    return list(outputs) if concatenator is None else concatenator.chunks()


def _whole(chunks: list[Audio], file: File) -> Audio:
    if not chunks:
        raise _silent(file)
    return concatenate(chunks, f"the sound of {_name(file)}")


def _file(source: Source) -> File:
    file = source if isinstance(source, File) else File(source)
    if file.path is not None and not os.path.exists(file.path):
        raise FileNotFoundError(f"no such file {file.path!r}{_place(file.path)}")
    return file


def _size(file: File) -> int:
    if file.data is not None:
        return memoryview(file.data).nbytes
    assert file.path is not None
    return os.path.getsize(file.path)


def _place(path: str) -> str:
    return "" if os.path.isabs(path) else f" in {os.getcwd()}"


def _name(file: File) -> str:
    return "the file" if file.path is None else repr(file.path)


def _silent(file: File) -> MarshalError:
    return MarshalError(f"{_name(file)} holds no sound, not one frame")


def _too_much(file: File) -> LimitExceededError:
    return LimitExceededError(
        f"the sound of {_name(file)} takes more than {limit_bytes()} bytes, the limit output_bytes; take a "
        "part of it with AudioDecode(start_s=..., duration_s=...), take it chunk by chunk with Pipeline.stream, or "
        "raise the limit with remotemedia.configure"
    )


def _checked(run: Callable[[], Any]) -> Any:
    """Returns what `run` returns. A mistake in params is raised as one in arguments."""
    try:
        return run()
    except ManifestError as error:
        problem = error.problems[0]
        raise InvalidArgumentError(f"{problem.path.rpartition('.')[2]}: {problem.message}") from None
