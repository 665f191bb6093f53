"""The bill of materials that a wheel and an archive carry: what the library was compiled from, as CycloneDX.

The same sources give the same text: it has no time and no number of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tools import licences, machine, weights
from tools.machine import ROOT, Problem
from tools.target import Target

NAME = "remotemedia.cdx.json"


def write(folder: Path, target: Target | None = None) -> Path:
    """Write the bill of materials of a target, by default of this machine, into a folder; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / NAME
    file.write_text(json.dumps(described(target), indent=1) + "\n", "utf-8")
    return file


def described(target: Target | None = None) -> dict[str, Any]:
    """The document: crates that are linked, with the checksums of Cargo.lock, libopus, and the weights."""
    version = machine.project_version()
    itself = {
        "type": "library",
        "bom-ref": "remotemedia",
        "name": "remotemedia",
        "version": version,
        "purl": f"pkg:pypi/remotemedia@{version}",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }
    triple = machine.host_triple() if target is None else target.triple
    linked = [crate for crate in licences.crates([triple]) if crate.linked]
    parts = [*map(_crate, linked), _libopus(linked), _weights()]
    needed = [part["bom-ref"] for part in parts]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": itself},
        "components": parts,
        "dependencies": [{"ref": "remotemedia", "dependsOn": needed}],
    }


def _crate(crate: licences.Crate) -> dict[str, Any]:
    url = f"pkg:cargo/{crate.name}@{crate.version}"
    # Old crates write MIT/Apache-2.0, which is no SPDX expression.
    licence = re.sub(r"\s*/\s*", " OR ", crate.licence)
    return _component(crate.name, crate.version, url, licence, _checksum(crate.name, crate.version))


def _checksum(name: str, version: str) -> str:
    entry = rf'name = "{re.escape(name)}"\nversion = "{re.escape(version)}"\nsource = "[^"]+"\nchecksum = "(\w+)"'
    found = re.search(entry, (ROOT / "Cargo.lock").read_text("utf-8"))
    if found is None:
        raise Problem(f"Cargo.lock has no checksum of {name} {version}: `cargo generate-lockfile`.")
    return found[1]


def _libopus(linked: list[licences.Crate]) -> dict[str, Any]:
    """The C library that a crate carries the sources of."""
    carrier = next(crate for crate in linked if crate.name == "opusic-sys")
    found = re.search(r'PACKAGE_VERSION="([^"]+)"', (carrier.folder / "opus" / "package_version").read_text("utf-8"))
    if found is None:
        raise Problem(f"{carrier.name} does not say which libopus it carries.")
    return _component("libopus", found[1], f"pkg:generic/opus@{found[1]}", "BSD-3-Clause")


def _weights() -> dict[str, Any]:
    name, _, version = weights.PACKAGE.partition("==")
    url = f"pkg:pypi/{name}@{version}"
    return _component(name, version, url, "MIT", weights.WHEEL_SHA256, kind="machine-learning-model")


def _component(
    name: str, version: str, url: str, licence: str, checksum: str | None = None, *, kind: str = "library"
) -> dict[str, Any]:
    described: dict[str, Any] = {"type": kind, "bom-ref": url, "name": name, "version": version, "purl": url}
    described["licenses"] = [{"expression": licence}]
    if checksum is not None:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described
