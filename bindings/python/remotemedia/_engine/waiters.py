"""`Waiters`: the tasks of one event loop that wait for the same, such as room in a session."""

from __future__ import annotations

import asyncio


class Waiters(list["asyncio.Future[None]"]):
    """A future for each task that waits. A task adds one, awaits it, and removes it if it waits no more."""

    def add(self) -> asyncio.Future[None]:
        """Adds a future of the running loop, and returns it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.append(waiter)
        return waiter

    def discard(self, waiter: asyncio.Future[None]) -> None:
        """Removes a future that is waited for no more, unless it was woken."""
        if waiter in self:
            self.remove(waiter)

    def wake(self) -> None:
        """Wakes all tasks that wait."""
        for waiter in self:
            if not waiter.done():
                try:
                    waiter.set_result(None)
                except RuntimeError:
                    # A session may end after its loop, when it is collected as garbage: no task waits there any more.
                    break
        self.clear()
