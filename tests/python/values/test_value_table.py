"""Every kind of value in every direction: the cells of `value_table.py`, each a test, and none missing."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
import value_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from remotemedia._abi.constants import AUDIO, BYTES, FILE, TABLE, TENSOR, VIDEO

pytest.importorskip("pyarrow")
pytest.importorskip("pandas")
value_table.add_tables()
CELLS = {
    f"{kind}, {name}": cell
    for kind, row in value_table.cells().items()
    for name, cell in row.items()
    if cell is not None
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_values_of_a_kind_come_back_exactly(cell: Callable[[], int]) -> None:
    assert cell() > 0


def test_every_kind_of_the_wire_and_every_vector_has_its_cells() -> None:
    codes = {"tensor": TENSOR, "audio": AUDIO, "video": VIDEO, "table": TABLE, "file": FILE, "bytes": BYTES}
    assert set(codes) | set(value_table.vectors()) <= set(value_table.SAMPLES)
    assert set(value_table.BUFFERS) == set(codes)


def test_only_timestamps_that_no_datetime_has_are_left_out_of_the_vectors() -> None:
    known = {vector["name"] for its in value_table.vectors().values() for vector in its}
    assert not known & value_table.TRUNCATED
    assert all(name.startswith("timestamp_") for name in value_table.TRUNCATED)


def audio(samples: np.ndarray, rate: int, pts_ns: int | None) -> rm.Audio:
    """Sound of one or two channels."""
    return rm.Audio(samples, rate, pts_ns=pts_ns)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(width=64),
    st.text(),
    st.binary(max_size=64),
    st.datetimes(timezones=st.just(datetime.timezone.utc)),
    st_numpy.arrays(
        dtype=st.sampled_from(value_table.DTYPES),
        shape=st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    ),
    st_numpy.arrays(
        dtype=st.sampled_from(["uint8", "float64"]), shape=st.sampled_from([(200, 100), (3, 20_000)]), fill=st.just(1)
    ),
    st.builds(
        audio,
        st_numpy.arrays(dtype="float32", shape=st.tuples(st.integers(1, 2), st.integers(0, 50))),
        st.integers(1, 2**32 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    st.builds(rm.File, st.text(min_size=1) | st.binary(max_size=64), mime=st.none() | st.text()),
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("way", value_table.DIRECTIONS.values(), ids=value_table.DIRECTIONS)
@given(value=values)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_value_comes_back_exactly(way: Callable[..., Any], engine: str, value: Any) -> None:
    back = way(value, engine=engine)
    assert value_table.same(value, back), (value, back)


KEYS = [(np.str_("a"), "str(key)"), (value_table.Color.RED, "key.value"), (value_table.Level.HIGH, "str(key)")]
"""Keys that are no `str`, with what to write in place of them."""


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("way", value_table.DIRECTIONS.values(), ids=value_table.DIRECTIONS)
@pytest.mark.parametrize(("key", "cure"), KEYS)
def test_keys_of_other_types_are_refused(way: Callable[..., Any], engine: str, key: Any, cure: str) -> None:
    # Beside texts of such types that are values, which cross.
    deep = [value_table.Color.RED, {"b": value_table.Point({key: key}, value_table.Color.RED)}]  # type: ignore[arg-type]
    for value in ({key: 1}, deep):
        with pytest.raises(rm.Error) as caught:
            way(value, engine=engine)
        assert f"keys of a dict must be str: write {{{cure}: value}}" in str(caught.value)


@pytest.mark.parametrize(("key", "cure"), KEYS)
async def test_sessions_refuse_them_too(key: Any, cure: str) -> None:
    async with (rm.Pipeline() >> rm.nodes.PassThrough()).session() as session:
        refused = pytest.raises(rm.MarshalError, match=r"^value: the key .* must be str: write {" + re.escape(cure))
        for borrow in (False, True):
            with refused:
                await session.send({key: 1}, borrow=borrow)
        with refused:
            session.try_send({key: 1})
        with refused:
            await asyncio.to_thread(session.send_from_thread, {key: 1})
        await session.send([value_table.Color.RED])
        await session.finish()
        assert [packet.value async for packet in session] == [["red"]]
