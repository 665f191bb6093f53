"""One execution or session that the runtime works on: who waits for it, and what it needs meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from .._abi.ownership import Borrowed
from .._functions.chain import Chain
from .._functions.instances import InstancePool
from .._functions.spec import HostClass, HostFunction
from .._process import stay_at_exit
from ..errors import NodeError
from .completion import Result, settle

Functions = Mapping[int, HostFunction] | None


class Run:
    """One execution that is going on: who waits for it, and what it needs meanwhile."""

    __slots__ = (
        "_chains",
        "borrowed",
        "cleaned",
        "completion",
        "context",
        "count",
        "functions",
        "future",
        "instances",
        "notify",
        "skipped",
        "taking",
        "token",
    )

    def __init__(
        self, token: int, functions: Functions, count: int | None, borrowed: dict[int, Borrowed] | None
    ) -> None:
        self.token = token
        self.functions = functions
        self.count = count
        self.borrowed = borrowed
        self.context = contextvars.copy_context() if functions else None
        self.future: asyncio.Future[Any] | None = None
        self.completion: Any = None
        self.skipped: list[NodeError] | None = None
        """The errors that a session has let pass."""
        self.notify: Callable[[int], None] | None = None
        """Told the kind of each event of a session."""
        self.taking: set[int] = set()
        """Calls to which the next one comes with the reply: what it names may be released before it is read."""
        has_classes = functions is not None and any(isinstance(each, HostClass) for each in functions.values())
        self.instances = InstancePool() if has_classes else None
        """The instances of its classes."""
        self._chains: dict[int, Chain] = {}
        """The chains of its functions by the number of the first one, which is in no other chain."""
        self.cleaned: asyncio.Future[None] | None = None
        """What its end waits for: that they are cleaned up."""

    def chain(self, content: Mapping[str, Any]) -> Chain | None:
        """The functions that a call is for; None if it comes from before an interruption, or if there are none."""
        nodes, epoch = content["nodes"], content.get("epoch", 0)
        first = nodes[0][0]
        known = self._chains.get(first)
        if known is not None and (known.epoch == epoch or self.instances is None):
            return known
        if self.functions is None:
            return None
        tokens = [token for token, _ in nodes]
        if self.instances is None:
            functions: list[HostFunction] | None = [self.functions[token] for token in tokens]
        else:
            functions = self.instances.functions(self.functions, tokens, epoch)
        if functions is None:
            return None
        chain = self._chains[first] = Chain(functions, epoch)
        return chain

    def settle(self, completion: Any) -> Result:
        """The outputs, or the exception raised."""
        if isinstance(completion, BaseException):
            stay_at_exit()
            raise completion
        return settle(completion, self.count, self.borrowed)
