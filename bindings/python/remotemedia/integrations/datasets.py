"""`decode`: the audio column of a data set of Hugging Face as numbers, whole batches by native threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._problem.missing_library import require
from .._problem.whole_number import require_whole
from ..errors import InvalidArgumentError
from ._batches import decode_batch, require_decoding, row_sources, take_slot, text_of

__all__ = ["Decode", "decode"]

ADDED = ("array", "sampling_rate", "error")
"""The columns of the results."""


class Decode:
    """What `decode` makes: a function of a batch, a dict of columns, for `Dataset.map(..., batched=True)`.

    It pickles as its params, so that datasets finds in its cache what was decoded alike.
    """

    def __init__(
        self, rate: int | None, channels: int, column: str, start_s: float, duration_s: float | None, strict: bool,
        num_proc: int,
    ) -> None:  # fmt: skip
        self.rate, self.channels, self.column = rate, channels, column
        self.start_s, self.duration_s = start_s, duration_s
        self.strict, self.num_proc = strict, num_proc

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The columns `array`, `sampling_rate` and `error` for the rows of a batch."""
        numpy = require("numpy", "decode", "datasets")
        values = self._values_of(batch)
        sources, missing = row_sources(values, self.strict)
        loaded = iter(
            decode_batch(
                "decode",
                sources,
                rate=self.rate,
                channels=self.channels,
                start_s=self.start_s,
                duration_s=self.duration_s,
                strict=self.strict,
                threads=take_slot(self.num_proc),
            )
        )
        nothing = numpy.zeros((0,) if self.channels == 1 else (self.channels, 0), "float32")
        arrays: Any = []
        rates, errors = [], []
        for absent in missing:
            audio, error = (None, absent) if absent is not None else next(loaded)[1:3]
            samples = nothing if audio is None else audio.numpy()
            arrays.append(samples[0] if audio is not None and self.channels == 1 else samples)
            rates.append(0 if audio is None else audio.rate)
            errors.append(text_of(error) or "")
        if not any(each.size for each in arrays):
            # Lists without elements have no type, and it is the first batch that decides on the type of a column.
            arrays = numpy.zeros((len(arrays), *nothing.shape), "float32")
        return dict(zip(ADDED, (arrays, rates, errors), strict=True))

    def _values_of(self, batch: Mapping[str, Any]) -> Any:
        """The column of the sources. Raises `InvalidArgumentError` for no batch, and for one that has ours."""
        if not isinstance(batch, Mapping):
            raise InvalidArgumentError(
                f"decode takes the columns of a batch by their names, not {type(batch).__name__}; leave out "
                "input_columns=, and call with_format(None) before"
            )
        if self.column not in batch:
            raise InvalidArgumentError(
                f"the batch has no column {self.column!r}, it has {', '.join(batch)}; pass column= to decode"
            )
        values = batch[self.column]
        if values is None or isinstance(values, (str, bytes, Mapping)):
            raise InvalidArgumentError("decode takes a batch of rows and got one row; pass batched=True to map")
        taken = next((name for name in ADDED if name in batch and name != self.column), None)
        if taken is not None:
            raise InvalidArgumentError(f"the batch has a column {taken!r} already, which decode adds; rename it before")
        return values


def decode(
    *,
    rate: int | None = None,
    channels: int = 1,
    column: str = "audio",
    start_s: float = 0.0,
    duration_s: float | None = None,
    strict: bool = False,
    num_proc: int | None = 1,
) -> Decode:
    """A function for `Dataset.map(..., batched=True)` that decodes a column of audio.

        ds = ds.cast_column("audio", datasets.Audio(decode=False))
        ds = ds.map(decode(rate=16000), batched=True, batch_size=64, remove_columns=["audio"])

    It adds three columns. `array` is float32 of full scale 1.0, of `channels` channels: a list of samples for one, else
    a list of channels. `sampling_rate` is in frames per second. `error` is empty, or says why a row can't be decoded:
    then `array` has no samples and `sampling_rate` is 0. With `strict=True` such a row raises instead.

    `column` holds what `Audio(decode=False)` gives, dicts of bytes and path, or just paths or bytes. `rate`, `start_s`
    and `duration_s` are as for `rm.read`. Native threads decode a batch without the GIL, and none is needed for `map`;
    if you pass it `num_proc`, pass it here too, so that each process has its share of the cores. What was decoded with
    another `num_proc` here is decoded again.

    Raises `InvalidArgumentError` for params that no file could be decoded with; its function does for a batch without
    that column, and for one that has a column of these names already.
    """
    require_decoding("decode", rate=rate, channels=channels, start_s=start_s, duration_s=duration_s)
    # Numbers of other types would be other params to the cache of datasets.
    rate = None if rate is None else int(rate)
    channels = require_whole("channels", channels, 1)
    part = float(start_s), None if duration_s is None else float(duration_s)
    return Decode(
        rate, channels, column, *part, strict, 1 if num_proc is None else require_whole("num_proc", num_proc, 1)
    )
