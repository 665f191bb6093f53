"""The instances of classes in one run: which work goes on with them, and their end.

An instance is used by one call at a time. A call that comes while work of an earlier one still goes on, because an
interruption has ended that call and a function takes its time, waits for it; so does the cleaning up. Several calls may
wait, where interruptions follow each other closely: each has its place until its turn, or until it is called off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from .calls import InThread, call
from .chain import clean_up, closing, complain
from .cursor import Cursor
from .instances import Instance
from .spec import HostClass, HostFunction

Waiting = tuple[Callable[[], None], bool]
"""What starts the work of a call, and whether that is done by a thread."""


class InstancePool:
    """The instances of a run."""

    def __init__(self) -> None:
        self._instances: dict[int, Instance] = {}
        # The garbage collector may end a run, with its loop, on a thread that holds it.
        self._lock = threading.RLock()
        self._busy: dict[str, int] = {}
        self._threads = 0
        self._waiting: dict[str, dict[int, Waiting]] = {}
        """For the nodes of each key, the calls that wait for them by their numbers, in the order of their coming."""
        self._clean: Callable[[], None] | None = None

    def functions(
        self, declared: Mapping[int, HostFunction], tokens: Sequence[int], epoch: int
    ) -> list[HostFunction] | None:
        """The functions with these numbers, classes as their instances. An interruption makes new ones.

        None if the instances have been through a later interruption than `epoch`: what comes from before it is over.
        """
        found: list[HostFunction] = []
        with self._lock:
            instances = [self._instances.get(token) for token in tokens]
            if any(instance is not None and instance.epoch > epoch for instance in instances):
                return None
            for token, instance in zip(tokens, instances, strict=True):
                function = declared[token]
                if isinstance(function, HostClass):
                    if instance is None or instance.epoch != epoch:
                        instance = self._instances[token] = Instance(function, epoch, instance)
                    function = instance
                found.append(function)
        return found

    @property
    def belong_on_loop(self) -> bool:
        """Whether some methods are async."""
        return any(instance.on_loop for instance in self._instances.values())

    def begin(self, key: str, call_id: int, start: Callable[[], None], in_thread: bool) -> bool:
        """Starts the work of a call on the nodes that `key` names, once no other goes on with them.

        Answers whether it did or will: nothing begins in a run that has ended.
        """
        with self._lock:
            if self._clean is not None:
                return False
            if key in self._busy:
                self._waiting.setdefault(key, {})[call_id] = start, in_thread
                return True
            self._busy[key] = 1
            self._threads += in_thread
        start()
        return True

    def withdraw(self, key: str, call_id: int) -> bool:
        """Has a call not begin that waits for these nodes. Answers False if it does not wait."""
        with self._lock:
            return self._waiting.get(key, {}).pop(call_id, None) is not None

    def retain(self, key: str) -> None:
        """A thread works for the call too."""
        with self._lock:
            self._busy[key] += 1
            self._threads += 1

    def release(self, key: str, in_thread: bool) -> None:
        """Some of that work has ended."""
        start = clean = None
        with self._lock:
            self._busy[key] -= 1
            self._threads -= in_thread
            if not self._busy[key]:
                del self._busy[key]
                waiting = self._waiting.get(key)
                if waiting:
                    start, starts_in_thread = waiting.pop(next(iter(waiting)))
                    self._busy[key] = 1
                    self._threads += starts_in_thread
                elif not self._busy:
                    clean = self._clean
        if start is not None:
            start()
        if clean is not None:
            clean()

    def end(self, clean: Callable[[], None]) -> bool:
        """No more calls come: `clean` is to be called once no work goes on. Answers whether that is worth waiting for.

        It is not while a sync function is at work, which may take any time.
        """
        with self._lock:
            if self._clean is not None:
                return False
            self._clean = clean
            self._waiting.clear()
            is_worth_it = not self._threads and any(each.is_open for each in self._instances.values())
            is_idle = not self._busy
        if is_idle:
            clean()
        return is_worth_it

    def clean(self) -> None:
        """Cleans up what is still to be cleaned up. Raises `KeyboardInterrupt`, once all of it is."""
        interrupted: KeyboardInterrupt | None = None
        for part in closing(self._instances.values(), Cursor()):
            try:
                call(part, None)
            except KeyboardInterrupt as error:
                interrupted = error
            except BaseException as error:
                # Also what would end a program: the work has ended, and so this is no matter of anybody's.
                complain(part, error)
        if interrupted is not None:
            raise interrupted

    async def clean_async(self, in_thread: InThread) -> None:
        """The same on a loop."""
        await clean_up(self._instances.values(), in_thread)
