"""The documentation site: `docs/` as `mkdocs.yml` arranges it, built into `.build/site`."""

from __future__ import annotations

import re
from pathlib import Path

from tools import environment, machine
from tools.machine import BUILD, ROOT, Problem

FOLDER = BUILD / "site"
# What a browser fetches by itself when it shows a page: not what a reader clicks on.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//|<link\b[^>]*\brel=["']?
    (?:stylesheet|preload|preconnect|icon|manifest)\b[^>]*\bhref=["']?(https?:)?//""",
    re.VERBOSE,
)


def build() -> Path:
    """Build the site; returns its folder. A broken link, or a page that fetches from elsewhere, is a `Problem`."""
    python = environment.ready("docs")
    # The theme tells of its maker's other products.
    quiet = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    machine.run([python, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean"], environment=quiet)
    for page in FOLDER.rglob("*.html"):
        found = FETCHED.search(page.read_text("utf-8"))
        if found is not None:
            raise Problem(f"{page.relative_to(ROOT)} fetches from another host: {found[0]}")
    return FOLDER
