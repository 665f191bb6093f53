"""What ends a command from outside: Ctrl-C, and the signals by which a system ends programs.

They call off what runs on the event loop, so that nothing half written is left. Who waits on its thread for another
program, such as one that is to read what is printed, would not notice: Python repeats a system call that a signal cut
off. So `wait_until` waits for the signal too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import threading
from types import FrameType
from typing import Any

from .._process import after_fork

SIGNALS = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends a command."""


class Ended(KeyboardInterrupt):
    """The command is to end, and what the main thread waits for has not come."""


class Ending:
    """Lets the signals by which a system ends a program do what Ctrl-C does, from `listen` to `forget`.

    `by` is the signal that came. One that whoever started this program ignores or takes is left alone.
    """

    def __init__(self) -> None:
        self.by: int | None = None
        self._taken: list[int] = []
        self._pipe: tuple[int, int] | None = None

    def listen(self) -> None:
        """Takes the signals, if this thread may: only the main thread hears of them."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in sorted(SIGNALS - {signal.SIGINT}):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._take)
                self._taken.append(number)
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        if before == -1:
            _here.append(self)
        else:
            # The event loop of a program that carries out a command needs it.
            signal.set_wakeup_fd(before)

    def forget(self) -> None:
        """Leaves the signals as they were."""
        for number in self._taken:
            signal.signal(number, signal.SIG_DFL)
        if self in _here:
            _here.remove(self)
            signal.set_wakeup_fd(-1)
        for end in self._pipe or ():
            os.close(end)
        self._pipe = None

    def fileno(self) -> int:
        """What can be read once a signal has come, of those that this program takes."""
        assert self._pipe is not None
        return self._pipe[0]

    def has_come(self) -> bool:
        """Whether one has come that ends the command."""
        assert self._pipe is not None
        try:
            numbers = os.read(self.fileno(), 64)
        except BlockingIOError:
            # It is another thread that has it, and puts it back.
            return False
        if SIGNALS.isdisjoint(numbers):
            return False
        # Others wait for it too, and whoever comes later.
        os.write(self._pipe[1], bytes((signal.SIGINT,)))
        return True

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.by = number
        # That of asyncio, while a run is on; none if Ctrl-C is ignored, as a shell has it for what runs beside it.
        interrupt: Any = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)


def wait_until(number: int, event: int) -> None:
    """Waits until a descriptor is ready for `select.POLLIN` or `select.POLLOUT`.

    If the command is to end before that, it raises `Ended` on the main thread, `InterruptedError` on others.
    """
    ready = select.poll()
    ready.register(number, event)
    ending = _here[-1] if _here else None
    if ending is not None:
        ready.register(ending, select.POLLIN)
    while all(each != number for each, _ in ready.poll()):
        if ending is not None and ending.has_come():
            if threading.current_thread() is threading.main_thread():
                raise Ended
            raise InterruptedError(errno.EINTR, "the command was ended")


_here: list[Ending] = []
"""The one of the command that is carried out, if it can know of signals."""


def _child() -> None:
    # What a child gets is no signal of ours.
    if _here:
        _here.clear()
        with contextlib.suppress(ValueError):
            signal.set_wakeup_fd(-1)


after_fork(_child)
