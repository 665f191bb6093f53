"""`read`, `info` and `write`: audio files in one call. Each is a short pipeline; all that knows of media is native."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from .._codec.array_libraries import described_dtype
from .._codec.samples import limit_bytes
from .._graph.function_node import node
from .._graph.pipeline import Pipeline
from .._problem.own_results import cure_for_audio
from .._process import imported
from .._results.outputs import Outputs
from ..errors import InvalidArgumentError, LimitExceededError, MarshalError, NodeError
from ..media import Audio, File
from ..nodes import AudioDecode, AudioEncode, AudioMix, AudioResample
from .concat import AudioConcatenator, concatenate
from .decoding import CHUNK_MS, SHORT_S, adecode_file, decode_file, run, run_blocking, short_manifest
from .fetching import afetched
from .places import (
    Source,
    Target,
    afile_of,
    awrite_all,
    file_of,
    is_file_object,
    path_of,
    require_target,
    write_all,
)
from .words import in_words_of, numbered

if TYPE_CHECKING:
    import array

__all__ = ["Info", "Source", "ainfo", "aread", "awrite", "info", "read", "write"]

FileFormat = Literal["wav", "flac", "opus"]


class Samples(Protocol):
    """An array with the array interface of numpy."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


LARGE_BYTES = 1 << 20
"""Files from this size on are joined while they are decoded. For smaller ones the calls take longer than they save."""

LARGE_ALONE_BYTES = 6 << 20
"""The same where sound comes as it is decoded, in chunks of a minute: most files up to this size then are one chunk."""

LARGEST_RATIO = 256
"""A head that promises more audio than this many times the size of its file is not believed. Opus may be that small."""

SHORT_BYTES = 256 << 10
"""Of files up to this size all sound is taken at once to be counted. Beside larger ones the calls take no time."""

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


def read(
    source: Source,
    rate: int | None = None,
    channels: int | None = None,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    dtype: Literal["float32"] = "float32",
) -> Audio:
    """Decodes an audio file to one `Audio`, resampled to `rate` and mixed to `channels` if they are given.

        speech = rm.read("talk.m4a", rate=16000, channels=1)
        part = rm.read("talk.m4a", start_s=50, duration_s=5)

    `source` is a path, the bytes of a file, a file object that is opened for bytes, which is read to its end, a `data:`
    URL, an address that the package fsspec can open, such as `"s3://bucket/talk.m4a"`, or a `File`. `start_s` and
    `duration_s` choose a part of it, in seconds, exact to the sample; a file that ends sooner gives what it has. With
    `rate` the part alone is resampled: its first and last 10 ms, if the file goes on there, are not those of the whole
    file at that rate. `dtype` is that of all samples here, for calls that come from soundfile; `audio.numpy("int16")`
    gives integers. Raises `FileNotFoundError`, and another `OSError` for a path that can't be followed; `NodeError` for
    a file that can't be decoded, with the place, or that ends before `start_s`; `MarshalError` for a part without a
    frame; `InvalidArgumentError` for a rate or channels out of range, and another dtype; `BlockingIOError` for a file
    object that does not block and whose end has not come; `LimitExceededError` for samples of more bytes than
    `output_bytes` of `configure` allows, 2 GiB, whatever the size of the file. It blocks, also where an event loop
    runs, as in a notebook; `await aread(...)` does the same beside the loop.
    """
    require_float32(dtype, "read")
    file = file_of(source, "read")
    size = _size(file)
    concatenator = _joining(size, rate, channels, duration_s)
    with in_words_of("read"), _keeping(concatenator, file):
        if concatenator is None:
            outputs = decode_file(file, size, rate, channels, start_s, duration_s)
        else:
            outputs = _joined(rate, channels, start_s, concatenator).run_sync([file])
    return whole(_taken(outputs, concatenator), file, duration_s)


async def aread(
    source: Source,
    rate: int | None = None,
    channels: int | None = None,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    dtype: Literal["float32"] = "float32",
) -> Audio:
    """Does what `read` does, beside the event loop. Cancelling the await cancels the work.

        sound = await aread(upload, rate=16000)

    A file object may be async, as an upload of Starlette and FastAPI is and what aiofiles opens: its `read` is awaited.
    A thread reads any other, and what an address names.
    """
    require_float32(dtype, "aread")
    file = await afile_of(source, "aread")
    size = _size(file)
    concatenator = _joining(size, rate, channels, duration_s)
    with in_words_of("aread"), _keeping(concatenator, file):
        if concatenator is None:
            outputs = await adecode_file(file, size, rate, channels, start_s, duration_s)
        else:
            pipeline = _joined(rate, channels, start_s, concatenator)
            pipeline.validate()
            outputs = await pipeline.run([file])
    chunks = _taken(outputs, concatenator)
    if len(chunks) == 1 or sum(chunk.channels * chunk.frames * 4 for chunk in chunks) <= INLINE_BYTES:
        return whole(chunks, file, duration_s)
    return await afetched(lambda: whole(chunks, file, duration_s))


def info(source: Source) -> Info:
    """Counts rate, channels and exact length of an audio file: all of it is decoded, no sound is kept.

    `source` is as for `read`, and so is what it raises. A pipe is read to its end, so that its size is known.
    """
    file = file_of(source, "info")
    count = _Count()
    content = _emptied(file) if _is_pipe(file) else file
    with in_words_of("info"):
        if not (_is_short(content) and count.has_all(run_blocking(short_manifest(), content))):
            count.pipeline().run_sync([content])
    return count.told(file, _size(content))


async def ainfo(source: Source) -> Info:
    """Does what `info` does, beside the event loop."""
    file = await afile_of(source, "ainfo")
    count = _Count()
    content = await afetched(lambda: _emptied(file)) if _is_pipe(file) else file
    with in_words_of("ainfo"):
        if not (_is_short(content) and count.has_all(await run(short_manifest(), content))):
            await count.pipeline().run([content])
    return count.told(file, _size(content))


def write(
    path: Target,
    audio: Audio | Samples | array.array[float],
    rate: int | None = None,
    *,
    format: FileFormat | None = None,  # noqa: A002
    sample_format: str | None = None,
) -> None:
    """Encodes audio to a file. The file appears when it is complete, and replaces an earlier one.

        rm.write("talk.flac", audio, sample_format="s24")
        rm.write("tone.wav", samples, rate=48000)

    `audio` is an `Audio`, or with `rate` an array of floats of shape (channels, frames), or (frames,) for mono. The
    suffix of `path`, which may be a `file:` URL, chooses the format, or `format`: "wav", "flac" or "opus". A file
    object that is opened for bytes takes the place of a path, and needs `format`. `sample_format` chooses how samples
    are written: `remotemedia.nodes.AudioEncode` lists what there is.

    Raises `InvalidArgumentError` for others, `FileNotFoundError` for a folder that does not exist, `NodeError` if the
    file can't be written, `BlockingIOError` where a file object that does not block has no room. It blocks;
    `await awrite(...)` does the same beside an event loop.
    """
    audio = _audio_of(path, audio, rate, "write")
    pipeline = _encoder(path, format, sample_format, "write")
    with in_words_of("write"):
        outputs = pipeline.run_sync([audio])
    if is_file_object(path, "write"):
        write_all(path, _encoded(outputs))


async def awrite(
    path: Target,
    audio: Audio | Samples | array.array[float],
    rate: int | None = None,
    *,
    format: FileFormat | None = None,  # noqa: A002
    sample_format: str | None = None,
) -> None:
    """Does what `write` does, beside the event loop. If the await is cancelled there is no file, or all of it.

    A file object may be async: its `write` is awaited.
    """
    audio = _audio_of(path, audio, rate, "awrite")
    pipeline = _encoder(path, format, sample_format, "awrite")
    with in_words_of("awrite"):
        pipeline.validate()
        outputs = await pipeline.run([audio])
    if is_file_object(path, "write"):
        await awrite_all(path, _encoded(outputs))


def decoder(rate: int | None, channels: int | None, start_s: float, duration_s: float | None) -> Pipeline:
    """The pipeline from files to chunks of their sound, as `read` has it."""
    return _begun(rate, channels, start_s, duration_s)[1]


def require_float32(dtype: Any, call: str) -> None:
    """Raises `InvalidArgumentError` for another type of samples than an `Audio` has, with what to write for it."""
    if "float32" not in (dtype, getattr(dtype, "name", None), getattr(dtype, "__name__", None)):
        raise InvalidArgumentError(
            f"{call}: dtype must be 'float32', which the samples of an Audio are, got {described_dtype(dtype)}"
        )


def _silent(file: File, duration_s: float | None = None) -> MarshalError:
    """The error for a file, or a part of one, without one frame of sound."""
    where = "" if duration_s is None else f" in the {duration_s:g} s of `duration_s`"
    return MarshalError(f"{_name(file)} holds no sound{where}, not one frame")


def whole(chunks: list[Audio], file: File, duration_s: float | None) -> Audio:
    """All of the sound of a file, or of a part of one, in one `Audio`. Empties the list.

    Raises `MarshalError` if there is none, or if its rate or channels change.
    """
    if not chunks:
        raise _silent(file, duration_s)
    return concatenate(chunks, f"the sound of {_name(file)}")


class _Count:
    """Counts the audio of a file."""

    def __init__(self) -> None:
        self.first: Audio | None = None
        self.head: dict[str, Any] = {}
        self.frames = 0
        self.duration = 0.0

    def add(self, sound: Audio) -> None:
        """Counts sound that comes next."""
        self.first = self.first or sound
        self.frames += sound.frames
        self.duration = (sound.pts or 0.0) + sound.duration

    def keep(self, head: dict[str, Any]) -> None:
        """Keeps what the head of a file tells."""
        # If a file has several parts, the first one counts, as for the rate.
        self.head = self.head or head

    def has_all(self, outputs: Any) -> bool:
        """Counts what came out of `short_manifest`, unless there may be more sound than that."""
        chunks: list[Audio] = outputs["sound"]
        if chunks and (chunks[-1].pts or 0.0) + chunks[-1].duration >= SHORT_S:
            return False
        for chunk in chunks:
            self.add(chunk)
        for head in outputs["head"]:
            self.keep(head)
        return True

    def pipeline(self) -> Pipeline:
        """Counts what passes, and keeps none of it."""

        @node
        def count(sound: Audio) -> None:
            self.add(sound)

        @node
        def keep(head: dict[str, Any]) -> None:
            self.keep(head)

        decode = AudioDecode(chunk_ms=CHUNK_MS)
        pipeline = decode >> count
        pipeline.add_node(keep, after=decode["info"])
        return pipeline

    def told(self, file: File, size: int) -> Info:
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
            size=size,
            container=head["container"],
            codec=head["codec"],
            tags=head["tags"],
        )


def _is_short(file: File) -> bool:
    """Whether it is quicker to take all sound of a file, and cheap. A pipe is read but once."""
    return (file.path is None or os.path.isfile(file.path)) and _size(file) <= SHORT_BYTES


def _joining(size: int, rate: int | None, channels: int | None, duration_s: float | None) -> AudioConcatenator | None:
    # The head tells the length of the whole: a part is joined afterwards.
    large = LARGE_ALONE_BYTES if rate is None and channels is None else LARGE_BYTES
    if duration_s is not None or size < large:
        return None
    return AudioConcatenator(size * LARGEST_RATIO, limit_bytes())


def _joined(rate: int | None, channels: int | None, start_s: float, concatenator: AudioConcatenator) -> Pipeline:
    """The pipeline from files to chunks that the concatenator takes, all up to the end."""
    decode, pipeline = _begun(rate, channels, start_s, None)

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


def _audio_of(path: Any, audio: Any, rate: int | None, call: str) -> Audio:
    """What is written, made of an array if it is one."""
    if isinstance(path, Audio):
        raise MarshalError(f"{call} takes the path first: {call}(path, audio)")
    if isinstance(audio, Audio):
        if rate is not None and rate != audio.rate:
            raise InvalidArgumentError(
                f"the audio has {audio.rate} Hz, and rate is that of an array; to change it: "
                f"{call}(path, audio.resample({rate!r}))"
            )
        return audio
    own = cure_for_audio(audio)
    if own is not None:
        raise MarshalError(f"{call} takes an Audio, not {type(audio).__name__}; {own}")
    if isinstance(audio, (list, tuple)):
        raise MarshalError(f'{call} takes an Audio or an array; write numpy.asarray(samples, dtype="float32")')
    if isinstance(audio, (bytes, bytearray, str)) or not (
        hasattr(audio, "__array_interface__") or hasattr(audio, "__buffer__") or hasattr(audio, "typecode")
    ):
        cure = (
            "Audio.from_pcm(data, 's16', rate=..., channels=...)"
            if isinstance(audio, bytes)
            else "Audio(samples, rate=...)"
        )
        raise MarshalError(f"{call} takes an Audio, not {type(audio).__name__}; write {cure}")
    if rate is None:
        raise InvalidArgumentError(f"{call} needs the rate of an array: {call}(path, samples, rate=16000)")
    numpy = imported("numpy")
    if numpy is not None and isinstance(audio, numpy.ndarray) and audio.dtype in (numpy.float64, numpy.float16):
        audio = audio.astype(numpy.float32)
    return Audio(audio, rate)


def _encoder(path: Target, file_format: FileFormat | None, sample_format: Any, call: str) -> Pipeline:
    if isinstance(path, (str, os.PathLike)):
        return Pipeline() >> AudioEncode(path=path_of(path, call), format=file_format, sample_format=sample_format)
    if not is_file_object(path, "write"):
        raise MarshalError(f"{call} takes a path or a file object that is opened for bytes, not {type(path).__name__}")
    require_target(path, call)
    if file_format is None:
        raise InvalidArgumentError(
            f"a file object has no suffix that says the format; write {call}(file, audio, format='wav')"
        )
    return Pipeline() >> AudioEncode(format=file_format, sample_format=sample_format)


def _encoded(outputs: Any) -> bytes:
    """The bytes of the one file that came out."""
    return b"".join(outputs)


class _keeping:  # noqa: N801
    """A context that adds the audio that was decoded before a failure to the error, also if it was joined meanwhile.

    Too much audio gives the same error whether the runtime or the concatenator has counted it.
    """

    __slots__ = ("concatenator", "file")

    def __init__(self, concatenator: AudioConcatenator | None, file: File) -> None:
        self.concatenator = concatenator
        self.file = file

    def __enter__(self) -> None:
        """Nothing has failed yet."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        is_over = self.concatenator is not None and self.concatenator.is_over
        if isinstance(error, LimitExceededError) or (isinstance(error, NodeError) and is_over):
            raise _too_much(self.file) from None
        if isinstance(error, NodeError) and self.concatenator is not None:
            error.outputs = Outputs(self.concatenator.chunks())


def _taken(outputs: Any, concatenator: AudioConcatenator | None) -> list[Audio]:
    # Outputs keep their values for `packets`: a plain list frees them one by one.
    return list(outputs) if concatenator is None else concatenator.chunks()


def _size(file: File) -> int:
    """How many bytes there are: none of a pipe, as the system tells it."""
    if file.data is not None:
        return memoryview(file.data).nbytes
    assert file.path is not None
    return os.stat(file.path).st_size


def _is_pipe(file: File) -> bool:
    return file.path is not None and stat.S_ISFIFO(os.stat(file.path).st_mode)


def _emptied(file: File) -> File:
    """What a pipe holds, all that comes."""
    assert file.path is not None
    with open(file.path, "rb") as pipe:
        return File(pipe.read(), file.mime)


def _name(file: File) -> str:
    return "the file" if file.path is None else repr(numbered.get(file.path, file.path))


def _begun(
    rate: int | None, channels: int | None, start_s: float, duration_s: float | None
) -> tuple[AudioDecode, Pipeline]:
    decode = AudioDecode(chunk_ms=CHUNK_MS, start_s=start_s, duration_s=duration_s)
    pipeline = Pipeline() >> decode
    if channels is not None:
        pipeline = pipeline >> AudioMix(channels=channels)
    if rate is not None:
        pipeline = pipeline >> AudioResample(rate=rate)
    return decode, pipeline


def _too_much(file: File) -> LimitExceededError:
    return LimitExceededError(
        f"the sound of {_name(file)} takes more than {limit_bytes()} bytes, the limit output_bytes; take a "
        "part of it with AudioDecode(start_s=..., duration_s=...), take it chunk by chunk with Pipeline.stream, or "
        "raise the limit with remotemedia.configure"
    )
