"""How what type checkers say is compared with what they should say."""

from __future__ import annotations

import pytest

from tools import type_checkers
from tools.machine import Problem


def wanted() -> dict[int, str]:
    lines = type_checkers.MISTAKES.read_text("utf-8").splitlines()
    return {number: "an error" for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


def test_an_error_where_one_belongs_is_right() -> None:
    type_checkers.compare("mypy", {"mistakes.py": wanted()})


def test_a_remark_too_many_and_a_mistake_not_seen_are_told() -> None:
    seen = wanted()
    del seen[last := max(seen)]
    with pytest.raises(Problem) as caught:
        type_checkers.compare("mypy", {"mistakes.py": {**seen, 1: "odd"}, "user_code.py": {3: "no such name"}})
    assert str(caught.value) == (
        "mypy says of tests/typing:\n"
        "  mistakes.py:1: odd\n"
        "  user_code.py:3: no such name\n"
        f"  mistakes.py:{last}: this is no error"
    )
