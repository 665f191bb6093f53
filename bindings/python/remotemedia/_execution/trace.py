"""Traces of sessions for Perfetto and chrome://tracing: what each thread and node did, and how full queues were.

A thread takes from the runtime what was recorded ten times a second and writes it, so the event loop does nothing for
it, and memory stays bounded however long the session lasts.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from .._functions import threads
from .._media.file import at_home
from .._problem.outside_text import shown

BETWEEN_SECONDS = 0.1
"""How long records gather before they are written."""

HOST_THREAD = 0
"""Calls to Python functions are shown beside the threads of the runtime, as a thread of this number."""

PROGRAM_THREAD = 1_000_000
"""So are the marks of what the program did and got; the threads of the runtime count from 1."""

MOST_MARKS = 1 << 16
"""As many marks wait for being written; more are counted as lost."""

_log = logging.getLogger("remotemedia")


class TraceFile:
    """The trace file of one session. `take` returns what was recorded since it was last called."""

    def __init__(
        self, path: str | os.PathLike[str], take: Callable[[], Mapping[str, Any] | None], marks: Marks | None = None
    ) -> None:
        self._file: TextIO = open(at_home(os.fsdecode(path)), "w", encoding="utf-8")  # noqa: SIM115 (closed by `end`)
        self._take = take
        self._marks = marks or Marks()
        self._events = Events()
        self._ending = threading.Event()
        self._is_first = True
        self._file.write('{"displayTimeUnit": "ms", "traceEvents": [')
        self._thread = threads.start("remotemedia-trace", self._serve)

    def end(self) -> None:
        """Writes what is left and closes the file."""
        self._ending.set()
        self._thread.join()

    def _serve(self) -> None:
        try:
            with self._file:
                is_last = False
                while not is_last:
                    is_last = self._ending.wait(BETWEEN_SECONDS)
                    self._write()
                self._file.write("\n]}\n")
        except Exception as error:
            # A full disk must not end the session.
            _log.error("the trace %r can't be written: %s", self._file.name, error)

    def _write(self) -> None:
        trace = self._take()
        marks, lost = self._marks.take()
        if trace is None and not marks:
            return
        lines = []
        trace = trace or {"records": [], "lost": 0}
        for event in self._events.of({"records": [*trace["records"], *marks], "lost": trace["lost"] + lost}):
            lines.append(("\n" if self._is_first else ",\n") + json.dumps(event))
            self._is_first = False
        self._file.write("".join(lines))


def plain(value: Any) -> Any:
    """The value as JSON has it: what has no form there, such as infinity, as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return shown(str(value))


class Marks:
    """What happened at one moment each, until it is written. Any thread may add to it."""

    def __init__(self) -> None:
        self.begin_ns = time.monotonic_ns()
        """When the times of the trace begin, by the monotonic clock."""
        self._lock = threading.Lock()
        self._marks: list[tuple[Any, ...]] = []
        self._lost = 0

    def add(self, kind: str, name: str, args: dict[str, Any], at_ns: int | None = None) -> None:
        """Adds a mark of this kind and name, at a time of the monotonic clock, or now."""
        # What opens a session begins a little before it.
        at = max((time.monotonic_ns() if at_ns is None else at_ns) - self.begin_ns, 0)
        with self._lock:
            if len(self._marks) < MOST_MARKS:
                self._marks.append(("mark", kind, name, at, args))
            else:
                self._lost += 1

    def take(self) -> tuple[list[tuple[Any, ...]], int]:
        """The marks since the last call, and how many found no room."""
        with self._lock:
            marks, lost = self._marks, self._lost
            self._marks, self._lost = [], 0
        return marks, lost


class Events:
    """The events of the trace format, made of what the runtime recorded."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._threads: set[int] = set()

    def of(self, trace: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The events of a record; times are microseconds, and spans have their length."""
        if trace["records"] and not self._threads:
            yield self._event("M", "process_name", 0, args={"name": f"remotemedia, process {self._pid}"})
        last = 0
        for kind, node, *rest in trace["records"]:
            if kind == "mark":
                name, at, args = rest
                yield from self._named(PROGRAM_THREAD, "the program: sends and outputs")
                # A send belongs to its row; the others are lines through the whole picture.
                scope = "t" if node == "send" else "p"
                yield self._event("i", name, at, s=scope, cat=node, tid=PROGRAM_THREAD, args=plain(args))
            elif kind == "fill":
                at, packets = rest
                yield self._event("C", f"queue before '{node}'", at, args={"packets": packets})
            elif kind == "drop":
                at, packets = rest
                name = f"drop {packets} before '{node}'"
                yield self._event("i", name, at, s="p", cat="drop", args={"node": node, "packets": packets})
            elif kind == "call":
                number, begin, end = rest
                last = max(last, end)
                of_call = {"cat": "python", "id": number, "tid": HOST_THREAD}
                yield from self._named(HOST_THREAD, "calls of Python functions")
                yield self._event("b", node, begin, **of_call)
                yield self._event("e", node, end, **of_call)
            else:
                thread, begin, end = rest[:3]
                last = max(last, end)
                yield from self._named(thread, f"thread {thread} of the runtime")
                args = {}
                if kind == "step":
                    args = {"item": rest[3], "pts": None if rest[4] is None else rest[4] / 1e9}
                name_of = node if kind == "step" else f"stage of '{node}'"
                yield self._event("X", name_of, begin, dur=(end - begin) / 1e3, cat=kind, tid=thread, args=args)
        if trace["lost"]:
            text = f"{trace['lost']} records found no room"
            yield self._event("i", text, last, s="g", args={"lost": trace["lost"]})

    def _named(self, thread: int, name: str) -> Iterator[dict[str, Any]]:
        if thread not in self._threads:
            self._threads.add(thread)
            yield self._event("M", "thread_name", 0, tid=thread, args={"name": name})

    def _event(self, phase: str, name: str, at_ns: int, **more: Any) -> dict[str, Any]:
        return {"ph": phase, "name": name, "ts": at_ns / 1e3, "pid": self._pid, **({"tid": 0} | more)}
