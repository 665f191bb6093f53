"""Counts the length of an input behind its decoder, while the audio passes."""

from __future__ import annotations

from typing import Any

from .._graph.function_node import node
from .._graph.plan import Plan
from ..media import Audio


class Length:
    """The length of what the decoders of a graph give. `seconds` is None without a decoder."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def add_to(self, manifest: dict[str, Any], plan: Plan) -> None:
        """Puts the counter into a manifest."""
        taken = {entry["id"] for entry in manifest["nodes"]}
        for entry in plan.nodes:
            if entry["node_type"] not in ("AudioDecode", "AudioDecodeNode"):
                continue
            self.seconds = 0.0

            @node
            def count(audio: Audio) -> None:
                self.seconds = max(self.seconds or 0.0, (audio.pts or 0.0) + audio.duration)

            name = f"{entry['id']}_length"
            while name in taken:
                name += "_"
            manifest["nodes"].append({"id": name, "node_type": count})
            manifest["connections"].append({"from": entry["id"], "to": name})
