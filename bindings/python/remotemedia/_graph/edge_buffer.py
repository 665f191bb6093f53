"""`Buffer`: bounds the queue between two nodes, and says what happens to a packet that finds no room there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from ..errors import InvalidArgumentError
from .node import Linkable

Policy: TypeAlias = Literal["block", "drop_oldest", "drop_newest"]


class Buffer(Linkable):
    """The bounds of the queue on a connection: `camera >> rm.Buffer(packets=1, policy="drop_oldest") >> detect()`.

    At most `packets`, `bytes` and `ms` milliseconds of media time wait: 64, 8 MiB and 5000 unless told. What comes when
    there is no room is up to the `policy`: "block", the default, lets the node before it wait, "drop_oldest" drops what
    has waited longest, "drop_newest" drops what comes. `session.metrics()` counts what was dropped.

    Only sessions and streams drop; `run`, `execute` and `map` have all inputs from the start, and wait instead. What a
    node has taken to work on waits no more: a Python function takes up to 32 packets at a time.
    """

    __slots__ = ("_fields",)

    def __init__(
        self,
        *,
        packets: int | None = None,
        bytes: int | None = None,  # noqa: A002
        ms: int | None = None,
        policy: Policy | None = None,
    ) -> None:
        fields = {"packets": packets, "bytes": bytes, "ms": ms, "policy": policy}
        self._fields = {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def of(cls, given: Mapping[str, Any] | Buffer | None) -> Buffer | None:
        """The buffer that an argument of this name is: a map as in a manifest, too.

        Raises `InvalidArgumentError` for anything else.
        """
        if given is None or isinstance(given, Buffer):
            return given
        if not isinstance(given, Mapping):
            raise InvalidArgumentError(f"buffer must be a map, such as {{'packets': 64}}, or a Buffer, got {given!r}")
        for name in given:
            if name not in ("packets", "bytes", "ms", "policy"):
                raise InvalidArgumentError(f"buffer has no {name!r}; it has 'packets', 'bytes', 'ms' and 'policy'")
        return cls(**given)

    def manifest(self) -> dict[str, Any]:
        """The `buffer` of a connection in a manifest, without arguments that were not given."""
        return dict(self._fields)

    def __eq__(self, other: object) -> bool:
        return self._fields == other._fields if isinstance(other, Buffer) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._fields.items()))

    def __repr__(self) -> str:
        return f"Buffer({', '.join(f'{name}={value!r}' for name, value in self._fields.items())})"
