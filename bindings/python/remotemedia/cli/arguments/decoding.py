"""The decoder with which the graphs of `convert`, `levels` and `segments` begin."""

from __future__ import annotations

import argparse
from typing import Any

from ..._graph.node import Node

CHUNK_MS = 1000
"""How much audio passes at a time."""
PLACE = "nodes[0].params.raw"
"""Where `--raw` is in the graph, for messages."""


def decoder(chosen: argparse.Namespace, **params: Any) -> Node:
    """The node, for files or for PCM without a header as `--raw` describes it."""
    raw = (
        {}
        if chosen.raw is None
        else {"raw": dict(zip(("sample_format", "rate", "channels"), chosen.raw, strict=False))}
    )
    return Node("AudioDecode", {"chunk_ms": CHUNK_MS, **params, **raw})


def raw_option(chosen: argparse.Namespace) -> str:
    """The option as it was typed."""
    return f"--raw {':'.join(map(str, chosen.raw or ()))}"
