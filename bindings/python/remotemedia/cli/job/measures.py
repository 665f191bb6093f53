"""What `--measure` measures of an input, behind its decoder, while the audio passes: columns of the index.

The nodes stand beside those of the user's graph, which they change nothing of. One more measure is one more line of
`MEASURES`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..._graph.function_node import node
from ..._graph.plan import Plan
from ..._manifest.catalog import type_name
from ...errors import InvalidArgumentError
from ...media import Audio
from ..arguments.parser import meant

DECODERS = frozenset(("AudioDecode", "AudioDecodeNode"))
DURATION = "duration"


class Measure(NamedTuple):
    """A node behind the decoder, and the columns that its last map fills: the key in the map by the column's name.

    Audio below `least_rate`, in Hz, which the node would refuse, does not get there.
    """

    node_type: str
    columns: Mapping[str, str]
    least_rate: int


MEASURES = {
    "loudness": Measure("Loudness", {"loudness_lufs": "integrated_lufs", "true_peak_dbtp": "true_peak_dbtp"}, 3400),
    "speech": Measure("SpeechRatio", {"speech_ratio": "speech_ratio"}, 1000),
    "snr": Measure("SNREstimate", {"snr_db": "snr_db"}, 1000),
}
"""What `--measure` knows beside the duration, which is always measured."""


def measures_of(text: str | None) -> list[str]:
    """The words of `--measure`, each once. Raises `InvalidArgumentError`."""
    words = list(dict.fromkeys(word.strip() for word in (text or DURATION).split(",")))
    known = [DURATION, *MEASURES]
    for word in words:
        if word not in known:
            near = meant(word, known)
            hint = f"the measures are {', '.join(known)}" if near is None else f"did you mean {near!r}?"
            raise InvalidArgumentError(f"--measure {text}: there is no measure {word!r}; {hint}")
    return [word for word in words if word != DURATION]


def check_measures(words: list[str], plan: Plan) -> None:
    """Raises `InvalidArgumentError` for a graph in which nothing can be measured."""
    if words and not decoders(plan):
        raise InvalidArgumentError(f"--measure {','.join(words)}: the graph has no AudioDecode whose audio it could be")


def column_names(words: list[str]) -> list[str]:
    """The columns that these measures fill, beside the duration."""
    return [name for word in words for name in MEASURES[word].columns]


def columns_of(rows: Iterable[Mapping[str, Any]], words: list[str]) -> list[str]:
    """The columns of these measures, and those that rows of an index have of others that it was made with."""
    there = set[str]().union(*rows)
    others = [name for name in column_names(list(MEASURES)) if name in there]
    return list(dict.fromkeys([*column_names(words), *others]))


class Measured:
    """What is measured of one input: behind its longest decoder the duration, behind its first one everything else."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._frames: list[Counter[int]] = []
        """How many came out of each decoder, by their rate."""
        self._last: dict[str, Any] = {}

    @property
    def seconds(self) -> float | None:
        """How much audio there was; None without a decoder."""
        return max((math.fsum(count / rate for rate, count in each.items()) for each in self._frames), default=None)

    def add_to(self, manifest: dict[str, Any], plan: Plan) -> None:
        """Puts the nodes into a manifest."""
        taken = {entry["id"] for entry in manifest["nodes"]}
        found = decoders(plan)
        for decoder in found:
            _add(manifest, taken, decoder, f"{decoder}_length", {"node_type": self._counter()})
        for word in self._words if found else ():
            measure, name = MEASURES[word], f"{found[0]}_{word}"
            gate = _add(manifest, taken, found[0], f"{name}_rate", {"node_type": _gate(measure)})
            name = _add(manifest, taken, gate, name, {"node_type": measure.node_type})
            _add(manifest, taken, name, f"{name}_end", {"node_type": self._keeper(measure)})

    def columns(self) -> dict[str, Any]:
        """The columns, without the duration."""
        return {name: self._last.get(name) for name in column_names(self._words)}

    def _counter(self) -> Any:
        frames: Counter[int] = Counter()
        self._frames.append(frames)

        @node
        def count(audio: Audio) -> None:
            frames[audio.rate] += audio.frames

        return count

    def _keeper(self, measure: Measure) -> Any:
        @node
        def keep(value: dict[str, Any]) -> None:
            self._last.update({name: value.get(key) for name, key in measure.columns.items()})

        return keep


def _gate(measure: Measure) -> Any:
    @node
    def let_pass(audio: Audio) -> Audio | None:
        return audio if audio.rate >= measure.least_rate else None

    return let_pass


def decoders(plan: Plan) -> list[str]:
    """The nodes behind which is measured."""
    return [str(entry["id"]) for entry in plan.nodes if type_name(entry["node_type"]) in DECODERS]


def _add(manifest: dict[str, Any], taken: set[str], before: str, name: str, entry: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    manifest["nodes"].append({"id": name, **entry})
    manifest["connections"].append({"from": before, "to": name})
    return name
