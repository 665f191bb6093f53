"""`remotemedia nodes`: the order of the list, and ranges that hold."""

from __future__ import annotations

import pytest
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
