"""Random params of every node that takes one input of sound, within what the schema allows, on random sound.

    .build/venv/bin/python tools/endurance/random_params.py --seconds 600

What comes of a sound in one piece must come of it in pieces of any length, to the bit, or the same error. A failure
names the seed of its round: `--seed N --rounds 1` plays it again. Exits with 1 after the first failure.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import remotemedia as rm

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "manifest.schema.json").read_text("utf-8"))
PARAMS = SCHEMA["$defs"]

ELSEWHERE = {
    # They take no sound, or several.
    *("AudioCrossfade", "AudioSum", "Calculator", "TextCollector", "TextCollectorNode", "TimeFrequencyMask"),
    # Sources and files.
    *("AddNoise", "AudioConvolve", "AudioDecode", "AudioEncode", "FileSink", "FileSource", "NoiseSource", "ToneSource"),
    # They hand on what they get, packet by packet.
    *("Echo", "PassThrough"),
}
NODES = sorted({name.removeprefix("params.") for name in PARAMS if name.startswith("params.")} - ELSEWHERE)

RATES = (1000, 2000, 4000, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 44_100, 48_000, 88_200, 96_000, 192_000)

MOST = {"_s": 20.0, "_ms": 20_000.0}
"""The most of a param whose name ends so: a day of silence may be asked for, and takes its time."""

LEAST = {"hop_length": 32, "win_length": 32}
"""The least of a param: a spectrum for each sample may be asked for, and is gigabytes. So is that of long sound."""

MOST_FRAMES = 200_000

SECONDS = 120
"""What a round may take."""


class WrongError(Exception):
    """What a node gave and should not have given."""


def value_of(schema: dict[str, Any], dice: random.Random, name: str = "") -> Any:
    """A random value that a schema allows; ends of its range are frequent."""
    while "$ref" in schema:
        found: Any = SCHEMA
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    for choices in (schema.get("anyOf"), schema.get("oneOf")):
        if choices:
            return value_of(dice.choice(choices), dice, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return dice.choice(schema["enum"])
    kind = schema["type"]
    kind = dice.choice(kind) if isinstance(kind, list) else kind
    match kind:
        case "null":
            return None
        case "boolean":
            return dice.random() < 0.5
        case "integer" | "number":
            number = _number(schema, dice)
            number = min([number, *(most for end, most in MOST.items() if name.endswith(end))])
            number = max(number, LEAST.get(name, number))
            return int(number) if kind == "integer" else float(number)
        case "string":
            return "word"
        case "array":
            count = dice.randint(schema.get("minItems", 0), min(schema.get("maxItems", 4), 4))
            return [value_of(schema["items"], dice) for _ in range(count)]
        case _:
            required = schema.get("required", [])
            fields = schema.get("properties", {}).items()
            return {key: value_of(of, dice, key) for key, of in fields if key in required or dice.random() < 0.4}


def sound_of(dice: random.Random) -> rm.Audio:
    """Random sound: tones that come and go in noise, silence, or something far too loud; perhaps of no frames."""
    rate = dice.choice((*RATES, dice.randint(100, 400_000)))
    channels = dice.choice((1, 1, 2, 2, 3, 4, 5, 6, 8))
    frames = dice.choice((0, 1, 2, dice.randint(3, 5000), min(int(rate * 4 * dice.random() ** 2), MOST_FRAMES)))
    samples = numpy.zeros((channels, frames))
    if dice.random() < 0.8:
        times = numpy.arange(frames) / rate
        tone = numpy.sin(2 * numpy.pi * dice.uniform(20, rate / 2) * times) * (numpy.sin(4 * numpy.pi * times) > 0)
        noise = numpy.random.default_rng(dice.getrandbits(32)).standard_normal(samples.shape)
        samples = (tone * dice.random() + noise * dice.choice((0, 0.001, 0.1))) * dice.choice((1, 1, 1, 1e-6, 1000))
    if dice.random() < 0.2:
        samples = samples.clip(-0.5, 0.5)
    return rm.Audio(samples.astype(numpy.float32), rate)


def play(seed: int, counts: Counter[str]) -> None:
    """One round. Raises `WrongError`."""
    dice = random.Random(seed)
    name = dice.choice(NODES)
    params = value_of(PARAMS[f"params.{name}"], dice)
    manifest = {"version": "v1", "nodes": [{"id": "node", "node_type": name, "params": params}]}
    sound = sound_of(dice)
    cuts = sorted({0, sound.frames, *(dice.randint(0, sound.frames) for _ in range(dice.choice((1, 3, 10, 50))))})
    samples = numpy.asarray(sound.samples)
    ends = list(itertools.pairwise(cuts)) or [(0, 0)]
    pieces = [rm.Audio(numpy.ascontiguousarray(samples[:, first:end]), sound.rate) for first, end in ends]
    shown = f"seed {seed}: {name} {json.dumps(params)} on {sound!r} in {len(pieces)} pieces"
    whole, in_pieces = outcome(manifest, [sound]), outcome(manifest, pieces)
    if isinstance(whole, str) or isinstance(in_pieces, str):
        counts["refused"] += 1
        if type(whole) is not type(in_pieces):
            raise WrongError(f"{shown}: as a whole {whole}, in pieces {in_pieces}")
        return
    counts[name] += 1
    for left, right in zip(whole, in_pieces, strict=False):
        if not is_same(left, right):
            raise WrongError(f"{shown}: as a whole {left}, in pieces {right}")
    if len(whole) != len(in_pieces):
        raise WrongError(f"{shown}: {len(whole)} results as a whole, {len(in_pieces)} in pieces")


def outcome(manifest: dict[str, Any], pieces: list[rm.Audio]) -> list[Any] | str:
    """What comes of the pieces of one sound, joined; or the error."""

    async def through() -> list[Any]:
        return [value async for value in rm.Pipeline.load(manifest).stream(pieces)]

    try:
        return list(joined(asyncio.run(asyncio.wait_for(through(), SECONDS))))
    except rm.Error as error:
        if "internal" in str(error):
            raise WrongError(str(error)) from None
        return str(error)


def joined(values: list[Any]) -> Iterator[Any]:
    """Values of which pieces that follow each other are one: sound, spectra and probabilities."""
    for _, group in itertools.groupby(map(_piece_of, values), _shape_of):
        pieces = list(group)
        if not isinstance(pieces[0], numpy.ndarray):
            yield from pieces
        elif (whole := numpy.concatenate(pieces, axis=-1)).size:
            yield whole


def is_same(left: Any, right: Any) -> bool:
    """Whether two results are the same to the bit. Powers of sound that is far too loud may be infinite."""
    if isinstance(left, numpy.ndarray):
        is_alike = isinstance(right, numpy.ndarray) and left.dtype == right.dtype
        return is_alike and numpy.array_equal(left, right, equal_nan=left.dtype.kind in "fc")
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)


def attack(seconds: float, first: int, rounds: int | None) -> str | None:
    """Rounds until the time is up; the first failure."""
    begun, seed, counts = time.monotonic(), first, Counter[str]()
    while time.monotonic() - begun < seconds if rounds is None else seed < first + rounds:
        try:
            play(seed, counts)
        except WrongError as error:
            return str(error)
        seed += 1
    print(f"{seed - first} rounds; {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}")
    return None


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="that of the first round")
    parser.add_argument("--rounds", type=int, help="how many, whatever time they take")
    chosen = parser.parse_args()
    # Some params let a node take seconds for a second of sound.
    logging.getLogger("remotemedia").setLevel(logging.CRITICAL)
    failure = attack(chosen.seconds, chosen.seed, chosen.rounds)
    if failure is not None:
        print(failure, file=sys.stderr)
    return int(failure is not None)


def _piece_of(value: Any) -> Any:
    if isinstance(value, rm.Audio):
        return numpy.asarray(value.samples)
    return value["probabilities"] if isinstance(value, dict) and "probabilities" in value else value


def _shape_of(piece: Any) -> Any:
    """The same for pieces that may be one."""
    return piece.shape[:-1] if isinstance(piece, numpy.ndarray) else None


def _number(schema: dict[str, Any], dice: random.Random) -> float:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -1e6))
    most = schema.get("maximum", schema.get("exclusiveMaximum", 1e6))
    default = schema.get("default")
    number = dice.choice((least, most, dice.uniform(least, most)))
    if isinstance(default, (int, float)) and dice.random() < 0.6:
        number = default * dice.choice((0.5, 0.9, 1, 1.5, 3))
    elif least > 0 and most / least > 100 and dice.random() < 0.5:
        number = least * min(most / least, 1e6) ** dice.random()
    return float(min(max(number, least), most))


if __name__ == "__main__":
    sys.exit(main())
