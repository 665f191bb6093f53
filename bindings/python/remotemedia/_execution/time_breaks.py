"""Reports, once for a session, that the times of what its nodes got did not continue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .metrics import Metrics, NodeMetrics

_log = logging.getLogger("remotemedia")


class TimeBreakReport:
    """Logs the first gaps and overlaps that the metrics of a session show; `metrics()` counts all."""

    def __init__(self) -> None:
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether something was logged."""
        return self._is_done

    def look(self, metrics: Metrics) -> None:
        """Log what there is, unless something has been logged before."""
        broken = [node for node in metrics.nodes if node.gaps or node.overlaps]
        if broken and not self._is_done:
            self._is_done = True
            # Each node behind it meets the same jump.
            _log.warning(
                "the times of what comes to node '%s' jump: %s; see 'gaps' in its params and in metrics()",
                broken[0].node,
                breaks_of(broken[0]),
            )


def breaks_of(node: NodeMetrics) -> str:
    """What a node has met: `1 gap (1.000 s missing), 2 overlaps (0.040 s left out)`."""
    words = []
    if node.gaps:
        words.append(f"{node.gaps} gap{'s' * (node.gaps > 1)} ({node.missing:.3f} s missing)")
    if node.overlaps:
        words.append(f"{node.overlaps} overlap{'s' * (node.overlaps > 1)} ({node.trimmed:.3f} s left out)")
    return ", ".join(words)
