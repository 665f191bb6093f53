"""The builder of the documentation site: what it refuses. That it accepts the real one is a check of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import machine, site


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site of one page, `docs/index.md`, that is checked as the real one is."""
    (tmp_path / "docs").mkdir()
    settings = (machine.ROOT / "mkdocs.yml").read_text("utf-8")
    validation = settings[settings.index("\nvalidation:") :]
    config = tmp_path / "mkdocs.yml"
    config.write_text(
        f"site_name: small\nsite_dir: .build/site\nplugins: []\ntheme: {{name: mkdocs}}\n{validation}", "utf-8"
    )
    return config


@pytest.mark.parametrize("link", ["[gone](gone.md)", "[gone](#gone)", "![gone](gone.svg)"])
def test_a_link_to_nothing_is_refused(config: Path, link: str) -> None:
    (config.parent / "docs" / "index.md").write_text(f"# Page\n\n{link}\n", "utf-8")
    with pytest.raises(machine.Problem) as caught:
        site.build(config)
    assert "mkdocs build --strict" in str(caught.value)


@pytest.mark.parametrize(
    ("html", "fetched"),
    [
        ('<script src="https://host/x.js">', '<script src="https://host/x.js'),
        ('<img alt="a" src="//host/x.png">', '<img alt="a" src="//host/x.png'),
        ('<link href="https://host/x.css" rel="stylesheet">', '<link href="https://host/x.css'),
        ('<link rel="stylesheet" href="assets/x.css"><script src="assets/x.js">', None),
        ('<a href="https://host/">text</a><link rel="canonical" href="https://host/">', None),
    ],
)
def test_what_a_browser_fetches_from_elsewhere_is_seen(html: str, fetched: str | None) -> None:
    assert site.fetched_from_elsewhere(html) == fetched
