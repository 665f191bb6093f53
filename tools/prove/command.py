"""`build.py prove`: every area, and the table."""

from __future__ import annotations

from tools import environment, machine
from tools.machine import BUILD
from tools.prove.areas import areas
from tools.prove.table import row, written


def main(only: list[str]) -> int:
    """Prove the chosen areas, or all; print the table. Returns the exit code."""
    environment.require_all()
    chosen = [area for area in areas() if not only or area.name in only]
    if not chosen:
        raise machine.Problem(f"there is no such area: {', '.join(area.name for area in areas())}.")
    rows = [row(area) for area in chosen]
    table = written(rows)
    (BUILD / "prove").mkdir(parents=True, exist_ok=True)
    (BUILD / "prove" / "table.md").write_text(f"{table}\n", "utf-8")
    print(table)
    return 1 if any(each.failures for each in rows) else 0
