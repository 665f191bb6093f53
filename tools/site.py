"""The documentation site: `docs/` as `mkdocs.yml` arranges it, built into `.build/site`."""

from __future__ import annotations

import re
from pathlib import Path

from tools import environment, machine
from tools.machine import ROOT, Problem

FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^"'>\s]*"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon|manifest))[^>]*\bhref=["']?(?:https?:)?//[^"'>\s]*"""
)


def build(config: Path = ROOT / "mkdocs.yml") -> Path:
    """Build the site; returns its folder. A broken link, or a page that fetches from elsewhere, is a `Problem`."""
    python = environment.ready("docs")
    # Without --quiet: it hides warnings from --strict as well.
    command = [python, "-m", "mkdocs", "build", "--strict", "--clean", "--config-file", config]
    # The theme else tells of what its makers think of the next mkdocs.
    machine.run(command, environment={"NO_MKDOCS_2_WARNING": "1"})
    folder = config.parent / ".build" / "site"
    for page in folder.rglob("*.html"):
        found = fetched_from_elsewhere(page.read_text("utf-8"))
        if found is not None:
            raise Problem(f"{page} fetches from another host: {found}")
    return folder


def fetched_from_elsewhere(html: str) -> str | None:
    """What of a page a browser would fetch from another host by itself, if there is something. Links are not."""
    found = FETCHED.search(html)
    return found[0] if found else None
