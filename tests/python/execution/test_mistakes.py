"""Mistakes of users: each message names the call that was made, and a cure that works where it was made."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm

METER = rm.Pipeline("meter") >> rm.nodes.AudioLevel()
SPEECH = rm.testing.speech()[:0.5]
ECHO = {"version": "v1", "nodes": [{"id": "a", "node_type": "Echo"}]}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.wav").write_bytes(b"not audio\n")
    Path("empty.wav").write_bytes(b"")
    rm.write("good.wav", SPEECH)


async def sounds() -> AsyncIterator[rm.Audio]:
    yield SPEECH


def misspelled(ear: rm.Node) -> rm.Pipeline:
    return rm.Pipeline() >> ear >> ear["event"]


NOT_AUDIO = r"""'bad.wav' is not audio that remotemedia knows; it begins with "not audio\\n". Use WAV, """


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rm.read("bad.wav"), f"read: {NOT_AUDIO}"),
        (lambda: asyncio.run(rm.aread("bad.wav")), f"aread: {NOT_AUDIO}"),
        (lambda: rm.info("bad.wav"), f"info: {NOT_AUDIO}"),
        (lambda: asyncio.run(rm.ainfo("bad.wav")), f"ainfo: {NOT_AUDIO}"),
        (lambda: rm.speech_segments("bad.wav"), f"speech_segments: {NOT_AUDIO}"),
        (lambda: asyncio.run(rm.aspeech_segments("bad.wav")), f"aspeech_segments: {NOT_AUDIO}"),
        (lambda: rm.read("empty.wav"), r"read: 'empty.wav' is empty. Check how it was made or copied.$"),
        (lambda: rm.read(b""), r"read: the file is empty. Check how it was made or copied.$"),
        (
            lambda: rm.write("a.wav", rm.Audio(np.full((1, 10), np.nan, "float32"), 8000)),
            r"write: the sound has samples that are NaN or infinite. Replace them.$",
        ),
    ],
)
def test_a_call_without_nodes_speaks_of_none(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(rm.NodeError, match=f"^{message}") as caught:
        call()
    # Programs still see which node it was.
    assert caught.value.node_id is not None
    assert caught.value.cause is not None


@pytest.mark.parametrize(
    ("given", "cure"),
    [
        ([rm.nodes.AudioLevel()], "list; connect nodes with >>: rm.Pipeline() >> first >> second"),
        (rm.nodes.AudioLevel(), "AudioLevel; connect nodes with >>: rm.Pipeline() >> first >> second"),
        (ECHO, "dict; load a manifest: rm.Pipeline.load(manifest)"),
    ],
)
def test_a_pipeline_is_not_made_of_a_list_of_nodes(given: Any, cure: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Pipeline(given)
    assert str(caught.value) == f"Pipeline takes a name, a text, not a value of the type {cure}"


def test_what_a_pipeline_raises_still_names_its_node() -> None:
    with pytest.raises(rm.NodeError, match=r"^node 'audiodecode'"):
        (rm.Pipeline() >> rm.nodes.AudioDecode()).run_sync([rm.File("bad.wav")])


LIST = "inputs must be a list, one entry for each input; write"


@pytest.mark.parametrize(
    ("inputs", "cure"),
    [
        (lambda: (value for value in [SPEECH]), "list(x)"),
        (lambda: map(str, [1]), "list(x)"),
        (lambda: {1, 2}, "list(x)"),
        (lambda: {"a": SPEECH}.values(), "list(x)"),
        (lambda: range(3), "list(x)"),
        (lambda: SPEECH, "[x]"),
        (lambda: b"bytes", "[x]"),
        (lambda: np.zeros(3), "[x]"),
        (lambda: {"a": 1}, "[x]"),
        (lambda: 5, "[x]"),
        (lambda: "good.wav", "[x], or [remotemedia.File(x)] for a file"),
        (lambda: Path("good.wav"), "[x], or [remotemedia.File(x)] for a file"),
    ],
)
def test_inputs_that_are_no_list(inputs: Any, cure: str) -> None:
    calls: list[Callable[[Any], Any]] = [
        METER.run_sync,
        lambda given: asyncio.run(METER.run(given)),
        lambda given: rm.execute_sync(ECHO, given),
        lambda given: asyncio.run(rm.execute(ECHO, given)),
        lambda given: rm.execute_sync(ECHO, given, engine="python"),
    ]
    for call in calls:
        with pytest.raises(rm.MarshalError) as caught:
            call(inputs())
        assert str(caught.value) == f"{LIST} {cure}"


async def numbers() -> Any:
    yield 1


def test_async_generators_are_streams() -> None:
    with pytest.raises(rm.MarshalError, match=r"write \[x async for x in inputs\], or use pipeline.stream\(inputs\)"):
        METER.run_sync(numbers())


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: rm.speech_segments(SPEECH, treshold=0.5),
            rm.InvalidArgumentError,
            "treshold: speech_segments has no param 'treshold'; did you mean 'threshold'?",
        ),
        (
            lambda: rm.write("a.wav", [0.1]),
            rm.MarshalError,
            'write takes an Audio or an array; write numpy.asarray(samples, dtype="float32")',
        ),
        (
            lambda: list(METER.map_sync("good.wav")),
            rm.InvalidArgumentError,
            "map_sync takes several sources, such as a list; write ['good.wav']",
        ),
        (
            lambda: list(METER.map_sync(SPEECH)),
            rm.InvalidArgumentError,
            "map_sync takes several sources, such as a list; write [x]",
        ),
        (
            lambda: METER.map(3),
            rm.InvalidArgumentError,
            "map takes several sources, such as a list, not a value of the type int",
        ),
        (
            lambda: METER.map_sync(sounds()),
            rm.InvalidArgumentError,
            "map_sync awaits no sources; write async for result in pipeline.map(sources)",
        ),
        (
            lambda: rm.read_many(sounds()),
            rm.InvalidArgumentError,
            "read_many awaits no sources; write await rm.aread_many(sources)",
        ),
        (
            lambda: rm.iter_many(sounds()),
            rm.InvalidArgumentError,
            "iter_many awaits no sources; write async for loaded in rm.aiter_many(sources)",
        ),
        (
            lambda: METER.stream(SPEECH.to_pcm("s16"), input=rm.PCM("s16", 16000, 1)),
            rm.InvalidArgumentError,
            "stream takes several values, such as a list; write [x]",
        ),
        (
            lambda: METER.stream(print),
            rm.InvalidArgumentError,
            "stream takes several values, such as a list, not a value of the type builtin_function_or_method",
        ),
        (
            lambda: rm.execute_sync(METER, [SPEECH]),
            rm.ManifestError,
            "a manifest is a dict, a path, or JSON or YAML text, not Pipeline; a pipeline runs by itself: "
            "await pipeline.run(inputs), or pipeline.run_sync(inputs)",
        ),
        (
            lambda: rm.execute_sync(rm.nodes.AudioLevel(), [SPEECH]),
            rm.ManifestError,
            "a manifest is a dict, a path, or JSON or YAML text, not AudioLevel; a node runs in a pipeline: "
            "(Pipeline() >> node).run_sync(inputs)",
        ),
        (
            lambda: rm.execute_sync([SPEECH], ECHO),
            rm.ManifestError,
            "a manifest is a dict, a path, or JSON or YAML text, not list; it comes first, the inputs behind it",
        ),
        (
            lambda: rm.Pipeline() >> "AudioLevel",
            rm.InvalidArgumentError,
            ">> connects nodes, pipelines and lists of them, not the text 'AudioLevel'; "
            "write remotemedia.Node('AudioLevel')",
        ),
        (
            lambda: rm.Audio.from_pcm("text", "s16", 8000, 1),
            rm.InvalidArgumentError,
            "data must be bytes of PCM, got str",
        ),
        (
            lambda: METER.session(buffer=3),
            rm.InvalidArgumentError,
            "buffer must be a map, such as {'packets': 64}, got 3",
        ),
        (
            lambda: METER.session(buffer={"packet": 3}),
            rm.InvalidArgumentError,
            "buffer has no 'packet' here; it has 'packets', 'bytes' and 'ms'",
        ),
        (
            lambda: METER.session(buffer={"packets": "3"}),
            rm.InvalidArgumentError,
            "buffer['packets'] must be a whole number of 1 or more, got '3'",
        ),
        (
            lambda: METER.session(buffer=rm.Buffer(packets=3, policy="drop_oldest")),
            rm.InvalidArgumentError,
            "buffer has no 'policy' here; it has 'packets', 'bytes' and 'ms'; put a Buffer with a policy between two "
            "nodes",
        ),
        (
            lambda: METER.session(input="s16"),
            rm.InvalidArgumentError,
            "input must be the format of raw bytes, such as remotemedia.PCM('s16', 16000, 1), got 's16'",
        ),
        (
            lambda: METER.session(input=rm.PCM),
            rm.InvalidArgumentError,
            "input must be the format of raw bytes, such as remotemedia.PCM('s16', 16000, 1), "
            "got <class 'remotemedia._codec.pcm.PCM'>",
        ),
        (
            lambda: rm.Pipeline >> rm.nodes.Echo(),
            rm.InvalidArgumentError,
            ">> connects nodes, pipelines and lists of them, not the class Pipeline; write Pipeline()",
        ),
        (
            lambda: rm.nodes.Echo() >> rm.Buffer >> rm.nodes.Echo(),
            rm.InvalidArgumentError,
            ">> connects nodes, pipelines and lists of them, not the class Buffer; write Buffer()",
        ),
        (
            lambda: rm.nodes.SpeechSegments()[1],
            rm.InvalidArgumentError,
            "SpeechSegments has ports by their names, not 1; its inputs are 'in', 'vad'; its outputs are 'segments', "
            "'events'",
        ),
        (
            lambda: rm.Node("Unknown")["out", 1],
            rm.InvalidArgumentError,
            "Unknown has ports by their names, not ('out', 1); write node['out']",
        ),
        (
            lambda: rm.Node(rm.nodes.AudioLevel, {"window_ms": 100}),
            rm.InvalidArgumentError,
            "AudioLevel is a class of nodes, and no node type; write AudioLevel(window_ms=100)",
        ),
        (
            lambda: rm.Node(rm.nodes.AudioLevel()),
            rm.InvalidArgumentError,
            "AudioLevel() is a node already; use it as it is",
        ),
        (
            lambda: rm.execute_sync({"version": "v1", "nodes": [{"id": "a", "node_type": rm.nodes.Echo}]}, [1]),
            rm.ManifestError,
            'nodes[0].node_type: expected the name of a node type or a function, got the class Echo; write "Echo"',
        ),
        (
            lambda: misspelled(rm.nodes.SpeechSegments()).validate(),
            rm.ManifestError,
            "connections[0].from: 'speechsegments' (SpeechSegments) has no output 'event'; "
            "did you mean 'speechsegments.events'?",
        ),
        (
            lambda: METER.session(watchdog="1"),
            rm.InvalidArgumentError,
            "watchdog must be a number of seconds or None, got '1'",
        ),
        (
            lambda: METER.session(deadline="1"),
            rm.InvalidArgumentError,
            "deadline must be a number of seconds or None, got '1'",
        ),
        (
            lambda: METER.run_sync([SPEECH], timeout="1"),
            rm.InvalidArgumentError,
            "timeout must be a number of seconds or None, got '1'",
        ),
    ],
)
def test_the_cure_is_in_the_words_of_the_place(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_audio_in_place_of_a_manifest_is_an_input() -> None:
    Path("a.flac").write_bytes(b"fLaC\x80\xff")
    with pytest.raises(rm.ManifestError, match=re.escape("a media file is an input: [remotemedia.File('a.flac')]")):
        rm.execute_sync("a.flac", [SPEECH])


@pytest.mark.parametrize("engine", ["native", "python"])
def test_who_writes_to_shared_arrays_learns_of_inplace(engine: Any) -> None:
    @rm.node
    def silence(audio: rm.Audio) -> rm.Audio:
        audio.samples[:] = 0
        return audio

    @rm.node(inplace=True)
    def silence_in_place(audio: rm.Audio) -> rm.Audio:
        return silence.fn(audio)

    with pytest.raises(rm.NodeError, match=r"with @node\(inplace=True\) the function gets a copy that it may write to"):
        rm.execute_sync((rm.Pipeline() >> silence).manifest(), [SPEECH], engine=engine)
    [result] = rm.execute_sync((rm.Pipeline() >> silence_in_place).manifest(), [SPEECH], engine=engine)
    assert not np.asarray(result).any()


async def test_a_buffer_bounds_a_session_too() -> None:
    async with METER.session(buffer=rm.Buffer(packets=3)) as session:
        await session.send(SPEECH)
        await session.finish()
        assert len([packet async for packet in session]) == 5


def test_no_mistake_left_a_file_behind() -> None:
    assert sorted(os.listdir()) == ["bad.wav", "empty.wav", "good.wav"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"two", "send_many takes several values, such as a list; write [x]"),
        (memoryview(b"two"), "send_many takes several values, such as a list; write [x]"),
        ("two", "send_many takes several values, such as a list; write ['two']"),
        (SPEECH, "send_many takes several values, such as a list; write [x]"),
        (None, "send_many takes several values, such as a list, not a value of the type NoneType"),
        (sounds(), "send_many awaits no values; write async for value in values: await session.send(value)"),
    ],
)
@pytest.mark.parametrize("pcm", [None, rm.PCM("s16", 16000, 1)], ids=["values", "bytes"])
async def test_a_single_value_is_not_sent_as_its_parts(given: Any, message: str, pcm: rm.PCM | None) -> None:
    async with METER.session(input=pcm) as session:
        with pytest.raises(rm.InvalidArgumentError, match=f"^{re.escape(message)}$"):
            await session.send_many(given)
        assert session.metrics().sent == 0
