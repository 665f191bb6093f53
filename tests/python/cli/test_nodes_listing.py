"""`remotemedia nodes`: the order of the list, ranges that hold, and what the reference of the nodes has too."""

from __future__ import annotations

import inspect

import pytest
import remotemedia as rm
from remotemedia._manifest.catalog import node_types
from remotemedia.cli import main


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_old_names_come_last(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "nodes").splitlines()
    is_old = ["An old name of" in line for line in lines]
    assert is_old == sorted(is_old)
    assert any(is_old)


def test_a_list_of_values_has_no_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    described = printed(capsys, "nodes", "VAD")
    assert "rate  16000 | 8000, default 16000\n" in described


def test_each_type_has_its_cost_and_each_live_param_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    live = {name: described["live"] for name, described in node_types().items() if described.get("live")}
    assert live["AudioGain"] == ["gain_db"]
    for name, described in node_types().items():
        lines = printed(capsys, "nodes", name).splitlines()
        assert f"cost: {described['cost']}" in lines
        marked = [line.split()[0] for line in lines if line.endswith(", live")]
        assert sorted(marked) == sorted(live.get(name, [])), name


def test_help_marks_live_params() -> None:
    for name, described in node_types().items():
        about = inspect.getdoc(getattr(rm.nodes, name).__init__) or ""
        params = " ".join(about.split()).split("It may change while a session runs.")
        assert len(params) - 1 == len(described.get("live", ())), name
