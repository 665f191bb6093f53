"""A session that marks in its trace what a program did and what it got: sends, interrupts, skipped packets, alerts.

A session without a trace is none of these, so the marks cost it nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._engine.session_handle import NativeSession

if TYPE_CHECKING:
    import contextvars

    from .._engine.loop_port import LoopPort
    from .._results.outputs import Packet
    from ..errors import NodeError
    from .trace import Marks


class TracedSession(NativeSession):
    """The native half of a session, with marks for its trace."""

    def __init__(self, marks: Marks, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._marks = marks
        self._alerts = Alerts(marks.add)
        self.skipped = _Skips(marks.add)

    def exchange(self, packets: list[list[Any]], borrow: bool, at_once: bool) -> int:
        """As in every session, with a mark for what was taken."""
        self.opened()
        sent_at = time.monotonic_ns()
        known = len(self.arrived)
        taken = super().exchange(packets, borrow, at_once)
        if taken:
            self._marks.add("send", "send" if taken == 1 else f"send {taken}", {"packets": taken}, sent_at)
        self._alerts.look(list(self.arrived)[known:])
        return taken

    def fetch(self, sink: int, batch: deque[Packet]) -> int:
        """As in every session, with a mark for each alert in what came."""
        known = len(batch)
        status = super().fetch(sink, batch)
        self._alerts.look(list(batch)[known:])
        return status

    def interrupt(self, at: str | None) -> None:
        """As in every session, with a mark."""
        name, details = ("interrupt", {}) if at is None else (f"interrupt at '{at}'", {"at": at})
        self._marks.add("interrupt", name, details)
        super().interrupt(at)

    def _open(self, port: LoopPort, context: contextvars.Context | None) -> None:
        super()._open(port, context)
        # The runtime began its times a moment ago: a mark is early by less than a millisecond, and so never later than
        # what it has caused.
        self._marks.begin_ns = time.monotonic_ns()


CHANGE = ("type", "fault", "start_s", "end_s", "worst", "measure")
"""The fields of what a monitor reports where a fault starts or ends."""


class Alerts:
    """Finds in outputs where the faults that a monitor reports change."""

    def __init__(self, mark: Callable[[str, str, dict[str, Any]], None]) -> None:
        self._mark = mark
        self._faults: dict[str, list[str]] = {}
        """The faults of each sink."""

    def look(self, packets: list[Packet]) -> None:
        """Marks the changes in packets that came."""
        for packet in packets:
            value = packet.value
            if not isinstance(value, Mapping):
                continue
            # A node of the user's may emit maps with a fault of its own: theirs are not those of a monitor.
            if value.get("type") in ("start", "end") and isinstance(value.get("fault"), str) and "start_s" in value:
                details = {name: value[name] for name in CHANGE if name in value}
                self._add(packet, value["fault"], value["type"] == "start", details)
            elif isinstance(value.get("faults"), list):
                before = self._faults.get(packet.sink, [])
                now = [fault for fault in value["faults"] if isinstance(fault, str)]
                for fault in now:
                    if fault not in before:
                        self._add(packet, fault, True, {})
                for fault in before:
                    if fault not in now:
                        self._add(packet, fault, False, {})
                self._faults[packet.sink] = now

    def _add(self, packet: Packet, fault: str, is_start: bool, details: dict[str, Any]) -> None:
        name = f"{packet.sink}: {fault} {'starts' if is_start else 'ends'}"
        self._mark("alert", name, {"pts": packet.pts, **details})


class _Skips(list["NodeError"]):
    """Errors that the manifest let pass, each with a mark."""

    def __init__(self, mark: Callable[[str, str, dict[str, Any]], None]) -> None:
        super().__init__()
        self._mark = mark

    def append(self, error: NodeError) -> None:
        super().append(error)
        self._mark("skip", f"skip in '{error.node_id}'", {"error": str(error)})
