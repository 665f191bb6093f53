"""Results as shards: archives of so many samples each, which appear when they are whole.

The runtime encodes each sample into a file of a hidden folder beside the shards; samples go into the open shard in the
order of the inputs, and those of one input stay together. The rows of the index wait until their shard is there, and
are written right behind it. So a shard with rows is whole, one without them is of another index or of a run that was
killed just then, and a run that goes on begins behind the last one. The hidden folder also tells other runs that this
one is there.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import os
import re
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import IO, Any

from ..._media.file import to_text
from ...errors import InvalidArgumentError
from ..arguments.inputs import Input, Key
from ..files.leftovers import hold, is_written, remove_parts
from ..files.whole_file import whole
from .audio_header import read_header
from .records import json_text
from .rows import key_of, title_of, with_names
from .shard_formats import FORMATS, Sample, Shar, ShardFormat

SIZE = 1000
AUDIO = (".flac", ".opus")
STAGING = ".shards-"
Record = Callable[[Sequence[dict[str, Any]]], None]
"""Writes the rows of a shard that is there."""


class Shards:
    """The shards of a run: of a format of `FORMATS`, with `size` samples each, below the `-o` that `output` is.

    `staged` is the template under which the runtime writes samples. Raises `InvalidArgumentError` for a name that the
    format can't have.
    """

    def __init__(self, form: str, size: int, output: str, ending: str, inputs: Sequence[Input]) -> None:
        self.option, self.size = f"-o {output}", size
        self.format: ShardFormat = FORMATS[form](self.option, output)
        # Other shards of the folder have other names.
        name = os.path.basename(self.format.tar(0))
        self._digest = sha256(os.fsencode(name)).hexdigest()[:8]
        self.staging = os.path.join(self.format.folder, f"{STAGING}{self._digest}-{os.getpid()}")
        self.staged = os.path.join(self.staging, f"{{index}}-{{n}}{ending}")
        self._inputs, self._keys = inputs, _keys(inputs, {})
        self._used: set[int] = set()
        self._rows: list[dict[str, Any]] = []
        self._open: _OpenShard | None = None
        self._left: list[str] = []
        self._keeps_staging = False
        self._lock: int | None = None
        """The open folder of samples, by whose lock others see that this run is there."""

    @property
    def place(self) -> str:
        """Where the shards are, for people."""
        return os.path.join(self.format.folder or ".", "")

    def without_staging(self, message: str) -> str:
        """A message in which a file of the hidden folder is called by where the shards are."""
        place = to_text(self.place)
        return re.sub(rf"{re.escape(to_text(self.staging))}(/[0-9-]+\.\w+)?", lambda _: place, message)

    def check(self, index: str | None, *, resume: bool) -> None:
        """Refuses shards that are there, and an index that Lhotse would take for a part of them."""
        numbers = [] if resume else self.format.numbers()
        if numbers:
            raise InvalidArgumentError(
                f"{self.option}: {self.format.tar(numbers[0])!r} is there already; continue by --index FILE --resume, "
                "or remove the shards"
            )
        folder = os.path.realpath(self.format.folder or ".")
        if index is not None and isinstance(self.format, Shar) and os.path.dirname(os.path.realpath(index)) == folder:
            raise InvalidArgumentError(
                f"--index {index}: Lhotse takes each file of that folder for data; choose another"
            )

    def begin(self, *, resume: bool) -> None:
        """Takes the shards for this run. Raises `InvalidArgumentError` if another one writes them."""
        self._left = [path for path, process in self._stagings() if not is_written(path, process)]
        # Who is refused may come again, and has to find what the killed run left.
        self._keeps_staging = resume and bool(self._left)
        # In another container a process may have this number too.
        if self.staging in self._left or not os.path.lexists(self.staging):
            shutil.rmtree(self.staging, ignore_errors=True)
            os.makedirs(self.staging)
            self._lock = os.open(self.staging, os.O_RDONLY)
            hold(self._lock, self.staging)
        # Behind its own, so that of two that begin at once one sees the other.
        for path, process in self._stagings():
            if self._lock is not None and path == self.staging:
                continue
            if path == self.staging or (path.endswith(f"{self._digest}-{process}") and is_written(path, process)):
                raise InvalidArgumentError(
                    f"{self.option}: process {process} writes these shards; wait for its end, or remove {path!r} "
                    "if it is another program"
                )

    def stale(
        self, rows: Sequence[Mapping[str, Any]], changed: Collection[Mapping[str, Any]], inputs: Collection[Key]
    ) -> set[int]:
        """The shards that must be made again: those of inputs that changed, and those of which a file is gone.

        `rows` are those of inputs that are done. Raises `InvalidArgumentError` if these `inputs` are not enough for it,
        and for a shard that no row has.
        """
        used = _shards_of(rows)
        stale = {number for number in used if not all(map(os.path.exists, self._paths(number)))} | _shards_of(changed)
        absent = [row for row in rows if row.get("shard") in stale and key_of(row) not in inputs]
        if absent:
            number = min(_shards_of(absent))
            names = [title_of(row) for row in absent if row["shard"] == number]
            raise InvalidArgumentError(
                f"{self.option}: {self.format.tar(number)!r} is to be made again, and {len(names)} of its inputs "
                f"{'is' if len(names) == 1 else 'are'} not named, such as {names[0]!r}; name all inputs, or remove the "
                "shards and the index"
            )
        known = used | stale
        if self._left:
            # A run that is killed just then leaves one without rows.
            known.add(_first_free(known))
        unknown = [number for number in self.format.numbers() if number not in known]
        if unknown:
            raise InvalidArgumentError(
                f"{self.option}: no row of the index has {self.format.tar(unknown[0])!r}; name the index that it was "
                "made with, or remove the shards that have no row"
            )
        return stale

    def resume(self, rows: Sequence[Mapping[str, Any]], stale: set[int]) -> None:
        """Goes on behind the shards that rows have. Removes stale ones, and what a killed run left."""
        self._keeps_staging = False
        used = _shards_of(rows)
        there = (row for row in rows if row.get("key") is not None)
        self._keys = _keys(self._inputs, {key_of(row): row["key"] for row in there})
        for number in (*stale, _first_free(used | stale)):
            self._remove(number)
        self._used = used - stale
        remove_parts(self._paths(0))
        for path in self._left:
            if path != self.staging:
                shutil.rmtree(path, ignore_errors=True)

    def add(
        self,
        source: Input,
        row: dict[str, Any],
        spans: Mapping[str, tuple[float, float]],
        known: Mapping[str, Any],
        record: Record,
    ) -> None:
        """Puts the samples of an input, the staged files of its row, into the shard, and records rows that are final.

        `spans` are start and end of each file that is a segment, in seconds; `known` is what else an input has.
        """
        self._rows.append(row)
        shard = self._open
        files: list[str] = row["files"]
        staged: list[str] = []
        row["files"] = []
        for path in files:
            (staged if os.path.dirname(path) == self.staging else row["files"]).append(path)
        for number, path in enumerate(staged, 1):
            if shard is None:
                shard = self._open = _OpenShard(self.format, self._next())
            shard.add(self._sample(source, path, number, spans.get(path), known))
            os.unlink(path)
        if shard is not None:
            row |= {"shard": shard.number, "key": self._keys[source.key]}
            row["files"].append(self.format.tar(shard.number))
        if shard is not None and shard.count >= self.size:
            self._commit(record)

    def end(self, record: Record) -> None:
        """Ends the last shard, and records the rows that are final by it."""
        self._commit(record)
        path = self.format.whole_table()
        if path is not None:
            with whole(path, synced=True) as file:
                for number in sorted(self._used):
                    with open(str(self.format.table(number)), "rb") as table:
                        shutil.copyfileobj(table, file)

    def close(self) -> None:
        """Removes what is not whole."""
        if self._open is not None:
            self._open.discard()
        if self._lock is None:
            return
        if not self._keeps_staging:
            shutil.rmtree(self.staging, ignore_errors=True)
        os.close(self._lock)
        self._lock = None

    def _commit(self, record: Record) -> None:
        rows, self._rows = self._rows, []
        if self._open is None:
            record(rows)
            return
        number = self._open.number
        try:
            self._open.commit()
            record(rows)
        except BaseException:
            # Nothing could tell it from one of another index.
            self._remove(number)
            raise
        self._used.add(number)
        self._open = None

    def _sample(
        self, source: Input, path: str, number: int, span: tuple[float, float] | None, known: Mapping[str, Any]
    ) -> Sample:
        header = read_header(path)
        facts: dict[str, Any] = {**with_names(source.names, to_text), "duration": header.duration}
        facts |= {"sample_rate": header.rate, "channels": header.channels}
        key = self._keys[source.key]
        if span is not None:
            key += f"-{number}"
            facts |= {"start_s": span[0], "end_s": span[1]}
        text = next((value for value in known.get("last", {}).values() if isinstance(value, str)), None)
        return Sample(key, path, header, {**facts, **known}, text)

    def _next(self) -> int:
        return _first_free(self._used)

    def _remove(self, number: int) -> None:
        for path in self._paths(number):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _stagings(self) -> list[tuple[str, int]]:
        """The hidden folders of runs that make these shards, each with its process. Earlier ones have no digest."""
        name = re.compile(rf"{re.escape(STAGING)}({self._digest}-)?([0-9]+)")
        with contextlib.suppress(FileNotFoundError):
            found = [(each, name.fullmatch(each)) for each in os.listdir(self.format.folder or ".")]
            return [(os.path.join(self.format.folder, each), int(match[2])) for each, match in found if match]
        return []

    def _paths(self, number: int) -> list[str]:
        table = self.format.table(number)
        return [self.format.tar(number)] + ([] if table is None else [table])


class _OpenShard:
    """A shard in the making: its tar, and the lines of its table."""

    def __init__(self, form: ShardFormat, number: int) -> None:
        self.number, self.count = number, 0
        self._format = form
        self._files = contextlib.ExitStack()
        file: IO[bytes] = self._files.enter_context(whole(form.tar(number), synced=True))
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - see commit
        self._lines: list[str] = []

    def add(self, sample: Sample) -> None:
        with open(sample.path, "rb") as audio:
            self._put(sample.name, audio, os.fstat(audio.fileno()).st_size)
        beside = self._format.beside(sample)
        if beside is not None:
            data = json_text(beside).encode()
            self._put(f"{sample.key}.json", io.BytesIO(data), len(data))
        self._lines.append(f"{json_text(self._format.line(sample, self.number))}\n")
        self.count += 1

    def commit(self) -> None:
        """Gives the files their names: the tar first, so that what lists it never lists what is not there."""
        self._tar.close()
        self._files.close()
        path = self._format.table(self.number)
        if path is None:
            return
        data = "".join(self._lines).encode()
        with whole(path, synced=True) as file:
            # No time and no name in the header: the same samples are the same bytes.
            file.write(gzip.compress(data, mtime=0) if path.endswith(".gz") else data)

    def discard(self) -> None:
        self._files.__exit__(_Discarded, _Discarded(), None)

    def _put(self, name: str, file: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size
        self._tar.addfile(entry, file)


class _Discarded(Exception):
    """Ends the block in which a shard is written, so that nothing of it stays."""


def _keys(inputs: Sequence[Input], known: Mapping[Key, str]) -> dict[Key, str]:
    """A key for each input: its path without its ending, in one name without dots, which tools take for endings.

    Those of inputs that would have the same one have a hash of all names behind it. `known` are the keys of inputs,
    perhaps of other commands, whose samples are there: they keep them.
    """
    keys = {
        each.key: re.sub(r"[/\\.\x00-\x1f\ud800-\udfff]", "_", to_text(os.path.splitext(each.relative)[0]))
        for each in inputs
    }
    counts, there = Counter(keys.values()), set(known.values())
    taken = {key for key, count in counts.items() if count == 1} | there
    for each in inputs:
        if each.key in known:
            keys[each.key] = known[each.key]
        elif counts[keys[each.key]] > 1 or keys[each.key] in there:
            names = each.key if isinstance(each.key, tuple) else (each.key,)
            digest = sha256(b"\0".join(os.fsencode(name or "") for name in names)).hexdigest()
            key = f"{keys[each.key]}_{digest[:8]}"
            # Another input may be called like this.
            free = itertools.chain([key], (f"{key}_{number}" for number in itertools.count(2)))
            keys[each.key] = next(name for name in free if name not in taken)
            taken.add(keys[each.key])
    return keys


def _shards_of(rows: Iterable[Mapping[str, Any]]) -> set[int]:
    return {row["shard"] for row in rows if row.get("shard") is not None}


def _first_free(used: Collection[int]) -> int:
    return next(number for number in range(len(used) + 1) if number not in used)
