"""`Backend`: an audio backend of lhotse, through which every `Recording` and `Cut` is decoded.

lhotse is imported when the first backend is made: its base class is needed then. Where the program has imported it
before, or has named the backend in `LHOTSE_AUDIO_BACKEND`, that class is made with this module, so that lhotse finds it
by its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .._files.audio_files import info, read, write
from .._files.places import file_of
from .._problem.missing_library import require
from .._process import imported
from ..media import Audio, File
from ._batches import take_share

__all__ = ["Backend", "use"]

NAME = "RemotemediaBackend"
VARIABLE = "LHOTSE_AUDIO_BACKEND"
"""Where lhotse looks up the name of a backend in a process that has set none."""

SLACK_S = 0.001
"""What is read more at each side of a cut, at least a frame, so that lhotse's own rounding chooses the frames."""

OPUS = b"OpusHead"
OWN_FORMATS = {"wav": "wav", "flac": "flac"}
SAMPLE_FORMATS = {None: "s16", "PCM_16": "s16", "PCM_24": "s24", "FLOAT": "f32"}
"""What libsndfile calls the formats of samples; without one both write 16 bits."""


class Backend:
    """An audio backend of lhotse, an `AudioBackend`.

        lhotse.set_current_audio_backend(Backend())

    `read_audio` decodes a part of a file without the rest of it, exact to the sample; `info` decodes all of it, and its
    numbers are counted. `save_audio` writes WAV and FLAC, and leaves other formats to lhotse's `LibsndfileBackend`.
    Errors are lhotse's `AudioLoadingError` and `AudioSavingError`, so that its data sets skip files as they are told.

    It holds for this process and what is forked from it: spawned workers take `use`. lhotse knows it by the name
    "RemotemediaBackend" once one was made. Raises `ImportError` without lhotse.
    """

    def __new__(cls) -> Backend:
        """Makes one that is an `AudioBackend` of the lhotse that is installed."""
        backend: Backend = object.__new__(_class() if cls is Backend else cls)
        return backend

    def __reduce__(self) -> tuple[Any, ...]:
        return Backend, ()

    def read_audio(
        self,
        path_or_fd: Any,
        offset: float = 0.0,
        duration: float | None = None,
        force_opus_sampling_rate: int | None = None,
    ) -> tuple[Any, int]:
        """The samples, an array of shape (channels, frames), and their rate.

        `path_or_fd` is a path, also into a tar archive, or a file object that is opened for bytes. `offset` and
        `duration` are in seconds. `force_opus_sampling_rate` is the rate for Opus files.
        """
        begin = max(0.0, offset - SLACK_S)
        length = None if duration is None else offset - begin + duration + SLACK_S
        take_share()
        with _failures("AudioLoadingError", f"reading audio from {_named(path_or_fd)}"), _source(path_or_fd) as source:
            file = file_of(source, NAME)
            audio = read(file, _forced(file, force_opus_sampling_rate), start_s=begin, duration_s=length)
            return _cut(audio, offset, duration), audio.rate

    def info(self, path_or_fd: Any, force_opus_sampling_rate: int | None = None) -> Any:
        """What lhotse needs to know for a `Recording`: channels, frames, rate and duration, counted.

        For an Opus file with `force_opus_sampling_rate` they are those at that rate.
        """
        backend = require("lhotse.audio.backend", "Backend", "lhotse")
        take_share()
        with _failures("AudioLoadingError", f"reading audio from {_named(path_or_fd)}"), _source(path_or_fd) as source:
            file = file_of(source, NAME)
            forced, found = _forced(file, force_opus_sampling_rate), info(file)
        frames, rate = found.frames, found.rate
        if forced is not None:
            rate = forced
            frames = require("lhotse.utils", "Backend", "lhotse").compute_num_samples(found.frames / found.rate, rate)
        return backend.LibsndfileCompatibleAudioInfo(found.channels, frames, rate, frames / rate)

    def supports_info(self) -> bool:
        """True."""
        return True

    def supports_save(self) -> bool:
        """True."""
        return True

    def save_audio(
        self,
        dest: Any,
        src: Any,
        sampling_rate: int,
        format: str | None = None,  # noqa: A002
        encoding: str | None = None,
    ) -> None:
        """Writes samples, an array or a tensor of shape (channels, frames) or (frames,), to a path or a file object.

        `format` is by default what the suffix of the path says; `encoding` is libsndfile's name of the samples' format.
        """
        name = (format or str(dest).rpartition(".")[2]).lower()
        if name not in OWN_FORMATS or encoding not in SAMPLE_FORMATS or (name == "flac" and encoding == "FLOAT"):
            backend = require("lhotse.audio.backend", "Backend", "lhotse")
            backend.LibsndfileBackend().save_audio(dest, src, sampling_rate, format, encoding)
            return
        samples = require("numpy", "Backend", "lhotse").asarray(src, dtype="float32")
        with _failures("AudioSavingError", f"writing audio to {_named(dest)}"):
            audio = Audio(samples, sampling_rate)
            write(dest, audio, format=OWN_FORMATS[name], sample_format=SAMPLE_FORMATS[encoding])  # type: ignore[arg-type]


def use(worker_id: int | None = None) -> None:
    """Has lhotse decode with a `Backend` in this process, and is a `worker_init_fn` of torch's DataLoader.

        use()
        loader = DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=2, worker_init_fn=use)

    lhotse keeps its backend in a global of the process: workers that are spawned, or come from a forkserver, decode
    with lhotse's own one unless they set theirs. A worker has the threads of its share of the cores. `worker_id` is
    what torch passes, and changes nothing. Raises `ImportError` without lhotse.
    """
    take_share()
    require("lhotse.audio.backend", "use", "lhotse").set_current_audio_backend(Backend())


_made: Any = None


def _class() -> Any:
    """The class that has lhotse's base, which `set_current_audio_backend` asks for."""
    global _made
    if _made is None:
        _made = _new_class(require("lhotse.audio.backend", "Backend", "lhotse"))
    return _made


def _new_class(backend: Any) -> Any:
    # What ours has comes first; lhotse enters it by its name into its list of backends.
    return type(NAME, (Backend, backend.AudioBackend), {"__doc__": Backend.__doc__})


def _cut(audio: Audio, offset: float, duration: float | None) -> Any:
    """The frames that lhotse means by `offset` and `duration`, of audio that begins a little earlier."""
    count = require("lhotse.utils", "Backend", "lhotse").compute_num_samples
    first = round((audio.pts_ns or 0) * audio.rate / 1e9)
    begin = max(0, count(offset, audio.rate) - first)
    return audio.numpy()[:, begin : None if duration is None else begin + count(duration, audio.rate)]


def _forced(file: File, rate: int | None) -> int | None:
    """The rate that is forced on a file, if it is Opus in Ogg; else it has its own."""
    return rate if rate is not None and _is_opus(file) else None


def _is_opus(file: File) -> bool:
    """Whether a file is Opus in Ogg (RFC 7845), whatever its name. Its first packet is behind a head of 28 bytes."""
    if file.path is None:
        return bytes(memoryview(file.data or b"")[28:36]) == OPUS
    if not os.path.isfile(file.path):
        # What a pipe gives now is missing from its sound.
        return file.path.lower().endswith(".opus")
    with open(file.path, "rb") as opened:
        return opened.read(36)[28:] == OPUS


@contextmanager
def _source(path_or_fd: Any) -> Iterator[Any]:
    """What `read` takes for what lhotse has; a file object is left where it was found."""
    if isinstance(path_or_fd, (str, os.PathLike)) and ".tar/" in str(path_or_fd):
        with require("lhotse.serialization", "Backend", "lhotse").TarAsDirBackend().open(path_or_fd, "rb") as member:
            yield member
    elif hasattr(path_or_fd, "seekable") and path_or_fd.seekable():
        position = path_or_fd.tell()
        try:
            yield path_or_fd
        finally:
            path_or_fd.seek(position)
    else:
        yield path_or_fd


@contextmanager
def _failures(kind: str, work: str) -> Iterator[None]:
    """Raises lhotse's own kind of error for whatever is raised within."""
    try:
        yield
    except Exception as error:
        raised = getattr(require("lhotse.audio.utils", "Backend", "lhotse"), kind)
        raise raised(f"{work} failed: {type(error).__name__}: {error}") from error


def _named(place: Any) -> str:
    return repr(str(place)) if isinstance(place, (str, os.PathLike)) else "a file object"


if imported("lhotse.audio.backend") is not None or os.environ.get(VARIABLE) == NAME:
    with suppress(ImportError):
        _made = _new_class(require("lhotse.audio.backend", "Backend", "lhotse"))
