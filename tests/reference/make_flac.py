"""Makes `flac.json` and `flac.bin`: files of FLAC by FFmpeg's encoder, one after the other, whose samples tests know.

Samples are whole numbers by rules that the tests have too, so that they are not stored. They go through every way in
which the encoder predicts, joins channels and codes what is left, in widths up to the 33 bits of a difference.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

HERE = Path(__file__).resolve().parent
FRAMES, RATE = 600, 48_000
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def noise(bits: int, channel: int) -> np.ndarray:
    """Numbers of a linear congruential generator, their upper bits."""
    state, numbers = 12345 + channel, np.empty(FRAMES, np.int64)
    for at in range(FRAMES):
        state = (1_664_525 * state + 1_013_904_223) % 2**32
        numbers[at] = (state >> (32 - bits)) - 2 ** (bits - 1)
    return numbers


def slope(bits: int, channel: int) -> np.ndarray:
    """A triangle of half full scale with noise below it, later the same in all channels."""
    place = np.arange(FRAMES) % 200
    triangle = np.where(place < 100, place, 200 - place) - 50
    alike = np.where(np.arange(FRAMES) < FRAMES // 2, channel + 1, 1)
    return (triangle * 2 ** (bits - 2) // 50) // alike + (noise(bits, channel) >> (bits - 4))


def edges(bits: int, channel: int) -> np.ndarray:
    """The least and the largest numbers, one another's opposite in channels beside one another; then silence."""
    least = -(2 ** (bits - 1))
    low = (np.arange(FRAMES) // 40 + channel) % 2 == 0
    numbers = np.where(low, least, -least - 1)
    return np.where(np.arange(FRAMES) < FRAMES // 2, numbers, 0)


def wasted(bits: int, channel: int) -> np.ndarray:
    """Numbers whose lower bits are zeros."""
    return (slope(bits, channel) >> 5) << 5


SOUNDS = {"noise": noise, "slope": slope, "edges": edges, "wasted": wasted}
OPTIONS = [
    {"compression_level": "0"},
    {"compression_level": "12"},
    {"lpc_type": "fixed"},
    {"lpc_type": "cholesky", "max_prediction_order": "32", "lpc_coeff_precision": "15", "max_partition_order": "8"},
]
SIDES = [{"ch_mode": mode} for mode in ("left_side", "right_side", "mid_side")]


def file(samples: np.ndarray, bits: int, options: dict[str, str]) -> bytes:
    """(channels, frames) of whole numbers as a file."""
    target = io.BytesIO()
    form, shift, kind = ("s16", 16 - bits, np.int16) if bits <= 16 else ("s32", 32 - bits, np.int32)
    layout = LAYOUTS[len(samples)]
    with av.open(target, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout=layout, format=form)
        stream.codec_context.options = {**options, "strict": "-2", "bits_per_raw_sample": str(bits)}
        packed = np.ascontiguousarray((samples << shift).astype(kind).T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(packed, format=form, layout=layout)
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return without_padding(target.getvalue())


def without_padding(data: bytes) -> bytes:
    """A file with its first block, STREAMINFO, alone."""
    place, is_last = 4, False
    while not is_last:
        is_last = data[place] & 0x80 != 0
        place += 4 + int.from_bytes(data[place + 1 : place + 4], "big")
    return data[:4] + b"\x80" + data[5:42] + data[place:]


def cases() -> Iterator[tuple[str, int, int, dict[str, str]]]:
    """Sound, bits, channels and options of each file."""
    for bits in (16, 24, 32):
        for sound in SOUNDS:
            for channels in (1, 2, 6):
                options_of_it = OPTIONS if channels < 6 else OPTIONS[:1]
                yield from ((sound, bits, channels, options) for options in options_of_it)
            yield from ((sound, bits, 2, options) for options in SIDES)


def main() -> None:
    """Write the files, and what they hold."""
    rows, files = [], []
    for sound, bits, channels, options in cases():
        samples = np.stack([SOUNDS[sound](bits, channel) for channel in range(channels)])
        data = file(samples, bits, options)
        chosen = " ".join(f"{key}={value}" for key, value in options.items())
        name = f"{sound}, {bits} bits, {channels} channels, {chosen}"
        rows.append({"name": name, "sound": sound, "bits": bits, "channels": channels, "bytes": len(data)})
        files.append(data)
    against = f"FFmpeg's encoder, by PyAV {av.__version__}"
    text = ",\n".join(json.dumps(row) for row in rows)
    (HERE / "flac.json").write_text(f'{{"against": "{against}", "frames": {FRAMES}, "cases": [\n{text}\n]}}\n')
    (HERE / "flac.bin").write_bytes(b"".join(files))


if __name__ == "__main__":
    main()
