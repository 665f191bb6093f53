"""The notebook of the examples, run by a kernel as Jupyter does: there a loop runs all the time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cells() -> list[Any]:
    """The cells of code, executed."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "it is committed without outputs"
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def page(cell: Any) -> str:
    """The HTML of what the cell's last line gave."""
    (result,) = [output for output in cell.outputs if output.output_type == "execute_result"]
    return str(result.data["text/html"])


def printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


def test_audio_is_a_player_and_a_waveform(cells: list[Any]) -> None:
    for cell, duration in ((cells[0], "7.100"), (cells[1], "1.400")):
        shown = page(cell)
        assert f'aria-label="waveform of {duration} s of audio"' in shown
        assert '<audio controls src="data:audio/wav;base64,' in shown


def test_blocking_calls_work_and_results_are_tables_and_pictures(cells: list[Any]) -> None:
    assert printed(cells[2]) == "0.32 to 6.91 s\n"
    assert page(cells[3]).count("<tr") == 9
    assert re.search(r'aria-label="matrix of the shape [\d x]+"', page(cells[4]))
    assert "<td>SpeechSegments</td>" in page(cells[5])


def test_a_session_runs_beside_the_loop_of_the_notebook(cells: list[Any]) -> None:
    assert printed(cells[6]).startswith("0.32 s  Audio(mono, ")
    assert "<td>speechsegments</td><td>355</td>" in page(cells[6])
