"""`Outputs`: one class for one sink and for many, with places in time, as tables, in notebooks."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import FAN_OUT, PASS_TEXT, chain, through

ENGINES = ["native", "python"]


def fan_out(engine: Any = "auto") -> rm.Outputs:
    return rm.execute_sync(FAN_OUT, [1, 2], engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_of_one_sink_it_is_the_list_and_knows_the_sink(engine: Any) -> None:
    outputs = rm.execute_sync(PASS_TEXT, [1, 2], engine=engine)
    assert type(outputs) is rm.Outputs
    assert outputs == [1, 2] == list(outputs)
    assert (outputs[0], outputs[-1], outputs[:1]) == (1, 2, [1])
    assert outputs.sinks == outputs.keys() == ("pass1",)
    assert outputs["pass1"] is outputs
    assert dict(outputs) == {"pass1": [1, 2]}
    assert outputs.get("other") is None


@pytest.mark.parametrize("engine", ENGINES)
def test_of_several_sinks_it_is_their_mapping(engine: Any) -> None:
    outputs = fan_out(engine)
    assert type(outputs) is rm.Outputs
    assert outputs == {"left": [1, 2], "right": [10, 20]} == dict(outputs)
    assert outputs != {"left": [1, 2]}
    assert outputs == fan_out(engine)
    assert list(outputs) == ["left", "right"] == list(outputs.sinks)
    assert len(outputs) == 2
    assert "left" in outputs
    assert outputs["right"] == [10, 20]
    assert [type(each) for each in outputs.values()] == [rm.Outputs, rm.Outputs]
    assert dict(outputs.items()) == dict(outputs)
    assert repr(outputs) == "{'left': [1, 2], 'right': [10, 20]}"


def test_packets_and_items_of_several_sinks_follow_each_other() -> None:
    outputs = fan_out()
    assert [(packet.sink, packet.item, packet.value) for packet in outputs.packets] == [
        ("left", 0, 1),
        ("left", 1, 2),
        ("right", 0, 10),
        ("right", 1, 20),
    ]
    assert outputs.by_item == [[1, 10], [2, 20]]
    assert outputs["right"].by_item == [[10], [20]]


def test_a_sink_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(KeyError, match="there is no sink 'middle'; there is 'left' and 'right'"):
        fan_out()["middle"]
    with pytest.raises(KeyError, match="there is no sink 'left'; there is 'pass1'"):
        through(1)["left"]  # type: ignore[call-overload]


@rm.node
def odd(value: Any) -> Any:
    if value == 2:
        raise ValueError("two")
    return value


SOUND, LONG_SOUND = (rm.Audio(np.full(frames, 0.5, np.float32), 8000, pts=2.5) for frames in (400, 100_000))
WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda outputs: pickle.loads(pickle.dumps(outputs)),
    "old pickle": lambda outputs: pickle.loads(pickle.dumps(outputs, protocol=2)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: rm.Pipeline() >> odd(on_error="skip"), [1, 2, 3, 2]),
        (lambda: rm.Pipeline() >> [odd(name="left", on_error="skip"), odd(name="right", on_error="skip")], [1, 2]),
        (lambda: rm.Pipeline() >> rm.nodes.PassThrough(), [SOUND, {"k": "v"}]),
        (lambda: rm.Pipeline() >> rm.nodes.PassThrough(), []),
        (lambda: rm.Pipeline() >> rm.nodes.PassThrough(), [LONG_SOUND, "text"]),
    ],
    ids=["one sink", "two sinks", "sound", "none", "long sound"],
)
def test_a_copy_and_a_pickle_are_outputs_with_all_that_these_know(
    way: Any, engine: Any, make: Any, inputs: list[Any]
) -> None:
    outputs = make().run_sync(inputs, engine=engine)
    made = way(outputs)
    assert type(made) is rm.Outputs
    assert made is not outputs
    assert (made == outputs, made.sinks, list(made)) == (True, outputs.sinks, list(outputs))
    assert (made.packets, made.by_item) == (outputs.packets, outputs.by_item)
    assert (made.skips, list(map(str, made.skipped))) == (outputs.skips, list(map(str, outputs.skipped)))
    assert {sink: each.skips for sink, each in made.items()} == {sink: each.skips for sink, each in outputs.items()}
    made.append("another")
    assert outputs[-1:] != ["another"]


def test_a_list_that_was_changed_keeps_its_packets_in_a_pickle() -> None:
    outputs = through(1, 2)
    outputs[:] = ["other"]
    made = pickle.loads(pickle.dumps(outputs))
    assert (list(made), [packet.value for packet in made.packets]) == (["other"], [1, 2])
    by_hand = pickle.loads(pickle.dumps(rm.Outputs([1])))
    assert (type(by_hand), by_hand, by_hand.skips) == (rm.Outputs, [1], 0)
    with pytest.raises(ValueError, match="this list did not come out of an execution"):
        by_hand.packets  # noqa: B018


def test_several_sinks_are_a_dict_for_json() -> None:
    assert json.dumps(dict(fan_out())) == '{"left": [1, 2], "right": [10, 20]}'


def test_outputs_before_an_error_have_the_same_class() -> None:
    def fails(value: int) -> int:
        if value == 2:
            raise ValueError("no")
        return value

    manifest = {**FAN_OUT, "nodes": [*FAN_OUT["nodes"][:2], {"id": "right", "node_type": fails}]}
    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(manifest, [1, 2])
    assert type(caught.value.outputs) is rm.Outputs
    assert set(caught.value.outputs.sinks) == {"left", "right"}


def test_a_list_made_by_hand_says_that_it_has_no_places() -> None:
    for ask in (
        lambda made: made.packets,
        lambda made: made.sinks,
        lambda made: made["a"],
        lambda made: made.to_pandas(),
    ):
        with pytest.raises(ValueError, match="this list did not come out of an execution"):
            ask(rm.Outputs([1]))


SEGMENTS = chain(("seg", "SpeechSegments", {}))


def test_as_a_table_of_pandas_maps_have_a_column_for_each_key() -> None:
    pytest.importorskip("pandas")
    outputs = rm.execute_sync(chain(("level", "AudioLevel", {"window_ms": 1000})), [rm.testing.speech()])
    frame = outputs.to_pandas()
    assert list(frame.columns[:4]) == ["sink", "item", "pts", "duration"]
    assert list(frame["rms_db"]) == [value["rms_db"] for value in outputs]
    assert list(frame["pts"]) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert set(frame["sink"]) == {"level"}
    mixed = rm.execute_sync(PASS_TEXT, [1, {"value": 2, "item": 3}, "a"]).to_pandas()
    assert list(mixed.columns) == ["sink", "item", "pts", "duration", "value.value", "value.item", "value"]
    assert list(mixed["value"])[::2] == [1, "a"]
    assert list(fan_out().to_pandas()["value"]) == [1, 2, 10, 20]
    assert list(rm.execute_sync(PASS_TEXT, []).to_pandas().columns) == ["sink", "item", "pts", "duration", "value"]


def test_as_a_table_of_pandas_arrays_are_values_like_others() -> None:
    pytest.importorskip("pandas")
    arrays = [np.arange(3), np.ones((4, 5)), np.array(1j)]
    given = [*arrays, None, {"inner": arrays[0]}, {"inner": None}]
    frame = rm.execute_sync(PASS_TEXT, given).to_pandas()
    assert all(map(np.array_equal, frame["value"][:3], arrays))
    assert list(frame["value"][3:]) == [None, None, None]
    assert np.array_equal(frame["inner"][4], arrays[0])


def test_a_table_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(rm.LibraryError) as caught:
        rm.execute_sync(PASS_TEXT, [1]).to_pandas()
    assert str(caught.value) == "to_pandas needs pandas; pip install pandas"


def test_whole_numbers_of_a_table_stay_what_they_are_where_some_are_missing() -> None:
    pytest.importorskip("pandas")
    for large in (2**60 + 1, 2**63 + 1):
        frame = rm.execute_sync(PASS_TEXT, [{"id": large}, {"id": large + 1}, {"other": 1}]).to_pandas()
        assert list(frame["id"])[:2] == [large, large + 1]
    with pytest.raises(rm.MarshalError, match=r"the keys of a result have two values for the column 'value\.sink'"):
        rm.execute_sync(PASS_TEXT, [{"sink": "mic", "value.sink": "x"}]).to_pandas()


def test_the_text_of_outputs_is_that_of_a_list_and_bounded() -> None:
    values = [1, -0.0, "a'b", b"\0", None, True, [], [1, [2, {"k": [3], "l": {}}]], {}, {"a": {"b": [None]}}]
    assert repr(rm.execute_sync(PASS_TEXT, values)) == repr(values)
    for many in (
        [0.25] * 100_000,
        [{"k": [0.25] * 100_000}],
        ["x" * 100_000],
        [b"x" * 100_000] * 50,
        [np.ones(99)] * 999,
    ):
        text = repr(rm.execute_sync(PASS_TEXT, many))
        assert "..." in text
        assert text.startswith(repr(many)[:1_000])
        assert len(text) < 30_000


def test_the_text_of_outputs_is_not_made_of_more_than_is_shown() -> None:
    asked = 0

    class Counted:
        def __repr__(self) -> str:
            nonlocal asked
            asked += 1
            return "counted"

    outputs = rm.execute_sync(PASS_TEXT, [0])
    outputs[:] = [Counted()] * 100_000
    assert repr(outputs).endswith(", ...]")
    assert asked < 10_000


def test_whole_numbers_past_63_bits_are_unsigned_in_tables_of_arrow() -> None:
    pa = pytest.importorskip("pyarrow")
    large = 2**64 - 1
    for values in ([large, 0], [{"value": large}, {"value": None}], [[large, 1], [2**63]]):
        table = rm.execute_sync(PASS_TEXT, values).to_arrow()
        column = table["value.value" if type(values[0]) is dict else "value"]
        assert column.type in (pa.uint64(), pa.list_(pa.uint64()))
        assert column.to_pylist() == [value["value"] if type(value) is dict else value for value in values]
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, [-1, large]).to_arrow()
    wrong = f"no type of integers has both -1 and {large}"
    assert str(caught.value) == f"the values of the column 'value' have no type in common: {wrong}"
    for values in ([2**53 + 1, 0.5], [large, 0.5]):
        with pytest.raises(rm.MarshalError, match="the values of the column 'value' have no type in common: "):
            rm.execute_sync(PASS_TEXT, values).to_arrow()


def test_as_a_table_of_arrow_it_loses_nothing() -> None:
    pytest.importorskip("pyarrow")
    outputs = rm.execute_sync(SEGMENTS, [rm.testing.speech()])
    table = outputs.to_arrow()
    segment, row = outputs[0], table.to_pylist()[0]
    assert (row["sink"], row["item"], row["start_s"], row["end_s"]) == ("seg", 0, segment["start_s"], segment["end_s"])
    assert row["audio"]["rate"] == 16000
    assert np.array_equal(np.array(row["audio"]["samples"], "float32"), np.asarray(segment["audio"]))
    arrays = rm.execute_sync(PASS_TEXT, [np.arange(6).reshape(2, 3), rm.File("a.wav")])
    with_arrays = rm.execute_sync(PASS_TEXT, [np.arange(6).reshape(2, 3)]).to_arrow()
    assert np.asarray(rm.Tensor(**with_arrays["value"].to_pylist()[0])).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays.packets[1].value.path == "a.wav"


def test_a_notebook_shows_a_table_of_the_first_packets() -> None:
    outputs = rm.execute_sync(PASS_TEXT, list(range(25)))
    page = outputs._repr_html_()
    assert page.count("<tr>") == 21
    assert page.endswith("<p>5 more packets</p>")
    assert "<td>pass1</td><td>0</td><td></td><td></td><td>0</td>" in page
    assert "&lt;b&gt;" in rm.execute_sync(PASS_TEXT, ["<b>"])._repr_html_()
    assert "<td>right</td>" in fan_out()._repr_html_()
