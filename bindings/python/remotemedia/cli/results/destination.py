"""One `-o`: a name for each input and each sink that it is for, and what is written there.

Audio is encoded by the runtime: a sink whose file is .wav, .flac or .opus gets an `AudioEncode` behind it.
"""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..._graph.function_node import node
from ..._graph.plan import Plan
from ..._manifest.catalog import node_types, type_name
from ..._media.file import at_home
from ..._results.outputs import Packet
from ...errors import InvalidArgumentError
from ...media import Audio, File
from ..arguments.inputs import Input
from ..arguments.names import FIELD, Template
from ..files.standard import require_stdout
from ..files.whole_file import is_written_into, leads_to_device
from .arrays import NoArray, npy
from .encoders import AUDIO, STDOUT, STDOUT_PATH, encode, write
from .records import ROWS, MakeRecords, document

FILES = frozenset(("bytes", "file"))
ARRAYS = ".npy"
SEGMENTS = frozenset(("SpeechSegments", "SileroVADNode"))
"""The types whose maps carry audio: each is a file of its own."""
ENDINGS = {
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/ogg; codecs=opus": ".opus",
    "video/mp4": ".mp4",
}


class Options(NamedTuple):
    """What holds for all destinations: `--format`, params of encoders, how records are made.

    `columns` are those of CSV, or None for the keys of all records. `reduced` is a function through which results pass
    before they are collected, or None. `staged` are templates by the `-o` that takes their results from there, as
    shards do.
    """

    format: str | None
    encoding: Mapping[str, Any]
    records: MakeRecords
    columns: Sequence[str] | None = None
    reduced: Any = None
    staged: Mapping[str, str] = {}


class Destination:
    """One `-o`, for some sinks.

    `shared` is the file that holds the records of all inputs, or None; "-" is stdout. `is_device` tells that its name
    leads to a pipe or a device, or to a file that is open, which is written into like one. `kept` are the files that
    must not be replaced, with what they are, `written` those that this run has written by whatever `-o`. Raises
    `InvalidArgumentError` for a name with unknown fields, and for one that the results don't suit.
    """

    def __init__(
        self,
        option: str,
        output: str,
        sinks: Sequence[str],
        plan: Plan,
        options: Options,
        kept: Mapping[str, str],
        written: set[str],
    ) -> None:
        self.option, self.sinks, self.plan, self.options, self.kept = option, sinks, plan, options, kept
        self.written = written
        by_id = {node["id"]: node for node in plan.nodes}
        ends = [(each["name"], *each["from"].rpartition(".")) for each in plan.outputs]
        # A node without ports is all of its end.
        self.nodes = {name: by_id[node or port] for name, node, _, port in ends}
        self.ports = {name: port for name, _, _, port in ends}
        self.is_stdout = output == STDOUT
        if output in (STDOUT, STDOUT_PATH):
            require_stdout()
        if not output:
            raise InvalidArgumentError(f"{option}: the name is empty; write a file, a folder, or - for stdout")
        form = "" if options.format is None else f".{options.format}"
        self._given = output
        output = at_home(options.staged.get(output, output))
        by_name = os.path.splitext(output.lower())[1]
        self.is_device = not self.is_stdout and is_written_into(output)
        is_named = by_name or self.is_device or FIELD.search(output)
        self.is_folder = not self.is_stdout and (os.path.isdir(output) or output.endswith("/") or not is_named)
        if self.is_folder:
            self._check_folder(output)
            output = os.path.join(output, "{stem}" if len(sinks) == 1 else "{stem}.{sink}")
        elif self.is_stdout:
            self._check_stdout(form)
        elif form and by_name != form and (by_name or not self.is_device):
            raise InvalidArgumentError(f"{option}: the name ends in {by_name or 'nothing'}, --format is {form[1:]}")
        has_no_name = self.is_stdout or (self.is_device and not by_name)
        self.ending = form or ("" if self.is_folder else self._usual() if has_no_name else by_name)
        self.template = Template(option, output)
        self.shared = output if self.ending in ROWS and not self.is_folder and not self.template.fields else None
        self.spans: dict[str, tuple[float, float]] = {}
        """Start and end of each segment that was cut, by its file, in seconds; of staged ones only."""
        self.is_staged = output in options.staged.values()
        self.encoded = {sink: ending for sink in sinks if (ending := self._audio_ending(sink)) is not None}
        self.cut = {sink for sink in sinks if self._is_segments(sink) and self.ending in AUDIO}
        self._check_kinds()

    @property
    def takes_all(self) -> bool:
        """Whether it is no file of its own but stdout, a pipe or a device, which takes whatever comes."""
        return self.is_stdout or self.is_device

    @property
    def place(self) -> str:
        """Where its results are, for people."""
        if self.is_stdout:
            return "stdout"
        if self.template.fields:
            folder = os.path.dirname(self.template.pattern.partition("{")[0])
            return os.path.join(folder or ".", "")
        return self.template.pattern

    def path(self, source: Input, index: int, sink: str, number: int = 1) -> str:
        """The file for an input and a sink, in a folder without its ending unless the runtime encodes it.

        Raises `InvalidArgumentError` for audio whose name ends in `{name}`, if that brings in another format's ending.
        """
        if self.is_stdout:
            return STDOUT
        path = self.template.fill(source, self.plan.name, index, sink, number)
        if self.template.pattern.endswith("{name}") and self.kinds(sink) == {"audio"}:
            self._check_ending_of_input(path)
        return path + self.encoded[sink] if self.is_folder and sink in self.encoded else path

    def names(self, path: str, sink: str) -> list[str]:
        """The names that a path may get for a sink, as far as they are known before there are results."""
        if not self.is_folder or sink in self.encoded:
            return [path]
        if sink in self.cut:
            return [f"{path}-1{self.ending}"]
        return [path + ending for ending in ((self.ending,) if self.ending else (ROWS[0], ARRAYS))]

    async def write(self, packets: Sequence[Packet], source: Input, index: int, sink: str) -> list[str]:
        """Writes what came out of a sink for one input into files of its own; returns their names."""
        path = self.path(source, index, sink)
        values = [packet.value for packet in packets]
        if self.ending in ROWS:
            records = self.options.records(packets, sink, source.name)
            data = document(records, self.ending, self.options.columns)
            return self.put(path + (self.ending if self.is_folder else ""), data)
        if self.ending == ARRAYS or (self.is_folder and values and all(_is_array(value) for value in values)):
            return self._write_arrays(values, source, index, sink)
        if values and all(isinstance(value, (File, bytes)) for value in values):
            return self._write_files(values, source, index, sink)
        if values and all(isinstance(value, Audio) for value in values):
            ending = self.ending or AUDIO[0]
            if self.is_folder:
                return await self._encode(values, path + ending, ending)
            # A field may bring in an ending, as the stem of `a.flac.wav` and the name of `a.flac` do.
            by_name = os.path.splitext(path.lower())[1]
            return await self._encode(values, path, by_name if not self.ending and by_name in AUDIO else ending)
        if self.is_folder:
            return self.put(f"{path}.jsonl", document(self.options.records(packets, sink, source.name), ".jsonl"))
        if not values:
            return []
        raise InvalidArgumentError(
            f"{self.option}: node {sink!r} gave values that are no files; end the name in .jsonl or .csv"
        )

    def _check_folder(self, path: str) -> None:
        """Refuses to make a folder where something else is."""
        try:
            mode = os.stat(path).st_mode
        except OSError:
            return
        if not stat.S_ISDIR(mode):
            what = "a socket" if stat.S_ISSOCK(mode) else "a file"
            raise InvalidArgumentError(
                f"{self.option}: {path!r} is {what}, and a name without an ending is that of a folder; choose another"
            )

    def _write_files(self, values: Sequence[Any], source: Input, index: int, sink: str) -> list[str]:
        names = []
        for number, value in enumerate(values, 1):
            path = self.path(source, index, sink, number)
            if self.is_folder and sink not in self.encoded:
                path += (f"-{number}" if len(values) > 1 else "") + self._ending_of(value, sink)
            data = value.data if isinstance(value, File) else value
            if data is None:
                with open(value.path, "rb") as file:
                    data = file.read()
            names += self.put(path, data)
        return names

    def cutter(self, source: Input, index: int, sink: str, names: list[str]) -> Any:
        """A node that writes each segment as it comes, so that a long recording takes no memory; adds to `names`."""
        numbers = itertools.count(1)

        @node
        async def cut(segment: dict[str, Any]) -> None:
            number = next(numbers)
            path = self.path(source, index, sink, number)
            path += f"-{number}{self.ending}" if self.is_folder else ""
            names.extend(await self._encode([segment["audio"]], path, self.ending))
            if self.is_staged:
                self.spans[path] = (segment["start_s"], segment["end_s"])

        return cut

    async def _encode(self, chunks: Sequence[Audio], path: str, ending: str) -> list[str]:
        self.claim(path)
        await encode(chunks, path, ending, self.options.encoding)
        return self.files(path)

    def _write_arrays(self, values: Sequence[Any], source: Input, index: int, sink: str) -> list[str]:
        """Writes one array, or with `{n}` in the name one for each value."""
        names = []
        groups = [[value] for value in values] if "n" in self.template.fields else [values]
        for number, group in enumerate(groups, 1):
            try:
                parts = list(npy(group, is_one="n" in self.template.fields))
            except NoArray as error:
                hint = "put {n} into the name, which gives each a file" if all(map(_is_array, group)) and group else ""
                hint = hint or "end the name in .jsonl or .csv"
                raise InvalidArgumentError(f"{self.option}: node {sink!r} gave {error}; {hint}") from None
            path = self.path(source, index, sink, number) + (ARRAYS if self.is_folder else "")
            names += self.put(path, b"".join(parts))
        return names

    def put(self, path: str, data: Any) -> list[str]:
        """Writes a file, or what goes to stdout, a pipe or a device; returns `files`."""
        self.claim(path)
        write(path, data)
        return self.files(path)

    def files(self, path: str) -> list[str]:
        """A list of this path, if a file of this run is there once it is written."""
        return [] if self.takes_all else [path]

    def claim(self, path: str) -> None:
        """Takes a name that this run has not used."""
        place = os.path.realpath(path)
        if place in self.written and not self.takes_all:
            hint = "rename an input" if self.is_folder else "put {n}, the number of the value, into the name"
            raise InvalidArgumentError(f"{self.option}: {path!r} is there from this run already; {hint}")
        self.keep_input(path)
        self.written.add(place)

    def keep_input(self, path: str) -> str:
        """Refuses a name that is an input, the manifest, or another file that is to stay. Returns where it leads."""
        place = os.path.realpath(path)
        what = self.kept.get(place)
        if what is not None and not leads_to_device(path):
            raise InvalidArgumentError(f"{self.option}: {path!r} is {what} and would be replaced; choose another name")
        return place

    def _check_stdout(self, form: str) -> None:
        if len(self.sinks) > 1 and form not in ROWS:
            form = form or self._usual()
            if form not in ROWS:
                names = " and ".join(map(repr, self.sinks))
                raise InvalidArgumentError(f"{self.option}: nodes {names} would share stdout; take one: -o NODE=-")
        if (form or self._usual()) not in ROWS and sys.stdout.isatty():
            raise InvalidArgumentError(f"{self.option}: the terminal can't show what is no text; -o FILE, or a pipe")

    def _usual(self) -> str:
        """The ending of what goes to stdout, by what the sinks give."""
        kinds = frozenset[str]().union(*(self.kinds(sink) for sink in self.sinks))
        if kinds == {"audio"}:
            return AUDIO[0]
        if kinds == {"tensor"}:
            return ARRAYS
        return "" if kinds <= FILES else ROWS[0]

    def _check_kinds(self) -> None:
        for sink in self.sinks if self.ending == ".csv" else ():
            if self.kinds(sink) <= {"audio", "tensor"}:
                given = " or ".join(sorted(self.kinds(sink)))
                raise InvalidArgumentError(
                    f"{self.option}: {self._what(sink)} {sink!r} gives {given}, which has no place in a row; "
                    "end the name in .npy or .jsonl"
                )
        if self.ending not in (*AUDIO, ARRAYS):
            if self.ending and not self.is_folder and self.ending not in ROWS:
                self._check_unknown()
            return
        what = "audio" if self.ending in AUDIO else "array"
        good = {"audio", *FILES} if self.ending in AUDIO else {"audio", "tensor", "int", "float", "bool"}
        for sink in self.sinks:
            kinds, made = self.kinds(sink), self._format(sink)
            if sink in self.cut:
                if not self.is_folder and "n" not in self.template.fields:
                    raise InvalidArgumentError(
                        f"{self.option}: each segment is a file of its own; put {{n}}, its number, into the name"
                    )
                continue
            if not kinds & good and not self.is_folder:
                given, named = " or ".join(sorted(kinds)), f"{self._what(sink)} {sink!r}"
                others = [each for each in self.sinks if self.kinds(each) & good]
                cures = [] if self.is_staged else ["end the name in .jsonl or .csv"]
                cures += [f"-o {others[0]}={self._given} is for {others[0]!r} alone"] if others else []
                raise InvalidArgumentError(f"{self.option}: {named} gives {'; '.join([f'{given}, no {what}', *cures])}")
            if made not in (None, self.ending) and not self.is_folder:
                cure = f"shards hold {self.ending}" if self.is_staged else f"end the name in {made}"
                raise InvalidArgumentError(f"{self.option}: {self._what(sink)} {sink!r} makes {made} files; {cure}")

    def _check_ending_of_input(self, path: str) -> None:
        """Refuses a name with the ending of its input, if no encoder is for that: the format would be another one."""
        ending = os.path.splitext(path.lower())[1]
        if ending and ending not in AUDIO:
            raise InvalidArgumentError(
                f"{self.option}: there is no encoder for {ending}, in which {path!r} ends; "
                f"write {{stem}} and one of {', '.join(AUDIO)} behind it"
            )

    def _check_unknown(self) -> None:
        """Refuses an ending that no result gets, unless a sink may give files, which are written as they are."""
        for sink in self.sinks:
            kinds = self.kinds(sink)
            if kinds & FILES:
                continue
            if kinds == {"audio"} or self._is_segments(sink):
                other = ARRAYS if kinds == {"audio"} else ".jsonl"
                raise InvalidArgumentError(
                    f"{self.option}: there is no encoder for {self.ending}; "
                    f"end the name in {', '.join(AUDIO)} or {other}"
                )
            cure = ARRAYS if kinds == {"tensor"} else ".jsonl or .csv"
            raise InvalidArgumentError(
                f"{self.option}: {self._what(sink)} {sink!r} gives {' or '.join(sorted(kinds))}, no file; "
                f"end the name in {cure}"
            )

    def _audio_ending(self, sink: str) -> str | None:
        """The ending of the audio file that a sink's results become; None if they are none, or files already."""
        kinds = self.kinds(sink)
        if self.is_folder:
            return (self.ending or AUDIO[0]) if kinds == {"audio"} and self.ending in ("", *AUDIO) else None
        return self.ending if self.ending in AUDIO and "audio" in kinds else None

    def kinds(self, sink: str) -> frozenset[str]:
        """The kinds of values that a sink may give: those of its port."""
        described = node_types().get(type_name(self.nodes[sink]["node_type"]))
        if described is None:
            # A Python function.
            return frozenset(("audio", "tensor", "map", "float", *FILES))
        ports = [port for port in described["outputs"] if port["name"] == self.ports[sink]]
        return frozenset(kind for port in ports for kind in port["kinds"])

    def _is_segments(self, sink: str) -> bool:
        described = node_types().get(type_name(self.nodes[sink]["node_type"]))
        if described is None or described["name"] not in SEGMENTS:
            return False
        return bool(described["outputs"][0]["name"] == self.ports[sink])

    def _what(self, sink: str) -> str:
        """What the name of a sink is the name of."""
        return "node" if self.nodes[sink]["id"] == sink else "output"

    def _format(self, sink: str) -> str | None:
        """The ending of the files that a sink makes, if its params tell."""
        params = self.nodes[sink]["params"]
        if not self.kinds(sink) <= FILES:
            return None
        made = params.get("format") or os.path.splitext(str(params.get("path", "")))[1].lower().removeprefix(".")
        return f".{made}" if made else None

    def _ending_of(self, value: Any, sink: str) -> str:
        by_name = os.path.splitext(value.path or "")[1] if isinstance(value, File) else ""
        by_type = ENDINGS.get(value.mime or "", "") if isinstance(value, File) else ""
        return by_name or by_type or self._format(sink) or ".bin"


def _is_array(value: Any) -> bool:
    return not isinstance(value, Audio) and hasattr(value, "__array_interface__")
