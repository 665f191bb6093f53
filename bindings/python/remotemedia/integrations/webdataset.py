"""`decode`: the audio in samples of webdataset, one sample at a time, or many ahead on native threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .._files.many import Loaded, each_loaded
from ..errors import InvalidArgumentError
from ._batches import at_a_time, decode_batch, processes_here, require_decoding, take_slot, text_of

__all__ = ["EXTENSIONS", "Decode", "decode"]

EXTENSIONS = frozenset(
    ("aac", "aif", "aifc", "aiff", "au", "caf", "flac", "m4a", "mka", "mp1", "mp2", "mp3", "oga", "ogg", "opus", "snd",
     "w64", "wav", "wave", "weba")
)  # fmt: skip
"""The ends of the names of members that hold nothing but audio."""

MOST_WITHOUT = 32
"""After so many samples in a row without audio none is taken before all that were taken have come out."""


class Decode:
    """What `decode` makes: a function of a sample, for `map`, with the method `ahead`, for `compose`."""

    def __init__(self, params: dict[str, Any], extensions: Collection[str], strict: bool) -> None:
        self._params, self._extensions, self._strict = params, frozenset(extensions), strict

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample with its audio decoded."""
        keys = self._keys(sample)
        threads = take_slot(processes_here())
        contents = [sample[key] for key in keys]
        loaded = decode_batch("decode", contents, **self._params, strict=self._strict, threads=threads)
        return _decoded(sample, keys, loaded)

    def ahead(self, samples: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """The samples with their audio decoded, in order, while native threads decode the next ones.

        With `strict` the first error ends them.
        """
        taken: deque[tuple[Mapping[str, Any], list[str]]] = deque()
        loaded: list[Loaded] = []
        upcoming, is_over = iter(samples), False

        def contents() -> Iterator[bytes]:
            nonlocal is_over
            without = 0
            for sample in upcoming:
                keys = self._keys(sample)
                taken.append((sample, keys))
                yield from (sample[key] for key in keys)
                without = 0 if keys else without + 1
                if without == MOST_WITHOUT:
                    return
            is_over = True

        def complete() -> Iterator[dict[str, Any]]:
            while taken and len(loaded) == len(taken[0][1]):
                sample, keys = taken.popleft()
                yield _decoded(sample, keys, loaded)
                loaded.clear()

        threads = take_slot(processes_here())
        while not is_over:
            for each in each_loaded(
                "decode", contents(), **self._params, concurrency=at_a_time(threads), strict=self._strict
            ):
                # Samples without audio have waited for it.
                yield from complete()
                loaded.append(each)
                yield from complete()
            yield from complete()

    def _keys(self, sample: Mapping[str, Any]) -> list[str]:
        """The members that are audio and still bytes."""
        return [
            key
            for key, content in sample.items()
            if isinstance(content, (bytes, bytearray, memoryview))
            and not key.startswith("__")
            and key.rpartition(".")[2].lower() in self._extensions
        ]


def decode(
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    extensions: Collection[str] = EXTENSIONS,
    strict: bool = False,
) -> Decode:
    """A function that decodes the audio in a sample of webdataset.

        sounds = webdataset.WebDataset(tars).map(decode(rate=16000, channels=1))
        sounds = webdataset.WebDataset(tars).compose(decode(rate=16000, channels=1).ahead)

    Members whose names end with one of `extensions` (`EXTENSIONS`: flac, wav, mp3, opus and so on) become `Audio`:
    `.numpy()` and `.torch()` are its samples, and `rm.pad_batch` packs several. Other members stay as they are. Each
    sample gets a member `error`: None, or a text that says why audio of it can't be decoded, which then is None. With
    `strict=True` that raises, and is for the `handler` of `map`. The other arguments are as for `rm.read`.

    `map` decodes one sample at a time; `compose` with `ahead` has native threads decode the next ones meanwhile. In
    workers of a DataLoader both have the threads of their share of the cores.

    Raises `InvalidArgumentError` for params that no file could be decoded with.
    """
    params: dict[str, Any] = {"rate": rate, "channels": channels, "start_s": start_s, "duration_s": duration_s}
    require_decoding("decode", **params)
    if isinstance(extensions, str):
        raise InvalidArgumentError(f"extensions must be several, such as a set; write {{{extensions!r}}}")
    return Decode(params, [each.lower().lstrip(".") for each in extensions], strict)


def _decoded(sample: Mapping[str, Any], keys: list[str], loaded: list[Loaded]) -> dict[str, Any]:
    # That of a function before this one stays.
    before = sample.get("error")
    errors = [before] if isinstance(before, str) else []
    errors += [str(text_of(each.error)) for each in loaded if each.error is not None]
    audios = {key: each.audio for key, each in zip(keys, loaded, strict=True)}
    return {**sample, **audios, "error": "; ".join(errors) or None}
