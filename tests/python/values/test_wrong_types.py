"""Values of wrong types for each argument of the public functions: told in a sentence of ours, not in Python's."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm

SPEECH = rm.testing.speech()[:0.5]
FILE = Path(rm.testing.__file__).with_name("speech.flac")
PASS = rm.Pipeline() >> rm.nodes.PassThrough()
MANIFEST = PASS.to_dict()

WRONG: list[Any] = [
    *(None, "x", "", True, -1, 0, 1.5, float("nan"), float("inf"), 2**70, np.float32(2)),
    *(b"x", [], [1], (1, 2), {}, {"a": 1}, {1, 2}, SPEECH, object(), print),
]
"""Each is wrong for most arguments, and right for some."""


def of_session(method: str) -> Callable[..., Any]:
    async def call(**arguments: Any) -> Any:
        async with PASS.session() as session:
            try:
                result = getattr(session, method)(**arguments)
                return await result if inspect.isawaitable(result) else result
            finally:
                session.cancel()

    call.__signature__ = inspect.signature(getattr(rm.Session, method))  # type: ignore[attr-defined]
    return call


CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "read": (rm.read, {"source": FILE}),
    "aread": (rm.aread, {"source": FILE}),
    "info": (rm.info, {"source": FILE}),
    "ainfo": (rm.ainfo, {"source": FILE}),
    "write": (rm.write, {"path": "a.wav", "audio": SPEECH}),
    "awrite": (rm.awrite, {"path": "a.wav", "audio": SPEECH}),
    "read_many": (rm.read_many, {"sources": [FILE]}),
    "iter_many": (rm.iter_many, {"sources": [FILE]}),
    "aread_many": (rm.aread_many, {"sources": [FILE]}),
    "aiter_many": (rm.aiter_many, {"sources": [FILE]}),
    "pad_batch": (rm.pad_batch, {"audios": [SPEECH, SPEECH]}),
    "speech_segments": (rm.speech_segments, {"source": SPEECH}),
    "codecs": (rm.codecs, {}),
    "execute": (rm.execute, {"manifest": MANIFEST, "inputs": [1]}),
    "execute_sync": (rm.execute_sync, {"manifest": MANIFEST, "inputs": [1]}),
    "node": (rm.node, {}),
    "Audio": (rm.Audio, {"samples": np.zeros((1, 4), "float32"), "rate": 8000}),
    "Audio.from_pcm": (rm.Audio.from_pcm, {"data": b"\0\0", "sample_format": "s16", "rate": 8000, "channels": 1}),
    "Audio.resample": (SPEECH.resample, {"rate": 8000}),
    "Audio.gain": (SPEECH.gain, {"gain_db": -6}),
    "Audio.to_pcm": (SPEECH.to_pcm, {"sample_format": "s16"}),
    "Audio.save": (SPEECH.save, {"path": "b.wav"}),
    "File": (rm.File, {"source": FILE}),
    "PCM": (rm.PCM, {"sample_format": "s16", "rate": 8000, "channels": 1}),
    "Tensor": (rm.Tensor, {"data": b"\0" * 4, "dtype": "float32", "shape": (1,)}),
    "Video": (rm.Video, {"planes": [np.zeros((2, 4), "uint8")], "format": "gray", "width": 4, "height": 2}),
    "Node": (rm.Node, {"node_type": "PassThrough"}),
    "Pipeline": (rm.Pipeline, {}),
    "Pipeline.load": (rm.Pipeline.load, {"manifest": MANIFEST}),
    "Pipeline.run": (PASS.run, {"inputs": [1]}),
    "Pipeline.run_sync": (PASS.run_sync, {"inputs": [1]}),
    "Pipeline.map": (PASS.map, {"sources": [1]}),
    "Pipeline.map_sync": (PASS.map_sync, {"sources": [1]}),
    "Pipeline.stream": (PASS.stream, {"source": [1]}),
    "Pipeline.session": (PASS.session, {}),
    "Pipeline.schema": (PASS.schema, {}),
    "Session.send": (of_session("send"), {"value": 1}),
    "Session.send_many": (of_session("send_many"), {"values": [1]}),
    "Session.try_send": (of_session("try_send"), {"value": 1}),
    "Session.output": (of_session("output"), {"sink": "passthrough"}),
    "Session.interrupt": (of_session("interrupt"), {}),
    "testing.play": (rm.testing.play, {"pipeline": PASS, "audio": SPEECH}),
    "testing.frames": (rm.testing.frames, {"audio": SPEECH}),
}


async def called(call: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Calls, and waits for what the call gave, as its caller would."""
    result = call(**arguments)
    if inspect.isawaitable(result):
        await result
    elif isinstance(result, AsyncIterator):
        async for _ in result:
            pass
    elif isinstance(result, Iterator):
        list(result)


@pytest.mark.parametrize("name", CALLS)
async def test_what_an_argument_can_not_be_is_told_in_our_words(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, right = CALLS[name]
    found = []
    kinds = inspect.Parameter
    taken = [each for each in inspect.signature(call).parameters.values() if each.name != "self"]
    for parameter in taken:
        if parameter.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD):
            continue
        for wrong in WRONG:
            work = asyncio.create_task(called(call, {**right, parameter.name: wrong}))
            assert (await asyncio.wait([work], timeout=30))[0], f"{name}({parameter.name}={wrong!r}) does not end"
            error = work.exception()
            # An `OSError` is that of a path, or of a `timeout` that is over.
            if error is not None and not isinstance(error, (rm.Error, OSError)):
                found.append(f"{name}({parameter.name}={wrong!r}): {error!r}")
    assert found == []
