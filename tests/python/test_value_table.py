"""Every kind of value in every direction: the cells of `value_table.py`, each a test, and none missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import value_table
from remotemedia._marshal import AUDIO, BYTES, FILE, TABLE, TENSOR, VIDEO

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
