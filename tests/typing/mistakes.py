"""Mistakes that type checkers must see: each line that ends in `# wrong` gets an error, and no other line does."""

from __future__ import annotations

import remotemedia as rm
from remotemedia.nodes import AudioLevel, AudioMix


@rm.node
def gain(sound: rm.Audio, *, db: float = 0.0) -> rm.Audio:
    return sound


@rm.node
def scale(value: float, *, by: float) -> float:
    return value * by


@rm.node(batch=2)
def sums(values: list[int], *, start: int = 0) -> list[int]:
    return [start + value for value in values]


@rm.node
def louder(sound: rm.Audio, db: float = 0.0) -> rm.Audio:
    return sound


@rm.node(inputs=["left", "right"])
def join(value: float, port: str, *, weight: float = 1.0) -> float:
    return value * weight


right = [gain(), gain(db=3), scale(by=2), join(weight=2)]
gain(dB=3)  # wrong
sums(start="one")  # wrong
sums.fn(1)  # wrong
rm.node(inplace="yes")  # wrong
rm.node(batch="two")  # wrong
gain(db="loud")  # wrong
louder(db="loud")  # wrong
louder(by=3.0)  # wrong
scale()  # wrong
scale(2.0)  # wrong
gain.fn(3)  # wrong
text: str = scale.fn(2.0, by=3)  # wrong
join(weight="two")  # wrong
join(port="left")  # wrong
join.fn(2.0, weight=2.0)  # wrong
AudioLevel(window=50)  # wrong
AudioLevel(window_ms="50")  # wrong
AudioMix()  # wrong
AudioMix("one")  # wrong
AudioMix(1, [[1.0]])  # wrong
AudioLevel(50)  # wrong
rm.Pipeline() >> 3  # wrong
rm.execute_sync("a.yaml", [1], engine="rust")  # wrong
rm.configure(limits={"dept": 3})  # wrong
rm.configure(worker=3)  # wrong
rm.configure(function_threads="3")  # wrong
rm.Audio([0.0])  # wrong
rm.read("a.wav", 16000.5)  # wrong
rm.write("a.wav", b"")  # wrong
rm.write("a.wav", rm.Audio([0.0], 8000), format="mp3")  # wrong
rm.read(3)  # wrong
rm.PCM("s16", 8000)  # wrong
rm.Audio.from_pcm(b"", "s16", 8000)  # wrong
print(rm.nope)  # wrong
