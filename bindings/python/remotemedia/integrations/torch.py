"""`Dataset`: sounds, or what a pipeline makes of them, for torch's DataLoader. Native threads decode a batch at once.

torch is imported when the first sample is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from .._files.places import Source
from .._graph.pipeline import Pipeline
from .._graph.schema import arrays_of, functions_of
from .._manifest.compile import Manifest
from .._problem.missing_library import require
from .._process import imported
from ..errors import InvalidArgumentError
from ..media import Audio, Tensor
from ._batches import BatchRunner, decode_batch, processes_here, require_decoding, take_slot, text_of

if TYPE_CHECKING:
    from torch.utils.data import Dataset as _Dataset
else:
    # DataLoader takes whatever has a length and items.
    _Dataset = object

__all__ = ["Batch", "Dataset", "Sample", "collate"]

SOUND = "sound"
"""The one output without a pipeline."""


class _Columns(NamedTuple):
    """What stands in a `Sample`."""

    source: Any
    value: Any
    rate: int | None
    error: str | None


class Sample(_Columns):
    """What came of one source.

    `source` is what was given. `value` is a float32 tensor of sound, (frames,) if it is mono and else (channels,
    frames), or what the pipeline gave. Where it gave nothing, and after an `error`, which is a text, or None if there
    was none, that is None for sound and arrays, and an empty list for anything else; for several outputs it is a dict
    of these in any case. `rate` is that of sound, in frames per second.
    """

    forms: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """What is known of its outputs whatever its source is, as a `Plan` tells it."""


class Batch(NamedTuple):
    """Samples that DataLoader has put together.

    `values` is one tensor, (batch, ..., longest), with zeros behind the shorter ones and in the rows of errors, and
    `lengths`, int64, are the lengths of each along the last axis. Where samples are no tensors `values` is a list, and
    `lengths` None; for a pipeline with several outputs both are dicts by the names of these. It is the pipeline that
    decides on this, whatever files there are. `errors` has None for each sample that is fine. Where no sample of a
    batch has a value, `rate` and the sizes before the last are those that the pipeline decides on; if channels are up
    to the files, or all is up to a function, `values` is (batch, 0).
    """

    sources: list[Any]
    values: Any
    lengths: Any
    rate: int | None
    errors: list[str | None]


class Dataset(_Dataset):  # type: ignore[misc, type-arg, unused-ignore]
    """A data set of audio files, for `torch.utils.data.DataLoader`.

        from remotemedia.integrations.torch import Dataset
        from torch.utils.data import DataLoader

        for batch in DataLoader(Dataset(paths, rate=16000, channels=1), batch_size=32):
            model(batch.values, batch.lengths)

    `sources` is a sequence of what `rm.read` takes: paths, bytes, addresses; or a column of them, of pandas or pyarrow.
    Without a `pipeline` a sample is the sound, and `rate`, `channels`, `start_s` and `duration_s` are as for `rm.read`.
    With one, a `Pipeline` or the path, text or dict of a manifest, it is what that gives for the file: audio and arrays
    joined along their last axis, which is time, to one tensor; anything else as a list. With `join=False` it is a list
    in any case, a tensor for each output.

    DataLoader asks for whole batches, so that native threads decode one at once without the GIL: `num_workers=0` is
    enough, unless Python functions of yours compute too. With workers, forked or spawned, each has the threads of its
    share of the cores. Samples become a `Batch` by `collate`, which DataLoader finds by itself.

    A file that can't be read is a sample with an `error`; with `strict=True` it raises. Raises `ManifestError` for a
    wrong pipeline, `InvalidArgumentError` for params that no file could be read with, and `ImportError` without torch.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        pipeline: Pipeline | Manifest | None = None,
        *,
        rate: int | None = None,
        channels: int | None = None,
        start_s: float = 0.0,
        duration_s: float | None = None,
        join: bool = True,
        strict: bool = False,
    ) -> None:
        self.sources = _by_place(sources)
        self.join = join
        self._strict = strict
        self._decoding: dict[str, Any] = {
            "rate": rate, "channels": channels, "start_s": start_s, "duration_s": duration_s
        }  # fmt: skip
        self._runner: BatchRunner | None = None
        self._arrays: dict[str, bool | None] = {SOUND: True}
        self._forms = {SOUND: {"kind": "audio", "rate": rate, "channels": channels}}
        if pipeline is None:
            require_decoding("Dataset", **self._decoding)
        else:
            if (rate, channels, start_s, duration_s) != (None, None, 0.0, None):
                raise InvalidArgumentError(
                    "Dataset takes a pipeline, or rate, channels, start_s and duration_s; put nodes that do this into "
                    "the pipeline: AudioResample, AudioMix, AudioDecode(start_s=...)"
                )
            self._runner = BatchRunner(pipeline, call="Dataset", strict=strict)
            checked = self._runner.pipeline
            plan = checked.validate()
            self._arrays = arrays_of(plan, functions_of(checked.manifest()))
            self._forms = {output["name"]: output.get("form", {}) for output in plan.outputs}

    def __len__(self) -> int:
        """The number of sources."""
        return len(self.sources)

    def __getitem__(self, index: int) -> Sample:
        """The sample of one source."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """The samples of several sources, which native threads decode at once."""
        torch = require("torch", "Dataset", "torch")
        # DataLoader calls this in the process that puts batches together.
        torch.utils.data._utils.collate.default_collate_fn_map[Sample] = collate
        sources = [self.sources[index] for index in indices]
        threads = take_slot(processes_here())
        if self._runner is None:
            loaded = decode_batch("Dataset", sources, **self._decoding, strict=self._strict, threads=threads)
            return [self._sample(each.source, {SOUND: [each.audio]}, each.error) for each in loaded]
        rows = self._runner.run(sources, threads=threads)
        return [self._sample(row.source, row.outputs, row.error) for row in rows]

    def _sample(self, source: Any, outputs: Any, error: Exception | None) -> Sample:
        value, rate = None, None
        if error is None:
            try:
                value, rate = _values_of(outputs, self._arrays, self.join)
            except InvalidArgumentError as raised:
                if self._strict:
                    raise
                error = raised
        if error is not None:
            value, rate = _values_of(dict.fromkeys(self._arrays, ()), self._arrays, self.join)
        sample = Sample(source, value, rate, text_of(error))
        sample.forms = self._forms
        return sample


def collate(samples: Sequence[Sample], *, collate_fn_map: Any = None) -> Batch:
    """Puts samples together: the `collate_fn` that DataLoader uses for them.

    `collate_fn_map` is what torch passes to such functions. Raises `InvalidArgumentError` for sounds of different rates
    and for tensors that differ in more than their length.
    """
    rates = {sample.rate: place for place, sample in reversed(list(enumerate(samples))) if sample.rate is not None}
    if len(rates) > 1:
        first, other = sorted(rates, key=lambda rate: rates[rate])[:2]
        raise InvalidArgumentError(
            f"sample {rates[other]} of the batch, {_named(samples[rates[other]])}, has {other} Hz, and those before it "
            f"have {first}; pass rate= to Dataset to have all of them alike"
        )
    values, lengths = _padded(samples, [sample.value for sample in samples], samples[0].forms)
    return Batch(
        [sample.source for sample in samples],
        values,
        lengths,
        next(iter(rates), _rate_in(samples[0].forms)),
        [each.error for each in samples],
    )


def _rate_in(forms: Mapping[str, Mapping[str, Any]]) -> int | None:
    """The rate of sound whatever the files are, if it is one."""
    rates = {form.get("rate") for form in forms.values() if form.get("kind") == "audio"}
    return rates.pop() if len(rates) == 1 else None


def _by_place(sources: Any) -> Sequence[Source]:
    """The sources as a sequence by their places; also a column of pandas, which looks numbers up in its index, and one
    of pyarrow, which has scalars. Raises `InvalidArgumentError` for what has no places.
    """
    has_places = hasattr(sources, "__getitem__") and not isinstance(sources, (str, bytes, Mapping))
    if not has_places or getattr(sources, "ndim", 1) != 1:
        raise InvalidArgumentError(
            "Dataset takes a sequence of sources, such as a list or a column of a table; write [source] or list(...)"
        )
    if hasattr(sources, "to_pylist"):
        return sources.to_pylist()  # type: ignore[no-any-return]
    return list(sources) if hasattr(sources, "iloc") else sources


def _values_of(outputs: Any, arrays: Mapping[str, bool | None], join: bool) -> tuple[Any, int | None]:
    """What came of the outputs named in `arrays`: a value, or a dict of several; and the rate, of audio."""
    if len(arrays) == 1:
        ((name, are_arrays),) = arrays.items()
        return _value_of(outputs[name], are_arrays, join)
    values = {name: _value_of(outputs[name], are_arrays, join) for name, are_arrays in arrays.items()}
    rates = {rate for _, rate in values.values() if rate is not None}
    return {name: value for name, (value, _) in values.items()}, rates.pop() if len(rates) == 1 else None


def _value_of(outputs: Any, are_arrays: bool | None, join: bool) -> tuple[Any, int | None]:
    """A tensor, None without any, or a list; and the rate, of audio. `are_arrays` says what is declared."""
    given = list(outputs)
    rates = {each.rate for each in given if isinstance(each, Audio)}
    tensors = [_tensor_of(each) for each in given]
    rate = next(iter(rates)) if len(rates) == 1 else None
    if not join:
        return [each if tensor is None else tensor for each, tensor in zip(given, tensors, strict=True)], rate
    if are_arrays is False or any(tensor is None for tensor in tensors):
        return given, rate
    if not tensors:
        return None, None
    if len(rates) > 1 or len({(tensor.shape[:-1], tensor.dtype) for tensor in tensors}) > 1:
        raise InvalidArgumentError(
            "the outputs of this file differ in more than their length, and can't be joined; pass join=False to have "
            "each of them"
        )
    return tensors[0] if len(tensors) == 1 else require("torch", "Dataset", "torch").cat(tensors, -1), rate


def _tensor_of(output: Any) -> Any:
    """The tensor of audio or an array; None of anything else."""
    if isinstance(output, Audio):
        samples = output.torch()
        return samples[0] if output.channels == 1 else samples
    numpy = imported("numpy")
    if isinstance(output, Tensor) or (numpy is not None and isinstance(output, numpy.ndarray)):
        from .._codec.array_libraries import to_torch

        tensor = to_torch(output, "Dataset")
        return tensor if tensor.ndim else tensor.reshape(1)
    return None


def _padded(samples: Sequence[Sample], values: list[Any], forms: Mapping[str, Mapping[str, Any]]) -> tuple[Any, Any]:
    """The values of a batch as one, and how long each is along the last axis. `forms` are those of what is missing."""
    torch = require("torch", "Dataset", "torch")
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, dict) for value in there):
        columns = {
            name: _padded(
                samples,
                [None if value is None else value.get(name) for value in values],
                {name: forms[name]} if name in forms else {},
            )
            for name in there[0]
        }
        return {name: each[0] for name, each in columns.items()}, {name: each[1] for name, each in columns.items()}
    if not all(isinstance(value, torch.Tensor) for value in there):
        return values, None
    lengths = torch.tensor([0 if value is None else value.shape[-1] for value in values])
    if not there:
        form = next(iter(forms.values()), {})
        dtype = getattr(torch, form.get("dtype", "float32"))
        return torch.zeros(len(values), *_sizes(form), 0, dtype=dtype), lengths
    first = there[0]
    batch = first.new_zeros((len(values), *first.shape[:-1], int(lengths.max())))
    for place, value in enumerate(values):
        if value is None:
            continue
        if value.shape[:-1] != first.shape[:-1] or value.dtype != first.dtype:
            raise InvalidArgumentError(
                f"sample {place} of the batch, {_named(samples[place])}, has the shape {tuple(value.shape)} of "
                f"{value.dtype}, and those before it {tuple(first.shape)} of {first.dtype}; only the last axis may "
                "differ: pass channels= to Dataset to have sounds alike"
            )
        batch[place, ..., : value.shape[-1]] = value
    return batch, lengths


def _named(sample: Sample) -> str:
    return "bytes" if isinstance(sample.source, (bytes, bytearray, memoryview)) else repr(sample.source)


def _sizes(form: Mapping[str, Any]) -> Sequence[int]:
    """The sizes of a tensor before its last axis, which is time, as far as they are known."""
    if "shape" in form:
        return cast("Sequence[int]", form["shape"][:-1])
    channels = form.get("channels")
    return () if channels in (None, 1) else (channels,)
