"""The life of the process: its exit, its forks, and first uses that a fork must not interrupt.

It is imported with the package, so that functions which a program registers to run at exit afterwards find a runtime.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import RLock

# Every program that imports remotemedia would wait for typing; checkers take this name for true.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FORK_PATIENCE_SECONDS = 10.0
"""How long a fork waits for a first use: far longer than one takes, unless that waits for the fork itself."""

STAY_SECONDS = 5.0
"""How long a daemon thread sleeps while the interpreter exits, which may wait for that thread."""

_after_fork: list[Callable[[], None]] = []
_before_exit: list[Callable[[], None]] = []
_at_exit: list[Callable[[], None]] = []
_exiting = False


FIRST_USE = RLock()
"""Held by a thread that imports a module, or has the library make something, at its first use. Forks wait for it.

A child has none of the threads of its parent: a module that one of them was importing would stay half done there, and
importing it would wait for ever. Modules of this package don't take it while they are imported themselves; so no thread
that holds the lock of a module waits for this one.
"""
_held: list[bool] = []
_is_guarded = False


def guard() -> None:
    """Has forks wait for `FIRST_USE` from now on."""
    global _is_guarded
    if _is_guarded:
        return
    # A fork takes the lock of logging too, which imports want. Handlers that are registered last run first before a
    # fork: so it waits for this lock before it has that one. Imported here, since it takes longer than this package.
    import logging  # noqa: F401

    if not _is_guarded and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_hold, after_in_parent=_let_go)
    _is_guarded = True


def imported(name: str) -> Any:
    """A module that the program has imported, else None; also while another thread is importing it."""
    module = sys.modules.get(name)
    if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
        return None
    return module


def after_fork(reset: Callable[[], None]) -> None:
    """Has `reset` called in a forked child, to drop what belongs to the parent."""
    _after_fork.append(reset)


def before_exit(wait: Callable[[], None]) -> None:
    """Has `wait` called at exit while everything still works, before what `at_exit` registers."""
    _before_exit.append(wait)


def at_exit(prepare: Callable[[], None]) -> None:
    """Has `prepare` called at exit, in the order of registration."""
    _at_exit.append(prepare)


def exiting() -> bool:
    """Whether the interpreter is on its way out."""
    return _exiting


def in_main_interpreter() -> bool:
    """Whether this is the interpreter that the process began with, and no sub-interpreter."""
    try:
        try:
            import _interpreters as interpreters  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            # Until 3.12.
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found, no-redef, unused-ignore]
    except ImportError:
        return True
    # From 3.13 on each comes with where it is from.
    current, main = interpreters.get_current(), interpreters.get_main()
    return bool(current == main if type(current) is not tuple else current[0] == main[0])


def stay_at_exit() -> None:
    """Stops a daemon thread that has found the runtime shut down because the interpreter exits.

    Python ends such threads soon, wherever they are; exceptions that they raised until then would be of no use.
    """
    if not _exiting:
        return
    import threading
    import time

    if threading.current_thread().daemon:
        time.sleep(STAY_SECONDS)


def _hold() -> None:
    _held.append(FIRST_USE.acquire(timeout=FORK_PATIENCE_SECONDS))


def _let_go() -> None:
    # Nothing is held if the fork had begun before this was registered.
    if _held and _held.pop():
        FIRST_USE.release()


def _child() -> None:
    # The thread that was inside, if one was, stayed in the parent.
    FIRST_USE._at_fork_reinit()  # type: ignore[attr-defined]
    _held.clear()
    for reset in _after_fork:
        reset()


def _exit() -> None:
    global _exiting
    for wait in _before_exit:
        wait()
    _exiting = True
    for prepare in _at_exit:
        _uninterrupted(prepare)


def _uninterrupted(step: Callable[[], None]) -> None:
    """Carries out a step of the exit, also if Ctrl-C is pressed again: the program is ending already."""
    while True:
        try:
            step()
        except KeyboardInterrupt:
            continue
        return


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_child)
atexit.register(_exit)
