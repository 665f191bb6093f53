"""Generates `include/remotemedia.abi.json`: the C ABI for programs that make bindings, or check their tables.

Functions, structs and constants come from the header, the codes of the wire from its page, documents from
`abi_documents`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tools import abi_documents
from tools.machine import ROOT, Problem

PATH = ROOT / "include" / "remotemedia.abi.json"
WIRE = ROOT / "docs" / "wire.md"
WIDTHS = {"pointer": 8, "size_t": 8, "uint64_t": 8, "int64_t": 8, "uint32_t": 4, "int32_t": 4}
"""The types of fields, with their sizes where pointers have 64 bits."""

GROUPS = {"RM_ABI_": "version", "RM_BUFFER_": "flag", "RM_JSON_": "flag", "RM_EVENT_": "event"}
"""What constants with these prefixes are; the others are statuses."""


def text(header: str) -> str:
    """The description of a header, as the file has it."""
    return json.dumps(describe(header), ensure_ascii=False, indent=1) + "\n"


def describe(header: str) -> dict[str, Any]:
    """The description of a header."""
    known = {constant["name"]: constant["value"] for constant in _constants(header)}
    layout = structs(header)
    names = {struct["name"] for struct in layout}
    opaque = sorted(set(re.findall(r"typedef struct (rm_\w+) rm_\w+;", header)) - names)
    return {
        "abi": {"major": known["RM_ABI_MAJOR"], "minor": known["RM_ABI_MINOR"]},
        "constants": list(_constants(header)),
        "opaque": opaque,
        "structs": layout,
        "functions": list(_functions(header)),
        "events": _events(known),
        "wire": {"inline_below": 16384, "extensions": list(_extensions())},
        "documents": abi_documents.documents(),
    }


def structs(header: str) -> list[dict[str, Any]]:
    """The structs with fields that a header has: their sizes and offsets where pointers have 64 bits."""
    found = []
    for name, body in re.findall(r"typedef struct (rm_\w+) \{(.*?)\n\}", header, flags=re.DOTALL):
        fields: list[dict[str, Any]] = []
        offset = 0
        for doc, declaration in re.findall(r"(?:/\*\*(.*?)\*/)?\s*([\w\s*]+);", body, flags=re.DOTALL):
            match = re.fullmatch(r"\s*(.*?)\s*(\w+)\s*", declaration, flags=re.DOTALL)
            if match is None:
                raise Problem(f"a field of {name} can't be read: {declaration!r}")
            kind, field = re.sub(r"\bstruct ", "", match[1]), match[2]
            size = WIDTHS["pointer" if "*" in kind else kind]
            if offset % size:
                raise Problem(f"{name}.{field} is not aligned: order the fields so that there is no padding before it.")
            fields.append({"name": field, "type": kind, "offset": offset, "size": size, "doc": _plain(doc)})
            offset += size
        found.append({"name": name, "size": offset, "alignment": 8, "fields": fields})
    return found


def _constants(header: str) -> Iterator[dict[str, Any]]:
    for doc, name, value in re.findall(
        r"/\*\*((?:(?!\*/).)*?)\*/\s*#define (RM_\w+) \(?(-?\d+)\)?$", header, flags=re.DOTALL | re.MULTILINE
    ):
        group = next((group for prefix, group in GROUPS.items() if name.startswith(prefix)), "status")
        yield {"name": name, "value": int(value), "group": group, "doc": _plain(doc)}


def _functions(header: str) -> Iterator[dict[str, Any]]:
    for doc, result, name, params in re.findall(
        r"/\*\*((?:(?!\*/).)*?)\*/\s*^([\w ]+?[ *]+)(rm_\w+)\((.*?)\);$", header, flags=re.DOTALL | re.MULTILINE
    ):
        yield {
            "name": name,
            "result": _type(result),
            "params": [_param(each) for each in params.split(",") if each.strip() != "void"],
            "doc": _plain(doc),
        }


def _param(declaration: str) -> dict[str, str]:
    match = re.fullmatch(r"\s*(.*?)(\w+)\s*", declaration, flags=re.DOTALL)
    if match is None:
        raise Problem(f"a parameter can't be read: {declaration!r}")
    return {"name": match[2], "type": _type(match[1])}


def _type(declaration: str) -> str:
    return re.sub(r"\s+", " ", declaration.replace("struct ", "")).strip()


def _events(known: dict[str, int]) -> list[dict[str, Any]]:
    events = []
    for kind, (name, doc, fields) in enumerate(abi_documents.EVENTS, start=1):
        constant = f"RM_EVENT_{name.upper()}"
        if known.get(constant) != kind:
            raise Problem(f"event {kind} is {name}, but the header has {constant} = {known.get(constant)}")
        events.append({"kind": kind, "name": name, "constant": constant, "fields": fields["prefixItems"], "doc": doc})
    return events


def _extensions() -> Iterator[dict[str, Any]]:
    """The extension types, from the headings and the layouts of docs/wire.md."""
    page = WIRE.read_text("utf-8")
    for code, name, rest in re.findall(r"^### (-?\d+) (\w+)[^\n]*\n(.*?)(?=^##)", page, flags=re.DOTALL | re.MULTILINE):
        layout = re.match(r"\s*`(\[.*?\])`", rest, flags=re.DOTALL)
        yield {"code": int(code), "name": name, "layout": layout[1] if layout else None}


def _plain(comment: str) -> str:
    lines = (re.sub(r"^\s*\* ?", "", line) for line in comment.strip().splitlines())
    return "\n".join(lines).strip()
