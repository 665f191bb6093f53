"""`integrations.vllm`: the loader by itself, and in the tables and media classes of vLLM where that is there."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia._abi import config
from remotemedia.integrations import _batches
from remotemedia.integrations import vllm as adapter

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = numpy.random.default_rng(8).uniform(-0.5, 0.5, (2, 24000)).astype("float32")
NO_VLLM = "vllm is not installed: pip install 'remotemedia[vllm]'"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sounds") / "sound.wav"
    rm.write(file, SAMPLES, rate=16000, sample_format="f32")
    return file


def test_samples_are_those_of_the_file_as_vllm_wants_them(path: Path) -> None:
    for source in (path, str(path), io.BytesIO(path.read_bytes())):
        samples, rate = adapter.load_audio(source, sr=None)
        assert (samples.shape, samples.dtype, rate) == ((24000,), numpy.float32, 16000)
        # The mean of the channels, as vLLM's own loaders take it.
        assert numpy.abs(samples - SAMPLES.mean(axis=0)).max() < 1e-7
    samples, rate = adapter.load_audio(path, sr=None, mono=False)
    assert numpy.array_equal(samples, SAMPLES)
    samples, rate = adapter.load_audio(path, sr=8000.0)
    assert (rate, numpy.array_equal(samples, rm.read(path, 8000, 1).samples[0])) == (8000, True)
    assert adapter.load_audio(path)[1] == 22050
    with pytest.raises(ValueError, match=r"sr must be a whole number of frames per second, got 8000\.5"):
        adapter.load_audio(path, sr=8000.5)


def test_a_worker_has_the_threads_of_its_share(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_batches, "processes_here", lambda: 4096)
    monkeypatch.setattr(config, "_offered", {})
    adapter.load_audio(path)
    assert config._offered == {"workers": 1}


def test_what_is_too_long_ends_the_decoding(path: Path) -> None:
    assert adapter.load_audio(path, sr=None, max_duration_s=1.5, max_decode_bytes=96000)[0].size == 24000
    with pytest.raises(ValueError, match=r"^the audio is longer than 1\.4999 s; VLLM_MAX_AUDIO_DECODE_DURATION_S sets"):
        adapter.load_audio(path, sr=None, max_duration_s=1.4999)
    with pytest.raises(ValueError, match=r"^the audio takes more than 95999 bytes; VLLM_MAX_AUDIO_DECODE_BYTES sets"):
        adapter.load_audio(path, sr=None, max_decode_bytes=95999)


@pytest.mark.parametrize("content", [b"", b"no sound", b"RIFF" + bytes(40)])
def test_what_is_no_audio_is_a_value_error(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^remotemedia: |nothing left to read"):
        adapter.load_audio(io.BytesIO(content))
    empty = tmp_path / "empty.wav"
    rm.write(empty, numpy.zeros((1, 1), "float32"), rate=8000)
    silent = empty.read_bytes()[:40] + bytes(4)
    with pytest.raises(ValueError, match=r"not one frame|remotemedia: "):
        adapter.load_audio(io.BytesIO(silent))


def test_many_threads_load_at_once(path: Path) -> None:
    expected = adapter.load_audio(path, sr=8000)[0]
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.extend(adapter.load_audio(path, sr=8000)[0] for _ in range(5)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert all(numpy.array_equal(each, expected) for each in found)


def test_the_entry_point_names_it() -> None:
    module, _, name = entry_points().partition(" = ")[2].strip().partition(":")
    assert getattr(import_module(module), name) is adapter.register


def test_a_vllm_with_other_tables_is_told_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from types import ModuleType

    for name in ("vllm", "vllm.multimodal", "vllm.multimodal.media", "vllm.multimodal.media.audio"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    with caplog.at_level(logging.WARNING, "remotemedia"):
        adapter.register()
    assert "the audio backend 'remotemedia' is not registered: this vLLM has other tables than 0.33" in caplog.text


def entry_points() -> str:
    """The entry points for vLLM in pyproject.toml, as a wheel has them in its file of entry points."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text.partition('[project.entry-points."vllm.general_plugins"]\n')[2].partition("\n\n")[0]
    return "[vllm.general_plugins]\n" + section.replace('"', "")


@pytest.fixture
def in_vllm(tmp_path: Path) -> Callable[..., str]:
    """What a program prints that has vLLM's plug-ins loaded, ours among them, in a process of its own."""
    if find_spec("vllm") is None:
        pytest.skip(NO_VLLM)
    # The sources are on the path, not installed: what says that they are is put beside them.
    installed = tmp_path / "remotemedia-0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: remotemedia\nVersion: 0\n", "utf-8")
    (installed / "entry_points.txt").write_text(entry_points(), "utf-8")

    def run(program: str, **environment: str) -> str:
        search = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-c", HEAD + program],
            env={**os.environ, "PYTHONPATH": search, **environment},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return run


HEAD = """
import io, numpy
from vllm.plugins import load_general_plugins
load_general_plugins()
from vllm.multimodal.media import audio
from vllm.multimodal.media.audio import AudioMediaIO
"""


def test_vllm_finds_the_backend_in_its_table(in_vllm: Callable[..., str], path: Path) -> None:
    printed = in_vllm(f"""
assert audio.AUDIO_BACKENDS[-1] == "remotemedia" and audio.AUDIO_BACKENDS.count("remotemedia") == 1
from remotemedia.integrations.vllm import load_audio, register
register()
assert audio.AUDIO_BACKENDS.count("remotemedia") == 1
assert audio._AUDIO_LOADERS["remotemedia"] is load_audio
content = open({str(path)!r}, "rb").read()
media = AudioMediaIO(audio_backend="remotemedia")
samples, rate = media.load_bytes(content)
expected, _ = load_audio({str(path)!r}, sr=None)
assert rate == 16000 and numpy.array_equal(samples, expected)
import base64
assert numpy.array_equal(media.load_base64("audio/wav", base64.b64encode(content).decode())[0], expected)
from pathlib import Path
assert numpy.array_equal(media.load_file(Path({str(path)!r}))[0], expected)
try:
    media.load_bytes(b"no sound")
except ValueError as error:
    print(error)
""")
    assert printed.startswith("remotemedia: the file is not audio that remotemedia knows")


def test_the_limits_of_vllm_hold(in_vllm: Callable[..., str], path: Path) -> None:
    printed = in_vllm(
        f"""
try:
    AudioMediaIO(audio_backend="remotemedia").load_bytes(open({str(path)!r}, "rb").read())
except ValueError as error:
    print(error)
""",
        VLLM_MAX_AUDIO_DECODE_DURATION_S="1",
    )
    assert printed.startswith("the audio is longer than 1")
    assert printed.endswith("VLLM_MAX_AUDIO_DECODE_DURATION_S sets this limit")


@pytest.mark.parametrize("auto", ["0", "1"])
def test_auto_tries_it_first_where_it_is_asked_to(in_vllm: Callable[..., str], auto: str, path: Path) -> None:
    printed = in_vllm(
        f"""
import remotemedia.integrations.vllm as adapter
calls = []
ours, adapter.load_audio = adapter.load_audio, lambda *given, **named: calls.append(1) or ours(*given, **named)
try:
    audio.load_audio(io.BytesIO(open({str(path)!r}, "rb").read()), sr=16000)
    audio.load_audio(io.BytesIO(b"no sound"))
except Exception as error:
    # What vLLM says of it by its own loaders, whichever are installed.
    assert "remotemedia" not in str(error), error
print(len(calls))
""",
        REMOTEMEDIA_VLLM_AUTO=auto,
    )
    assert printed == ("2" if auto == "1" else "0")
