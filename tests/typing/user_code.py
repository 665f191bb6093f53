"""Code as users write it. It passes mypy --strict and pyright without a remark; nothing runs it."""

from __future__ import annotations

import array
import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy
import remotemedia as rm
from remotemedia.nodes import AddNoise, AudioDecode, AudioLevel, AudioMix, FileSink, FileSource, PassThroughNode


@rm.node
def halves(value: int, *, times: int = 2) -> Iterator[float]:
    for _ in range(times):
        yield value / times


class Smooth:
    def __init__(self, *, window: int = 3) -> None:
        self.window = window

    def process(self, value: float) -> float:
        return value / self.window


# mypy does not heed what a decorator makes of a class, so that `@rm.node` in front of it would hide the node.
smooth = rm.node(Smooth)
smoothed: rm.Pipeline = halves(times=3) >> smooth(window=2)


files: rm.Pipeline = FileSource(Path("calls") / "*.wav") >> FileSink(path=Path("out"))
noisy: rm.Node = AddNoise(paths=[Path("street.wav"), "noise/*.wav"], snr_db=[5.0, 20.0])


@rm.node(inputs=["left", "right"])
def join(value: float, port: Literal["left", "right"], *, weight: float = 1.0) -> float:
    return value * weight if port == "left" else value


class Newest:
    def __init__(self, *, every: int = 1) -> None:
        self.every = every

    def process(self, value: float, port: str) -> float:
        return value


newest = rm.node(inputs=["left", "right"])(Newest)
merged: rm.Pipeline = halves(times=3) >> join(weight=0.5)["right"] >> newest(every=2)["left"]
weighted: float = join.fn(2.0, "left", weight=0.5)


class Together:
    def process(self, values: list[float]) -> list[float]:
        return values


together = rm.node(batch=8)(Together)
joined: rm.Pipeline = halves(times=3) >> together()


@rm.node
def gain(sound: rm.Audio, *, db: float = 0.0, mode: Literal["soft", "hard"] = "soft") -> rm.Audio:
    return rm.Audio(sound.samples * 10 ** (db / 20), sound.rate, pts=sound.pts)


@rm.node
def above(value: float, above_db: float = -20.0) -> float | None:
    return value if value > above_db else None


@rm.node
async def look_up(word: str, *, table: dict[str, int]) -> int | None:
    await asyncio.sleep(0)
    return table.get(word)


@rm.node
def whole(value: float) -> int:
    return round(value)


@rm.node(batch=32, max_wait_ms=5)
def lengths(words: list[str], *, at_least: int = 0) -> list[int | None]:
    return [len(word) if len(word) >= at_least else None for word in words]


@rm.node(batch=8)
async def known(words: list[str]) -> list[bool]:
    return [await look_up.fn(word, table={}) is not None for word in words]


@rm.node(inplace=True)
def muted(sound: rm.Audio, *, begin: int = 0) -> rm.Audio:
    sound.samples[begin:] = 0
    return sound


with open("talk.wav", "rb") as opened:
    rm.write(io.BytesIO(), rm.read(opened), format="flac")
rm.write("tone.wav", numpy.zeros(8000), rate=8000)
rm.write("tone.wav", array.array("f", [0.0]), rate=8000)
formats: list[rm.PCM] = [rm.PCM("s16", 8000, 1), rm.PCM(format="s16", rate=8000, channels=1)]
data: bytes = rm.Audio.from_pcm(b"", "s16", rate=8000, channels=1).to_pcm(sample_format="f32")
plain_params: rm.Pipeline = rm.nodes.AudioResample(16000, quality="fast") >> AudioMix(1) >> above(above_db=-30)
quiet: rm.Audio = muted.fn(rm.Audio([0.0], 8000), begin=1)
own_smooth: rm.Pipeline = muted(begin=2) >> rm.node(inplace=True)(Smooth)(window=2)
counted: list[int | None] = lengths.fn(["one"], at_least=2)
counting: rm.Pipeline = known() >> lengths(at_least=3)


# A map in a variable has texts for keys, whatever they are.
tries = {"retry": {"times": 3, "backoff_ms": 10}}
tries_and_skips = {"retry": {"times": 3, "then": "skip"}}
careful: list[rm.Node] = [whole(on_error=tries), gain(db=3, on_error=tries_and_skips), AudioMix(1, on_error=tries)]
careful += [AudioMix(1, on_error={"retry": {"times": 3}}), rm.Node("Echo", on_error=tries), whole(on_error="skip")]


def build() -> rm.Pipeline:
    pipeline = rm.Pipeline("levels") >> AudioDecode() >> AudioMix(channels=1) >> gain(db=3)
    pipeline = pipeline >> [AudioLevel(window_ms=50, name="level"), PassThroughNode()]
    node: rm.Node = pipeline.add_node(gain(db=3.5, mode="hard"), after=None)
    pipeline.add_node(whole, after=node)
    pipeline.add_node(gain(name="named", db=2))
    vad = rm.Node("AudioLevel", {"window_ms": 100})
    joined: rm.Pipeline = [vad["out"], whole()] >> rm.nodes.Echo() >> look_up(table={"one": 1})
    return pipeline >> joined


async def use(path: str) -> list[Any]:
    sound: rm.Audio = await rm.aread(path, rate=16000, channels=1)
    louder: rm.Audio = gain.fn(sound, db=6)
    number: int | None = await look_up.fn("one", table={"one": 1})
    await rm.awrite("louder.flac", louder, sample_format="s24")
    duration: float = (await rm.ainfo(path)).duration
    result = await build().run([rm.File(path), sound], timeout=duration + 10)
    if isinstance(result, dict):
        outputs: rm.Outputs = result["level"]
    else:
        outputs = result
    for packet in outputs.packets:
        start: float | None = packet.pts
        print(start, packet.value, packet.item)
    print(outputs.by_item[0], number)
    return outputs


def use_sync() -> None:
    rm.configure(workers=2, nice=10, function_threads=64, limits={"output_bytes": 1 << 20})
    sound = rm.Audio(numpy.zeros((2, 100), dtype="float32"), rate=48000, layout="stereo", pts=0.5)
    pcm: bytes = sound.to_pcm("s16")
    again: rm.Audio = rm.Audio.from_pcm(pcm, "s16", rate=48000, channels=2)
    try:
        rm.execute_sync("levels.yaml", [again, b"bytes", {"k": [1, 2.5, None]}], python=["package"], engine="native")
        rm.Pipeline.load({"version": "v1"}).run_sync(engine="python")
    except rm.NodeError as error:
        place: tuple[str | None, int | None, float | None] = (error.node_id, error.item, error.position)
        print(place, [each.cause for each in error.errors], error.outputs)
    except rm.ManifestError as error:
        print([problem.path for problem in error.problems])
    except (rm.TimedOut, rm.LibraryError, rm.Error, rm.Cancelled):
        raise
    plan: rm.Plan = build().validate()
    text: str = build().to_yaml() + rm.get_runtime_version() + str(plan.stages)
    batch, lengths = rm.pad_batch([rm.read("a.wav"), rm.testing.speech()], length=16000)
    longest: int = max(lengths)
    print(batch.torch(), rm.testing.speech().numpy(), longest)
    print(text, rm.is_available(), rm.read("a.wav").samples.shape, rm.Tensor(b"", "float32", [0]).shape)
