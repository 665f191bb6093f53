"""Makes `layer3.json`, `layer3.mp3` and `layer3.f32`: streams of MPEG layer III that no encoder writes, one after the
other, and what mpg123 makes of each: every 29th sample.

Each granule has a kind of block, tables, gains, scale factors and values by chance, in all rates and modes, and lies in
the bit reservoir where there is room. The tables are those of the decoder itself: were one wrong, what mpg123 decodes
would be something else than what the decoder does.

What is left out is what mpg123 does in another way than the standard: intensity positions above 7 in MPEG-1, and in
MPEG-2 the position 7, the one that stands for none, and mixed blocks that have positions. At 8 kHz no standard says how
mixed blocks are.
"""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "runtime" / "layer3" / "src"
EVERY = 29
# The lengths of scale factors of MPEG-1, of lower and of upper bands.
LENGTHS = ["00", "01", "02", "03", "30", "11", "12", "13", "21", "22", "23", "31", "32", "33", "42", "43"]
LINEAR_BITS = [0] * 16 + [1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13]


def tables() -> dict[str, dict[int, str]]:
    """For each table the code of each leaf, from the lengths in the order of the codes."""
    found = {}
    for name, body in re.findall(r"const (\w+): \[u16; \d+\] = \[(.*?)\];", (SOURCES / "codes.rs").read_text(), re.S):
        place, codes = 0, {}
        for leaf in (int(number, 16) for number in re.findall(r"0x[0-9a-f]+", body)):
            length = leaf >> 8
            codes[leaf & 255] = format(place >> (32 - length), f"0{length}b")
            place += 1 << (32 - length)
        found[name] = codes
    return found


TABLES = tables()


def edges(name: str) -> list[list[int]]:
    body = re.search(rf"const {name}: .*? = \[\n(.*?)\n\];", (SOURCES / "bands.rs").read_text(), re.S)
    assert body
    return [[int(number) for number in row.split(",")] for row in re.findall(r"\[([\d, ]+)\]", body[1])]


LONG, SHORT = edges("LONG"), edges("SHORT")


def pair_code(table: int, first: int, second: int) -> str:
    """The bits of two values."""
    name = f"PAIRS_{24 if table >= 24 else 16 if table >= 16 else table}"
    leaf = [min(abs(value), 15) for value in (first, second)]
    bits = TABLES[name][leaf[0] << 4 | leaf[1]]
    for value, kept in zip((first, second), leaf, strict=True):
        if table >= 16 and kept == 15:
            bits += format(abs(value) - 15, f"0{LINEAR_BITS[table]}b")
        if value:
            bits += "1" if value < 0 else "0"
    return bits


def quad_code(table: str, values: list[int]) -> str:
    bits = TABLES[table][sum(bool(value) << (3 - at) for at, value in enumerate(values))]
    return bits + "".join("1" if value < 0 else "0" for value in values if value)


def most(table: int) -> int:
    """The largest value that a table has, or that is used of it."""
    if table == 0:
        return 0
    if table >= 16:
        return min(14 + (1 << LINEAR_BITS[table]), 300)
    return max(leaf & 15 for leaf in TABLES[f"PAIRS_{table}"])


USED = [table for table in range(32) if table not in (4, 14)]


class Granule:
    """A channel of a granule: its side information and its main data."""

    def __init__(self, case: Case, number: int, channel: int, kind: tuple[int, bool], room: int) -> None:
        chance, index = case.chance, case.index
        is_one = case.version == 3
        block, is_mixed = kind
        is_right = channel == 1 and case.has_positions
        fields = scales = ""
        while True:
            self.shared = [0, 0, 0, 0]
            compress = chance.randrange(16 if is_one else 512)
            scales = self._scale_factors(case, number, channel, compress, kind)
            tables = [chance.choice(USED) for _ in range(3 if block == 0 else 2)]
            last = self._last_value(case, kind) if is_right else chance.choice([0, 60, 300, 576, 576])
            paired = 2 * chance.randrange(min(last, 288) // 2 + 1) if last else 0
            paired = chance.choice([paired, min(last, 576) // 2 * 2])
            if block == 0:
                counts = [chance.randrange(16), chance.randrange(8)]
                ends = [LONG[index][counts[0] + 1], (LONG[index] + [576] * 20)[counts[0] + counts[1] + 2]]
            else:
                counts = []
                ends = [self._switched_end(case, kind), 576]
            bits = ""
            largest = 1
            for at in range(0, paired, 2):
                table = tables[sum(at >= end for end in ends)]
                pair = [self._value(chance, most(table)) for _ in range(2)]
                largest = max(largest, *map(abs, pair))
                bits += "" if table == 0 else pair_code(table, *pair)
            quads = chance.randrange(2)
            for _ in range(paired, min(last, 572), 4):
                bits += quad_code(["QUADS_A", "QUADS_B"][quads], [chance.choice([0, 0, 1, -1]) for _ in range(4)])
            if len(scales) + len(bits) <= min(room, 4095):
                break
            room -= 1
        self.bits = scales + bits
        gain = int(210 + 4 * np.log2(0.02 / largest ** (4 / 3))) + chance.randrange(8)
        fields = format(len(self.bits), "012b") + format(paired // 2, "09b") + format(gain, "08b")
        fields += format(compress, "04b" if is_one else "09b")
        if block == 0:
            fields += "0" + "".join(format(table, "05b") for table in tables)
            fields += format(counts[0], "04b") + format(counts[1], "03b")
        else:
            fields += "1" + format(block, "02b") + str(int(is_mixed))
            fields += "".join(format(table, "05b") for table in tables)
            fields += "".join(format(chance.randrange(3), "03b") for _ in range(3))
        fields += str(chance.randrange(2)) if is_one else ""
        self.side = fields + str(chance.randrange(2)) + str(quads)

    def _value(self, chance: random.Random, largest: int) -> int:
        value = min(int(chance.expovariate(1 / max(largest / 4, 0.5))), largest)
        return value if chance.random() < 0.5 else -value

    def _last_value(self, case: Case, kind: tuple[int, bool]) -> int:
        """The end of what the second channel has, below the bands in which it says where the first one stands."""
        short = kind[0] == 2
        bands = [3 * edge for edge in SHORT[case.index]] if short else LONG[case.index]
        return case.chance.choice(bands[:9]) // 4 * 4

    def _switched_end(self, case: Case, kind: tuple[int, bool]) -> int:
        if case.version == 0:
            return LONG[case.index][6 if kind == (2, False) else 8]
        return 36 if case.version == 3 or kind[0] == 2 else 54

    def _scale_factors(self, case: Case, number: int, channel: int, compress: int, kind: tuple[int, bool]) -> str:
        chance = case.chance
        which = {(2, False): 1, (2, True): 2}.get(kind, 0)
        if case.version == 3:
            lower, upper = map(int, LENGTHS[compress])
            if which:
                groups = [(17 if which == 2 else 18, lower), (18, upper)]
            else:
                groups = [(6, lower), (5, lower), (5, upper), (5, upper)]
                if number == 1 and not case.was_short[channel]:
                    self.shared = [chance.randrange(2) for _ in range(4)]
                    groups = [group for group, shared in zip(groups, self.shared, strict=True) if not shared]
            case.was_short[channel] = bool(which)
        elif channel == 1 and case.has_positions:
            value = compress >> 1
            if value < 180:
                lengths, counts = [value // 36, value % 36 // 6, value % 6], [(7, 7, 7), (12, 12, 12), (6, 15, 12)]
            elif value < 244:
                value -= 180
                lengths = [value >> 4, value >> 2 & 3, value & 3, 0]
                counts = [(6, 6, 6, 3), (12, 9, 9, 6), (6, 12, 9, 6)]
            else:
                value -= 244
                lengths, counts = [value // 3, value % 3], [(8, 8), (15, 12), (6, 18)]
            groups = list(zip(counts[which], lengths, strict=True))
        else:
            if compress < 400:
                high = compress >> 4
                lengths = [high // 5, high % 5, compress >> 2 & 3, compress & 3]
                counts = [(6, 5, 5, 5), (9, 9, 9, 9), (6, 9, 9, 9)]
            elif compress < 500:
                high = compress - 400 >> 2
                lengths, counts = [high // 5, high % 5, compress - 400 & 3], [(6, 5, 7), (9, 9, 12), (6, 9, 12)]
            else:
                lengths = [(compress - 500) // 3, (compress - 500) % 3]
                counts = [(11, 10), (18, 18), (15, 18)]
            groups = list(zip(counts[which], lengths, strict=True))
        may_be_position = channel == 1 and case.has_positions
        bits = ""
        for count, length in groups:
            values = list(range(1 << length))
            if may_be_position:
                values = values[:8] if case.version == 3 else [value for value in values[:-1] if value != 7] or [0]
            bits += "".join(format(chance.choice(values), f"0{length}b") for _ in range(count if length else 0))
        return bits


class Case:
    """A stream."""

    def __init__(self, version: int, rate: int, mode: int, extension: int) -> None:
        self.version, self.rate, self.mode, self.extension = version, rate, mode, extension
        self.index = 3 * {3: 0, 2: 1, 0: 2}[version] + rate
        self.has_positions = mode == 1 and bool(extension & 1)
        self.chance = random.Random(f"{version} {rate} {mode} {extension}")
        self.name = f"version {version} rate {rate} mode {mode} extension {extension}"

    def stream(self) -> bytes:
        chance = self.chance
        is_one, channels = self.version == 3, 1 if self.mode == 3 else 2
        granules = 2 if is_one else 1
        rate = [44100, 48000, 32000][self.rate] // {3: 1, 2: 2, 0: 4}[self.version]
        kilobits = 320 if is_one else 160
        len_ = (144 if is_one else 72) * kilobits * 1000 // rate
        side_len = {(True, 1): 17, (True, 2): 32, (False, 1): 9, (False, 2): 17}[is_one, channels]
        mode = self.mode << 6 | self.extension << 4
        head = bytes([255, 0xE0 | self.version << 3 | 3, 14 << 4 | self.rate << 2, mode])
        slots, main, heads = bytearray(), 0, []
        kinds = [(0, False)] * 3 + [(1, False), (1, True), (2, False), (2, False), (2, True), (3, False), (3, True)]
        if self.index == 8 or (not is_one and self.has_positions):
            kinds = [kind for kind in kinds if kind != (2, True)]
        frames = 4 if is_one else 6
        for _ in range(frames):
            start = len(slots)
            slots += bytes(len_ - 4 - side_len)
            begin = max(main, start - (511 if is_one else 255))
            back = start - begin
            room = 8 * (len(slots) - begin) // (granules * channels)
            shared = [[0] * 4] * channels
            bits, parts = "", []
            self.was_short = [True] * channels
            for granule in range(granules):
                kind = chance.choice(kinds)
                for channel in range(channels):
                    part = Granule(self, granule, channel, kind, room)
                    bits += part.bits
                    parts.append(part.side)
                    if granule == 1:
                        shared = [*shared[:channel], part.shared, *shared[channel + 1 :]]
            bits += "0" * (-len(bits) % 8)
            data = int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:]
            slots[begin : begin + len(data)] = data
            # Bytes that belong to no granule, sometimes.
            main = begin + len(data) + chance.choice([0, 0, 3])
            private = (5 if channels == 1 else 3) if is_one else channels
            side = format(back, "09b" if is_one else "08b") + "0" * private
            if is_one:
                side += "".join(str(bit) for bits in shared for bit in bits)
            side += "".join(parts)
            heads.append(head + int("1" + side, 2).to_bytes(side_len + 1, "big")[1:])
        size = len(slots) // frames
        return b"".join(head + bytes(slots[at * size : (at + 1) * size]) for at, head in enumerate(heads))


def cases() -> Iterator[Case]:
    for version in (3, 2, 0):
        for rate in range(3):
            yield Case(version, rate, 3, 0)
            # Without joint stereo the extension says nothing.
            yield Case(version, rate, 0, 3)
            for extension in (1, 2, 3):
                yield Case(version, rate, 1, extension)


def main() -> None:
    """Write the streams and what mpg123 makes of them."""
    kept, streams, samples = [], [], []
    for case in cases():
        stream = case.stream()
        decoded = soundfile.read(io.BytesIO(stream), dtype="float32", always_2d=True)[0].reshape(-1)
        kept.append({"name": case.name, "bytes": len(stream), "samples": len(decoded)})
        streams.append(stream)
        samples.append(decoded[::EVERY].astype("<f4").tobytes())
    against = f"mpg123, by soundfile {soundfile.__version__}"
    rows = ",\n".join(json.dumps(row) for row in kept)
    (HERE / "layer3.json").write_text(f'{{"against": "{against}", "every": {EVERY}, "cases": [\n{rows}\n]}}\n')
    (HERE / "layer3.mp3").write_bytes(b"".join(streams))
    (HERE / "layer3.f32").write_bytes(b"".join(samples))


if __name__ == "__main__":
    main()
