"""The schema of a pipeline's results, which is declared before it runs, beside the tables that results really make."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pytest
import remotemedia as rm
from conftest import chain
from remotemedia._manifest.catalog import node_types

pa = pytest.importorskip("pyarrow")

SPEECH = rm.testing.speech()
NO_SCHEMA = {"Calculator", "Echo"}
"""Types whose results depend on their inputs alone."""


class Word(TypedDict):
    text: str
    score: float | None


@dataclasses.dataclass
class Share:
    of: list[int]


@rm.node
def share(audio: rm.Audio) -> Share | None:
    return Share([audio.frames, audio.rate])


@rm.node
def words(audio: rm.Audio) -> Iterator[Word]:
    yield {"text": "then", "score": 0.5}
    yield {"text": "leisure", "score": None}


@rm.node(batch=4)
def lengths(values: list[rm.Audio]) -> list[float]:
    return [value.duration for value in values]


@rm.node
def silent(audio: rm.Audio):  # type: ignore[no-untyped-def]
    return 1


def loud() -> rm.Audio:
    """Half a minute that monitors have something to say of: clipped on one side, then silence."""
    sides = np.vstack([np.clip(SPEECH.samples * 20, -1, 1), SPEECH.samples * 0.001])
    return rm.Audio(np.concatenate([sides, np.zeros((2, 16000 * 5), "float32"), sides, sides], axis=1), 16000)


def graph(name: str, entry: dict[str, Any], params: dict[str, Any]) -> tuple[rm.Pipeline, list[Any]]:
    """The node between its inputs and outputs, with values that it takes."""
    manifest: dict[str, Any] = {"version": "v1", "nodes": [{"id": "it", "node_type": name, "params": params}]}
    manifest["outputs"] = {port["name"]: f"it.{port['name']}" for port in entry["outputs"]}
    kinds = next((port["kinds"] for port in entry["inputs"]), [])
    values: list[Any] = []
    if kinds:
        takers = [f"it.{port['name']}" for port in entry["inputs"] if port["kinds"] == kinds]
        manifest["nodes"].append({"id": "first", "node_type": "PassThrough"})
        manifest["connections"] = [{"from": "first", "to": taker} for taker in takers]
        manifest["inputs"] = {"first": "first"}
        by_kind = {
            "audio": loud(),
            "file": rm.File("examples/speech.flac"),
            "str": "One. Two and three. Fo",
            "tensor": np.ones((80, 40), "float32"),
        }
        values = [next((value for kind, value in by_kind.items() if kind in kinds), 5)]
        # Segments of one speaker, whom the noise of `loud` hides.
        values = [SPEECH] if name.startswith(("SpeechSegments", "SileroVAD")) else values
    return rm.Pipeline.load(manifest), values


def shown(declared: Any, seen: Any) -> bool:
    """Whether a type that values have shown is the declared one, as far as they have shown it."""
    if seen == declared or pa.types.is_null(seen):
        return True
    if pa.types.is_map(declared):
        return pa.types.is_struct(seen) and all(shown(declared.item_type, field.type) for field in seen)
    if pa.types.is_list(declared):
        return pa.types.is_list(seen) and shown(declared.value_type, seen.value_type)
    if pa.types.is_struct(declared) and pa.types.is_struct(seen):
        names = [field.name for field in declared]
        return {f.name for f in seen} <= set(names) and all(shown(declared[f.name].type, f.type) for f in seen)
    return False


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("name", sorted(node_types()))
def test_each_node_gives_what_its_schema_declares(name: str, changes: bool, tmp_path: Path) -> None:
    entry = node_types()[name]
    params = dict(entry["example"])
    if changes:
        if "changes_only" not in entry["params"].get("properties", {}):
            return
        params["changes_only"] = True
    for key in ("path", "out"):
        if isinstance(params.get(key), str):
            params[key] = str(tmp_path / "{index}.wav") if entry["inputs"] else "examples/*.flac"
    pipeline, values = graph(name, entry, params)
    try:
        declared = pipeline.schema(rows="items")
    except rm.UnsupportedError:
        assert not any("fields" in output.get("form", {}) for output in pipeline.validate().outputs)
        assert name in NO_SCHEMA or any({"map", "list", "table"} & set(port["kinds"]) for port in entry["outputs"])
        return
    try:
        outputs = pipeline.run_sync(values)
    except rm.NodeError as error:
        if isinstance(error.__cause__, OSError) or "no such file" in str(error).lower():
            pytest.skip(f"the example of {name} names a file that is not here")
        raise
    assert any(len(each) for each in outputs.values())
    table = outputs.to_arrow(declared, rows="items")
    assert table.schema == declared
    assert table.schema.names == [port["name"] for port in entry["outputs"]]
    seen = outputs.to_arrow(rows="items").schema
    for field in declared:
        assert shown(field.type, seen.field(field.name).type), (field, seen.field(field.name))
    counts = [sum(map(len, table.column(sink).to_pylist())) for sink in outputs.sinks]
    assert counts == [len(outputs[sink]) for sink in outputs.sinks]


def test_a_row_for_each_packet_has_a_column_for_each_key() -> None:
    pipeline = rm.nodes.AudioDecode() >> rm.nodes.SpeechSegments() >> rm.nodes.PassThrough()
    schema = pipeline.schema()
    assert schema.names == ["sink", "item", "pts", "duration", "type", "start_s", "end_s", "audio"]
    outputs = pipeline.run_sync([rm.File("examples/speech.flac")])
    assert outputs.to_arrow(schema).schema == schema == outputs.to_arrow().schema
    row = outputs.to_arrow(schema).to_pylist()[0]
    assert np.array_equal(np.array(row["audio"]["samples"], "float32"), outputs[0]["audio"].samples)
    assert pipeline.run_sync([]).to_arrow(schema).schema == schema


def test_without_arrays_media_are_described_and_bring_no_samples() -> None:
    pipeline = rm.nodes.AudioResample(rate=8000) >> rm.nodes.MelSpectrogram()
    full, form = pipeline.schema(), pipeline.schema(arrays=False)
    assert [field.name for field in full.field("value").type] == ["dtype", "shape", "data"]
    assert [field.name for field in form.field("value").type] == ["dtype", "shape"]
    outputs = pipeline.run_sync([SPEECH])
    row = outputs.to_arrow(full).to_pylist()[0]["value"]
    assert np.array_equal(np.asarray(rm.Tensor(**row)), outputs[0])
    assert outputs.to_arrow(form).to_pylist()[0]["value"] == {"dtype": "float32", "shape": list(outputs[0].shape)}


def test_channels_stay_apart_whatever_memory_they_are_in() -> None:
    left, right = np.arange(4, dtype="float32"), np.arange(4, 8, dtype="float32")
    strided = np.stack([left, right, left])[::2]
    plain = rm.Tensor(np.stack([left, right]).tobytes(), "float32", (2, 4))
    for samples, expected in ((strided, [left, left]), (plain, [left, right])):
        pipeline = rm.Pipeline() >> rm.nodes.PassThrough(name="it")
        (row,) = pipeline.run_sync([rm.Audio(samples, 8000)]).to_arrow().to_pylist()
        assert row["value"]["samples"] == [list(channel) for channel in expected]
        assert (row["value"]["channels"], row["value"]["frames"]) == (2, 4)


def test_functions_declare_what_they_return() -> None:
    pipeline = rm.Pipeline() >> [words(name="words"), lengths(name="lengths"), share(name="share")]
    schema = pipeline.schema(rows="items")
    word = pa.struct([("text", pa.string()), ("score", pa.float64())])
    parts = pa.struct([("of", pa.list_(pa.int64()))])
    types = {"words": word, "lengths": pa.float64(), "share": parts}
    assert schema == pa.schema([(name, pa.list_(each)) for name, each in types.items()])
    table = pipeline.run_sync([SPEECH, SPEECH]).to_arrow(schema, rows="items")
    assert table.schema == schema
    assert table.to_pylist()[1] == {
        "words": [{"text": "then", "score": 0.5}, {"text": "leisure", "score": None}],
        "lengths": [7.1],
        "share": [{"of": [113600, 16000]}],
    }


def test_an_output_without_a_type_is_named_with_the_cure() -> None:
    pipeline = rm.Pipeline() >> silent()
    with pytest.raises(rm.UnsupportedError) as caught:
        pipeline.schema()
    assert str(caught.value) == (
        "what comes out of 'silent' has no type that is known before it runs; annotate what the function returns, "
        "or say it: types={'silent': pyarrow.float64()}, or whatever comes"
    )
    schema = pipeline.schema(types={"silent": pa.int64()})
    assert pipeline.run_sync([SPEECH]).to_arrow(schema).column("value").to_pylist() == [1]
    with pytest.raises(rm.InvalidArgumentError, match="types: there is no output 'other'; there is 'silent'"):
        pipeline.schema(types={"other": pa.int64()})
    with pytest.raises(rm.InvalidArgumentError, match="rows must be 'packets' or 'items', got 'all'"):
        pipeline.schema(rows="all")  # type: ignore[arg-type]


def test_outputs_that_share_no_column_ask_for_a_row_for_each_item() -> None:
    pipeline = rm.Pipeline() >> [rm.nodes.AudioGain(gain_db=1, name="a"), rm.nodes.AudioEncode(format="wav", name="b")]
    with pytest.raises(
        rm.UnsupportedError, match="'a' and 'b' have different types in the column 'value'; ask for row"
    ):
        pipeline.schema()
    with pytest.raises(rm.MarshalError, match="the values of the column 'value' have no type in common"):
        pipeline.run_sync([SPEECH]).to_arrow()
    assert pipeline.schema(rows="items").names == ["a", "b"]


MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("pair", [[MOMENT, 7], [b"b", "é"], [1.5, True], [True, 1], ["a", 1]])
def test_values_that_pyarrow_would_make_others_of_have_no_type_in_common(pair: list[Any]) -> None:
    with pytest.raises(rm.MarshalError, match="the values of the column 'value' have no type in common"):
        (rm.Pipeline() >> rm.nodes.PassThrough()).run_sync(pair).to_arrow()


def test_a_fraction_is_no_whole_number_of_a_schema() -> None:
    outputs = (rm.Pipeline() >> rm.nodes.PassThrough(name="it")).run_sync([1, 2.0, 0.75])
    whole = pa.schema([*list(outputs.to_arrow().schema)[:4], ("value", pa.int64())])
    with pytest.raises(rm.MarshalError, match=r"the column 'value' is int64 in the schema: 0\.75 is a value"):
        outputs.to_arrow(whole)
    assert outputs.to_arrow()["value"].to_pylist() == [1, 2, 0.75]


def tags(value: int) -> dict[str, str]:
    return {"artist": "Austen"}


def test_maps_of_any_keys_ask_for_a_row_for_each_item() -> None:
    pipeline = rm.Pipeline.load(chain(("tags", tags, {})))
    with pytest.raises(rm.UnsupportedError, match="the output 'tags' gives maps whose keys are not known"):
        pipeline.schema()
    table = pipeline.run_sync([1]).to_arrow(pipeline.schema(rows="items"), rows="items")
    assert table["tags"].to_pylist() == [[[("artist", "Austen")]]]


@dataclasses.dataclass
class Tree:
    """A dataclass of itself."""

    children: list[Tree]


def grown(value: int) -> Tree:
    return Tree([])


def test_what_holds_itself_has_no_schema_and_says_so() -> None:
    with pytest.raises(rm.UnsupportedError, match="what comes out of 'grown' has no type that is known"):
        rm.Pipeline.load(chain(("grown", grown, {}))).schema()


def test_what_the_schema_lacks_or_says_otherwise_is_an_error() -> None:
    outputs = (rm.Pipeline() >> rm.nodes.PassThrough(name="it")).run_sync([{"a": 1, "b": "x"}])
    fixed = list(outputs.to_arrow().schema)[:4]
    with pytest.raises(rm.MarshalError, match="a result has the column 'b', and the schema has not; add it"):
        outputs.to_arrow(pa.schema([*fixed, ("a", pa.int64())]))
    with pytest.raises(rm.MarshalError, match="the column 'b' is int64 in the schema"):
        outputs.to_arrow(pa.schema([*fixed, ("a", pa.int64()), ("b", pa.int64())]))
    with pytest.raises(rm.MarshalError, match="a result has the key 'b', which the schema lacks; it has \\['a'\\]"):
        outputs.to_arrow(pa.schema([("it", pa.list_(pa.struct([("a", pa.int64())])))]), rows="items")


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough(name="it")
    with pytest.raises(rm.LibraryError, match="schema needs pyarrow; pip install pyarrow"):
        pipeline.schema()
    with pytest.raises(rm.LibraryError, match="to_arrow needs pyarrow; pip install pyarrow"):
        pipeline.run_sync([1]).to_arrow()
