"""`docs/conformance.md`: what came of each case in each language, as a table."""

from __future__ import annotations

from typing import Any

from tools.machine import ROOT, Problem

PAGE = ROOT / "docs" / "conformance.md"
CURE = "run `python3 -m tools.conformance` and commit docs/conformance.md"

HEAD = """\
# Conformance

Every language that can call the library runs the same cases, which are data: `tests/conformance`. This page is
generated from what the runners print. [A new language](howto/new-language.md) says how to write one.

`ok` passes; a number is that of the cases that pass; `-` is a case that the runner does not have, since the language
has no codec of its own or does not use the JSON twin. Skipped cases have a number, and the reason is below.
"""

GROUPS = {
    "vector": "documents that are read and written",
    "refused": "documents that are refused",
    "unwritable": "values that are refused",
    "twin": "JSON twins",
    "read_twin": "JSON texts that are read",
    "refused_twin": "JSON texts that are refused",
}


def page(found: list[Any], names: list[str]) -> str:
    """The text of the page for these results and all names of cases."""
    languages = [result.language for result in found]
    reasons: dict[tuple[str, str], int] = {}
    lines = [HEAD, "## Documents", "", *_head("cases", languages)]
    for group, meaning in GROUPS.items():
        its = [name for name in names if name.startswith(f"{group}/")]
        lines.append(_row(f"{meaning} ({len(its)})", [_counted(result, its, reasons) for result in found]))
    lines += ["", "## Scenarios", "", *_head("scenario", languages)]
    for name in names:
        if name.startswith("scenario/"):
            cells = [_cell(result, name, reasons) for result in found]
            lines.append(_row(f"`{name.removeprefix('scenario/')}`", cells))
    lines += ["", "## Digests", "", "The SHA-256 of the outputs is the same in every language.", ""]
    lines += _head("outputs", languages)
    for name in names:
        if name.startswith("digest/"):
            lines.append(_row(f"`{name.removeprefix('digest/')}`", [_cell(result, name, reasons) for result in found]))
    lines += ["", "## Why cases are skipped", ""]
    lines += [f"{number}. {language}: {reason}" for (language, reason), number in reasons.items()]
    return "\n".join(lines) + "\n"


def write(found: list[Any], names: list[str]) -> None:
    """Writes the page."""
    PAGE.write_text(page(found, names), "utf-8")


def check(found: list[Any], names: list[str]) -> None:
    """Raises `Problem` if the page is not what it should be."""
    if not PAGE.exists() or PAGE.read_text("utf-8") != page(found, names):
        raise Problem(f"docs/conformance.md is not current: {CURE}.")


def _head(first: str, languages: list[str]) -> list[str]:
    return [_row(first, languages), _row("---", ["---"] * len(languages))]


def _row(first: str, cells: list[str]) -> str:
    return f"| {first} | " + " | ".join(cells) + " |"


def _number(result: Any, reason: str, reasons: dict[tuple[str, str], int]) -> int:
    return reasons.setdefault((result.language, reason), len(reasons) + 1)


def _cell(result: Any, name: str, reasons: dict[tuple[str, str], int]) -> str:
    if name not in result.cases:
        return "-"
    word, reason = result.cases[name]
    return f"skipped {_number(result, reason, reasons)}" if word == "skip" else str(word)


def _counted(result: Any, names: list[str], reasons: dict[tuple[str, str], int]) -> str:
    its = [result.cases[name] for name in names if name in result.cases]
    if not its:
        return "-"
    numbers = sorted({_number(result, reason, reasons) for word, reason in its if word == "skip"})
    passed = sum(word == "ok" for word, _ in its)
    return f"{passed}; skipped " + " ".join(map(str, numbers)) if numbers else str(passed)
