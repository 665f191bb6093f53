"""Results as shards: archives of so many samples each, which appear when they are whole.

The runtime encodes each sample into a file of a hidden folder beside the shards; samples go into the open shard in the
order of the inputs, and those of one input stay together. The rows of the index wait until their shard is there. So a
shard with rows is whole, and a run that goes on begins behind the last one.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import IO, Any

from ..errors import InvalidArgumentError
from .audio_header import read_header
from .inputs import Input
from .leftovers import is_running, remove_parts
from .records import json_text
from .shard_formats import FORMATS, Sample, Shar, ShardFormat
from .whole_file import whole

SIZE = 1000
AUDIO = (".flac", ".opus")
STAGING = ".shards-"


class Shards:
    """The shards of a run: of a format of `FORMATS`, with `size` samples each, below the `-o` that `output` is.

    `staged` is the template under which the runtime writes samples. Raises `InvalidArgumentError` for a name that the
    format can't have.
    """

    def __init__(self, form: str, size: int, output: str, ending: str, inputs: Sequence[Input]) -> None:
        self.option, self.size = f"-o {output}", size
        self.format: ShardFormat = FORMATS[form](self.option, output)
        self.staging = os.path.join(self.format.folder, f"{STAGING}{os.getpid()}")
        self.staged = os.path.join(self.staging, f"{{index}}-{{n}}{ending}")
        self._keys = _keys(inputs)
        self._used: set[int] = set()
        self._rows: list[dict[str, Any]] = []
        self._open: _OpenShard | None = None

    @property
    def place(self) -> str:
        """Where the shards are, for people."""
        return os.path.join(self.format.folder or ".", "")

    def check(self, index: str | None, *, resume: bool) -> None:
        """Refuses shards that are there, and an index that Lhotse would take for a part of them."""
        first = self.format.tar(0)
        if not resume and os.path.exists(first):
            raise InvalidArgumentError(
                f"{self.option}: {first!r} is there already; continue by --index FILE --resume, or remove the shards"
            )
        folder = os.path.realpath(self.format.folder or ".")
        if index is not None and isinstance(self.format, Shar) and os.path.dirname(os.path.realpath(index)) == folder:
            raise InvalidArgumentError(
                f"--index {index}: Lhotse takes each file of that folder for data; choose another"
            )

    def stale(self, rows: Iterable[Mapping[str, Any]], changed: Iterable[Mapping[str, Any]]) -> set[int]:
        """The shards that must be made again: those of inputs that changed, and those whose file is gone."""
        found = {row["shard"] for row in rows if row.get("shard") is not None}
        gone = {number for number in found if not os.path.exists(self.format.tar(number))}
        return gone | {row["shard"] for row in changed if row.get("shard") is not None}

    def resume(self, rows: Iterable[Mapping[str, Any]], stale: Iterable[int]) -> None:
        """Goes on behind the shards that rows have. Removes stale ones, and what a killed run left."""
        self._used = {row["shard"] for row in rows if row.get("shard") is not None}
        # The one that was whole when the run was killed may have no rows yet.
        for number in (*stale, self._next()):
            for path in self._paths(number):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        remove_parts(self._paths(0))
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.format.folder or "."):
                process = name.removeprefix(STAGING)
                if process != name and process.isdecimal() and not is_running(int(process)):
                    shutil.rmtree(os.path.join(self.format.folder, name), ignore_errors=True)

    def add(
        self, source: Input, row: dict[str, Any], spans: Mapping[str, tuple[float, float]], known: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Puts the samples of an input, the files of its row, into the shard. Returns the rows that are now final.

        `spans` are start and end of each file that is a segment, in seconds; `known` is what else an input has.
        """
        self._rows.append(row)
        shard = self._open
        for number, path in enumerate(row["files"], 1):
            if shard is None:
                shard = self._open = _OpenShard(self.format, self._next())
            shard.add(self._sample(source, path, number, spans.get(path), known))
            os.unlink(path)
        row["files"] = []
        if shard is not None:
            row["shard"] = shard.number
            row["files"] = [self.format.tar(shard.number)]
        return self._commit() if shard is not None and shard.count >= self.size else []

    def end(self) -> list[dict[str, Any]]:
        """Ends the last shard; returns the rows that are final by it."""
        rows = self._commit()
        path = self.format.whole_table()
        if path is not None:
            with whole(path) as file:
                for number in sorted(self._used):
                    with open(str(self.format.table(number)), "rb") as table:
                        shutil.copyfileobj(table, file)
        return rows

    def close(self) -> None:
        """Removes what is not whole."""
        if self._open is not None:
            self._open.discard()
        shutil.rmtree(self.staging, ignore_errors=True)

    def _commit(self) -> list[dict[str, Any]]:
        rows, self._rows = self._rows, []
        if self._open is not None:
            self._open.commit()
            self._used.add(self._open.number)
            self._open = None
        return rows

    def _sample(
        self, source: Input, path: str, number: int, span: tuple[float, float] | None, known: Mapping[str, Any]
    ) -> Sample:
        header = read_header(path)
        facts: dict[str, Any] = {"input": source.name, "duration": header.duration}
        facts |= {"sample_rate": header.rate, "channels": header.channels}
        key = self._keys[source.name]
        if span is not None:
            key += f"-{number}"
            facts |= {"start_s": span[0], "end_s": span[1]}
        text = next((value for value in known.get("last", {}).values() if isinstance(value, str)), None)
        return Sample(key, path, header, {**facts, **known}, text)

    def _next(self) -> int:
        return next(number for number in range(len(self._used) + 1) if number not in self._used)

    def _paths(self, number: int) -> list[str]:
        table = self.format.table(number)
        return [self.format.tar(number)] + ([] if table is None else [table])


class _OpenShard:
    """A shard in the making: its tar, and the lines of its table."""

    def __init__(self, form: ShardFormat, number: int) -> None:
        self.number, self.count = number, 0
        self._format = form
        self._files = contextlib.ExitStack()
        file: IO[bytes] = self._files.enter_context(whole(form.tar(number)))
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
        with whole(path) as file:
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


def _keys(inputs: Sequence[Input]) -> dict[str | None, str]:
    """A key for each input: its path without its ending, in one name without dots, which tools take for endings."""
    keys = {
        each.name: re.sub(r"[/\\.\x00-\x1f\ud800-\udfff]", "_", os.path.splitext(each.relative)[0]) for each in inputs
    }
    counts = Counter(keys.values())
    return {
        each.name: keys[each.name]
        if counts[keys[each.name]] == 1
        else f"{keys[each.name]}_{sha256(os.fsencode(each.relative)).hexdigest()[:8]}"
        for each in inputs
    }
