"""`FileSource` and `FileSink`: a folder of recordings in, a folder of files out."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import remotemedia as rm
from conftest import eventually
from remotemedia.nodes import AudioDecode, AudioEncode, AudioMix, AudioResample, FileSink, FileSource, SpeechSegments

ROOT = Path(__file__).parents[3]
SPEECH = ROOT / "examples" / "speech.flac"


def tone(frequency: float, rate: int = 16000, seconds: float = 0.5) -> rm.Audio:
    time = numpy.arange(round(rate * seconds)) / rate
    return rm.Audio((0.5 * numpy.sin(2 * numpy.pi * frequency * time)).astype("float32")[None], rate)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Recordings in folders, in two formats and rates."""
    folder = tmp_path / "calls"
    (folder / "monday").mkdir(parents=True)
    rm.write(folder / "a.wav", tone(300))
    rm.write(folder / "b.flac", tone(500, rate=48000))
    rm.write(folder / "monday" / "c.wav", tone(700))
    (folder / "notes.txt").write_text("no sound")
    return folder


def test_a_folder_of_recordings_becomes_a_folder_of_files(calls: Path, tmp_path: Path) -> None:
    convert = (
        rm.Pipeline("convert")
        >> FileSource(path=f"{calls}/**/*.[wf]*")
        >> AudioDecode()
        >> AudioMix(channels=1)
        >> AudioResample(rate=8000)
        >> FileSink(path=f"{tmp_path}/out/{{index:02d}}-{{stem}}.flac")
    )
    written = convert.run_sync()
    assert [file.path for file in written] == [f"{tmp_path}/out/{name}.flac" for name in ("00-a", "01-b", "02-c")]
    assert [file.mime for file in written] == ["audio/flac"] * 3
    assert written.by_item == [[file] for file in written]
    for file, source in zip(written, ("a.wav", "b.flac", "monday/c.wav"), strict=True):
        assert rm.read(file).frames == 4000
        # A recording gives what it gives alone: nothing of the one before is in it.
        alone = rm.read(calls / source, rate=8000, channels=1)
        assert numpy.abs(rm.read(file).samples - alone.samples).max() <= 0.5001 / 2**15


def test_running_it_again_skips_or_replaces_only_if_told(calls: Path, tmp_path: Path) -> None:
    def convert(**params: bool) -> list[object]:
        sink = FileSink(path=f"{tmp_path}/{{stem}}.wav", **params)
        return list((rm.Pipeline() >> FileSource(path=f"{calls}/a.wav") >> AudioDecode() >> sink).run_sync())

    (file,) = convert()
    (tmp_path / "a.wav").write_bytes(b"mine")
    with pytest.raises(rm.NodeError) as caught:
        convert()
    assert str(caught.value) == (
        f"node 'filesink' (FileSink), input 0 'a.wav' at 00:00:00.000: '{tmp_path}/a.wav' is there already. "
        "Set `overwrite` to replace it, or `skip_existing` to keep it."
    )
    assert convert(skip_existing=True) == [{"type": "skipped", "file": rm.File(tmp_path / "a.wav", mime="audio/wav")}]
    assert (tmp_path / "a.wav").read_bytes() == b"mine"
    assert convert(overwrite=True) == [file]
    assert rm.read(tmp_path / "a.wav").frames == 8000


def test_each_segment_is_a_file_named_after_its_recording(tmp_path: Path) -> None:
    cut = (
        rm.Pipeline()
        >> AudioDecode()
        >> SpeechSegments(max_speech_duration_s=2)
        >> FileSink(path=f"{tmp_path}/{{stem}}/{{index:05d}}.wav")
    )
    written = cut.run_sync([rm.File(SPEECH)])
    segments = rm.speech_segments(SPEECH, max_speech_duration_s=2)
    assert [file.path for file in written] == [f"{tmp_path}/speech/{n:05d}.wav" for n in range(len(segments))]
    for file, segment in zip(written, segments, strict=True):
        assert numpy.abs(rm.read(file).samples - segment["audio"].samples).max() <= 0.5001 / 2**15


def test_results_lie_as_their_files_do(calls: Path, tmp_path: Path) -> None:
    convert = rm.Pipeline() >> AudioDecode() >> FileSink(path=f"{tmp_path}/out/{{relative}}.wav")
    found = rm.Pipeline() >> FileSource(path=f"{calls}/**/c.wav") >> AudioDecode()
    (file,) = (found >> FileSink(path=f"{tmp_path}/found/{{parent}}/{{relative}}.wav")).run_sync()
    assert file.path == f"{tmp_path}/found/monday/monday/c.wav"
    (file,) = convert.run_sync([rm.File(f"{calls}/./monday/c.wav")])
    assert file.path == f"{tmp_path}/out/monday/c.wav"
    with pytest.raises(rm.NodeError) as caught:
        convert.run_sync([rm.File((calls / "a.wav").read_bytes())])
    assert str(caught.value) == (
        "node 'filesink' (FileSink), input 0 at 00:00:00.000: the item has no path that {relative} could be made of. "
        "Send a File by path, or use {stem} or {index}."
    )


def test_an_error_leaves_whole_files_alone_and_no_half_one(calls: Path, tmp_path: Path) -> None:
    (calls / "b.wav").write_bytes((calls / "a.wav").read_bytes()[:5000])
    pipeline = rm.Pipeline() >> FileSource(path=f"{calls}/*.wav") >> AudioDecode(chunk_ms=10)
    with pytest.raises(rm.NodeError) as caught:
        (pipeline >> FileSink(path=f"{tmp_path}/out/{{stem}}.wav")).run_sync()
    assert "input 1 'b.wav'" in str(caught.value)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.wav"]
    assert caught.value.outputs == [rm.File(tmp_path / "out" / "a.wav", mime="audio/wav")]


def test_a_timeout_leaves_nothing_half_written(tmp_path: Path) -> None:
    endless = rm.Pipeline() >> rm.nodes.NoiseSource(duration_s=86_400) >> FileSink(path=f"{tmp_path}/long.wav")
    with pytest.raises(TimeoutError):
        endless.run_sync(timeout=0.05)
    # The completion waits for no step; the nodes clean up behind it.
    assert eventually(lambda: list(tmp_path.iterdir()) == [])


def test_a_missing_file_and_an_empty_pattern_are_one_sentence(tmp_path: Path) -> None:
    for path, said in [
        ("no.wav", f"no such file '{tmp_path}/no.wav'. Check the path."),
        ("*.wav", f"no file matches '{tmp_path}/*.wav'. Check the param 'path'."),
    ]:
        with pytest.raises(rm.NodeError) as caught:
            (rm.Pipeline() >> FileSource(path=f"{tmp_path}/{path}") >> AudioDecode()).run_sync()
        assert str(caught.value) == f"node 'filesource' (FileSource), input 0: {said}"


def test_what_is_wrong_with_a_path_is_said_before_anything_runs() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> FileSink(path="out/{name}.wav")).validate()
    assert caught.value.problems[0].path == "nodes[0].params.path"
    assert "{stem}, {parent}, {relative}, {index} or {index:05d}" in str(caught.value)


def level(path: Path) -> float:
    return round(float(rm.read(path).numpy()[0, 0]), 1)


def even(value: float) -> rm.Audio:
    return rm.Audio(numpy.full((1, 800), value, "float32"), 16000)


@pytest.mark.parametrize("on_error", ["skip", {"retry": {"times": 1, "backoff_ms": 1, "then": "skip"}}])
def test_what_an_error_leaves_out_takes_no_other_file_away(tmp_path: Path, on_error: rm.OnError) -> None:
    items = [even(0.1), even(0.2), even(numpy.nan), even(0.3), even(0.4)]
    sink = FileSink(path=f"{tmp_path}/{{index}}.wav", overwrite=True, on_error=on_error)
    written = (rm.Pipeline() >> sink).run_sync(items)
    assert [file.path for file in written] == [f"{tmp_path}/{index}.wav" for index in range(4)]
    assert [level(file.path) for file in written] == [0.1, 0.2, 0.3, 0.4]
    assert [skip.item for skip in written.skipped] == [2]


def test_a_path_holds_one_item_also_after_an_error(tmp_path: Path) -> None:
    encode = AudioEncode(path=f"{tmp_path}/a.wav", on_error="skip")
    outputs = (rm.Pipeline() >> encode).run_sync([even(0.1), even(numpy.nan), even(0.3)])
    assert level(tmp_path / "a.wav") == 0.1
    assert [skip.item for skip in outputs.skipped] == [1, 2]
    assert "holds an earlier item of this run" in str(outputs.skipped[1])


async def test_an_interruption_leaves_what_is_written(tmp_path: Path) -> None:
    async with (rm.Pipeline() >> FileSink(path=f"{tmp_path}/{{index}}.wav", overwrite=True)).session() as session:
        await session.send(even(0.1))
        await session.flush()
        assert (await anext(aiter(session))).value.path == f"{tmp_path}/0.wav"
        session.interrupt()
        await session.send(even(0.2))
        await session.finish()
        assert [packet.value.path async for packet in session] == [f"{tmp_path}/1.wav"]
    assert [level(tmp_path / name) for name in ("0.wav", "1.wav")] == [0.1, 0.2]


def test_two_nodes_of_a_run_do_not_write_one_file(tmp_path: Path) -> None:
    path = f"{tmp_path}/two.wav"
    first, second = FileSink(path=path, overwrite=True), AudioEncode(path=path)
    start = rm.Pipeline() >> AudioMix(channels=1)
    with pytest.raises(rm.NodeError, match=r"two\.wav'") as caught:
        (start >> [first, AudioResample(rate=8000) >> second]).run_sync([even(0.1)])
    said = ("another node of this run writes", "would hold two files of this run, of input 0 and of input 0")
    assert any(words in str(caught.value) for words in said)
