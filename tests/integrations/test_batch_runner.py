"""What adapters share: rows of bad files, pickling, the threads of a slot, and libraries that are not installed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia._problem.missing_library import require
from remotemedia.integrations._batches import BatchRunner, decode_batch, source_of, text_of
from remotemedia.nodes import AudioDecode, AudioLevel, AudioSum

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"
MANIFEST = """
version: v1
nodes:
  - {id: decode, node_type: AudioDecode}
  - {id: level, node_type: AudioLevel, params: {window_ms: 1000}}
connections:
  - {from: decode, to: level}
"""


def levels() -> rm.Pipeline:
    return AudioDecode() >> AudioLevel(window_ms=1000)


def in_child(runner: BatchRunner) -> list[Any]:
    return [None if row.outputs is None else list(row.outputs) for row in runner.run([SPEECH, "nothing.wav"])]


def test_bad_sources_are_rows_in_their_places() -> None:
    sources: list[Any] = ["nothing.wav", SPEECH, b"no sound", 5, SPEECH.read_bytes()]
    rows = BatchRunner(levels(), call="Dataset").run(sources)
    assert [row.source for row in rows] == sources
    kinds = [type(row.error) for row in rows]
    assert kinds == [FileNotFoundError, type(None), rm.NodeError, rm.MarshalError, type(None)]
    expected = list(levels().run_sync([rm.File(SPEECH)]))
    assert [row.outputs for row in rows] == [None, expected, None, None, expected]
    assert text_of(rows[0].error) == f"FileNotFoundError: no such file 'nothing.wav' in {os.getcwd()}"
    assert text_of(rows[1].error) is None


def test_strict_raises_the_first_error_in_the_order_of_the_sources() -> None:
    runner = BatchRunner(levels(), call="Dataset", strict=True)
    with pytest.raises(FileNotFoundError, match=r"first\.wav"):
        runner.run([SPEECH, "first.wav", b"no sound"])
    with pytest.raises(FileNotFoundError, match=r"first\.wav"):
        decode_batch("Dataset", [SPEECH, "first.wav"], rate=None, channels=None, strict=True)


@pytest.mark.parametrize("is_decoding", [True, False])
def test_errors_name_what_the_user_has_called(is_decoding: bool, tmp_path: Path) -> None:
    async def read(_size: int = -1) -> bytes:
        return b""

    class Upload:
        """A file object that is async."""

    Upload.read = staticmethod(read)  # type: ignore[attr-defined]
    sources: list[Any] = [tmp_path, "*.wav", [SPEECH], (SPEECH,), numpy.zeros(9, "float32"), Upload(), 5, b"no sound"]
    if is_decoding:
        errors = [each.error for each in decode_batch("Dataset", sources, rate=None, channels=None)]
    else:
        errors = [each.error for each in BatchRunner(levels(), call="Dataset").run(sources)]
    texts = [str(error) for error in errors]
    assert texts[0] == f"{str(tmp_path)!r} is a folder, and Dataset takes files; pass the path of each"
    assert texts[1].endswith("; Dataset takes files; pass the path of each")
    assert not [text for text in texts if re.search(r"\brm\.|[a-z]*read_many|\[", text)]
    assert all("Dataset" in text for text in texts[: -1 if not is_decoding else None])


def test_the_addresses_of_a_batch_are_fetched_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def open_address(address: str, mode: str) -> Any:
        both.wait(10)
        return SPEECH.open(mode)

    # A stand-in with the one function that is called.
    monkeypatch.setitem(sys.modules, "fsspec", types.SimpleNamespace(open=open_address))
    rows = BatchRunner(levels(), call="Dataset").run(["s3://bucket/1", "s3://bucket/2"], threads=1)
    assert [row.error for row in rows] == [None, None]
    assert [row.source for row in rows] == ["s3://bucket/1", "s3://bucket/2"]


@pytest.mark.filterwarnings("ignore:.*fork")  # of a process with threads, which is what is tested
@pytest.mark.parametrize("given", ["path", "text", "pipeline"])
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_runner_works_in_another_process_alike(given: str, method: str, tmp_path: Path) -> None:
    path = tmp_path / "levels.yaml"
    path.write_text(MANIFEST, "utf-8")
    pipeline: Any = {"path": path, "text": MANIFEST, "pipeline": levels()}[given]
    runner = BatchRunner(pipeline, call="Dataset")
    path.unlink()  # it travels as its manifest, not as the path of it
    assert pickle.loads(pickle.dumps(runner)).pipeline == runner.pipeline
    here = in_child(runner)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(in_child, (runner,)) == here
    assert here[1] is None
    assert len(here[0]) == 8


def test_a_wrong_pipeline_is_refused_where_it_is_given() -> None:
    with pytest.raises(rm.ManifestError, match="window_ms"):
        BatchRunner(AudioDecode() >> AudioLevel(window_ms=1), call="Dataset")
    mix = AudioSum()
    two = rm.Pipeline(inputs={"mic": mix["in0"], "far": mix["in1"]}) >> mix
    with pytest.raises(rm.InvalidArgumentError) as refused:
        BatchRunner(two, call="Dataset")
    assert str(refused.value) == "Dataset feeds one input with files, and this pipeline has mic, far"


def test_the_source_of_a_row_is_its_bytes_or_its_path() -> None:
    assert source_of({"bytes": b"", "path": "a.wav"}) == b""
    assert source_of({"bytes": None, "path": "a.wav"}) == "a.wav"
    with pytest.raises(rm.InvalidArgumentError, match="neither bytes nor a path"):
        source_of({"bytes": None, "text": "hello"})


WORKERS = """
import remotemedia as rm
from remotemedia._abi import config
from remotemedia.integrations._batches import cores, take_slot
{before}
print(take_slot(4096), take_slot(1) == cores(), take_slot(4096))
rm.info("examples/speech.flac")
print(config._in_force["workers"])
"""
"""The last line is what the runtime was started with. Its threads are no count: it adds some where one is blocked."""


@pytest.mark.parametrize(
    ("before", "environment", "workers"),
    [
        ("", {}, 1),
        ("take_slot(1)", {}, 1),
        ("rm.configure(workers=3)", {}, 3),
        ("", {"REMOTEMEDIA_WORKERS": "3"}, 3),
    ],
)
def test_the_threads_of_a_process_are_those_of_its_slot(before: str, environment: dict[str, str], workers: int) -> None:
    program = WORKERS.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=SPEECH.parents[1],
    )
    assert done.stdout.split() == ["1", "True", "1", str(workers)]


def test_importing_an_adapter_imports_no_library_and_starts_nothing() -> None:
    program = """
import importlib, pkgutil, sys, threading
import remotemedia.integrations
names = [each.name for each in pkgutil.iter_modules(remotemedia.integrations.__path__)]
for name in names:
    importlib.import_module(f"remotemedia.integrations.{name}")
from remotemedia._abi import config
print(sorted({*names, "numpy"} & set(sys.modules)), config._in_force, threading.active_count(), "torch" in names)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[] None 1 True"


def test_a_library_that_is_missing_is_named_with_its_installation() -> None:
    with pytest.raises(ImportError) as missing:
        require("no_such_library.part", "Audio.torch", "torch")
    assert str(missing.value) == (
        "Audio.torch needs the package no_such_library; install it: pip install 'remotemedia[torch]'"
    )


def test_a_library_that_is_broken_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("import no_such_part", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_part'"):
        require("broken_library", "Audio.torch", "torch")
