"""`PacketMaker`: makes packets of what is sent to a session: values with their times and input, or raw bytes of PCM."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._media.times import nanoseconds
from .._results.inputs import listed, require_several
from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    from .._codec.pcm import PCM


class PacketMaker:
    """Makes the packets of one session."""

    def __init__(self, inputs: tuple[str, ...], pcm: PCM | None) -> None:
        """`inputs` are the names of the pipeline's inputs; `pcm` is the format of raw bytes, if these are sent."""
        if pcm is not None and len(inputs) > 1:
            raise InvalidArgumentError(
                f"input= is for a pipeline with one input, and this one has {listed(inputs)}; "
                "send remotemedia.Audio to each"
            )
        self.inputs = inputs
        self.pcm = None if pcm is None else pcm.reader()
        """Joins bytes to audio; None if values are sent."""
        self.is_plain = pcm is None and len(inputs) < 2
        """Whether a value without times and input is a packet as it is."""

    def packet(self, value: Any, pts: float | None, duration: float | None, to: str | None) -> list[Any] | None:
        """A packet as the runtime takes it; None if there is nothing to send yet."""
        number = self._number(to)
        if self.pcm is not None:
            if pts is not None or duration is not None:
                raise InvalidArgumentError("with input= the bytes themselves tell the time; leave out pts and duration")
            audio = self.pcm.take_packed(value)
            return None if audio is None else [audio]
        if number:
            return [value, _nanoseconds("pts", pts), _nanoseconds("duration", duration), number]
        if pts is None and duration is None:
            return [value]
        return [value, _nanoseconds("pts", pts), _nanoseconds("duration", duration)]

    def skip(self, value: Any) -> None:
        """Goes on behind a value that is not sent: raw bytes have their time all the same."""
        if self.pcm is not None:
            self.pcm.take(value)

    def packets(self, values: Iterable[Any], to: str | None) -> list[list[Any]]:
        """The packets of values without times. Pieces of PCM are joined to packets of up to about a second."""
        require_several(values, "send_many", "values", "async for value in values: await session.send(value)")
        if self.is_plain and to is None:
            return [[value] for value in values]
        number = self._number(to)
        packets = [[value] for value in (values if self.pcm is None else self.pcm.take_many(values))]
        return [[value, None, None, number] for (value,) in packets] if number else packets

    def _number(self, to: str | None) -> int:
        """The number of an input."""
        names = self.inputs
        if to is None:
            if len(names) > 1:
                raise InvalidArgumentError(
                    f"this pipeline has the inputs {listed(names)}; name the one that is meant: to={names[0]!r}"
                )
            return 0
        if not any(names):
            raise InvalidArgumentError(f"this pipeline names no inputs; leave out to={to!r}")
        if to not in names:
            what = "input is" if len(names) == 1 else "inputs are"
            raise InvalidArgumentError(f"this pipeline has no input {to!r}; its {what} {listed(names)}")
        return names.index(to)


def _nanoseconds(name: str, seconds: float | None) -> int | None:
    return None if seconds is None else nanoseconds(name, seconds)
