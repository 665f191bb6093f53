"""A session of a scenario: the package's own, with the end and the error that it has come to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import remotemedia as rm

from .cases import Failed, same

WAIT_SECONDS = 10.0
NOTHING_SECONDS = 0.05


class OpenSession:
    """A session, and who reads it."""

    def __init__(self, manifest: Any, options: Mapping[str, Any]) -> None:
        times = {"deadline_us": "deadline", "packet_deadline_us": "packet_deadline"}
        known = {"buffer": options.get("buffer"), "clock": options.get("clock", "real")}
        known |= {name: options[key] / 1e6 for key, name in times.items() if key in options}
        self.session = rm.Pipeline.load(manifest).session(watchdog=None, **known)
        self.chosen = {name: self.session.output(name) for name in options.get("outputs", ())}
        self.readers: dict[str | None, Any] = {}
        self.error: BaseException | None = None
        self.is_cancelled = False
        self.is_left = False

    async def enter(self) -> None:
        """Opens it."""
        await self.session.__aenter__()
        # The native session opens at its first use; what is wrong with its options shows here.
        self.session._native.opened()

    async def send(self, packets: list[dict[str, Any]], taken: int | None) -> None:
        """Sends packets; with `taken` exactly so many are taken without waiting."""
        for index, packet in enumerate(packets):
            given = {name: packet[name] / 1e9 for name in ("pts", "duration") if packet.get(name) is not None}
            if "to" in packet:
                given["to"] = packet["to"]
            if taken is None:
                await self.session.send(packet["value"], **given)
            elif not self.session.try_send(packet["value"], **given):
                same(taken, index, "taken")
                return
        if taken is not None:
            same(taken, len(packets), "taken")

    async def receive(self, output: str | None) -> Any:
        """The next packet; None at the end, also at that by an error."""
        reader = self._reader(output)
        try:
            return await asyncio.wait_for(anext(reader, None), WAIT_SECONDS)
        except rm.Error as error:
            self.error = error
            return None
        except asyncio.TimeoutError:
            raise Failed(f"nothing came within {WAIT_SECONDS:.0f} s") from None

    async def at_once(self, output: str | None) -> Any:
        """The next packet if it is there now, else None."""
        task = asyncio.ensure_future(anext(self._reader(output), None))
        done, _ = await asyncio.wait([task], timeout=NOTHING_SECONDS)
        if done:
            packet = task.result()
            if packet is None:
                raise Failed("expected nothing yet, got the end")
            return packet
        task.cancel()
        await asyncio.wait([task])
        return None

    async def control(self, control: dict[str, Any]) -> None:
        """Flushes, interrupts, or sets params."""
        if "flush" in control:
            await self.session.flush()
        elif "interrupt" in control:
            at = {"at": control["at"]} if "at" in control else {}
            self.session.interrupt(**at)
        else:
            self.session.set_param(control["set"]["node"], **control["set"]["params"])

    def cancel(self) -> None:
        """Ends it now."""
        self.is_cancelled = True
        self.session.cancel()

    def progress(self) -> Any:
        """How far it is, as the runtime has it."""
        found = self.session._native.progress()
        return None if found is None else {"items": found[0]}

    def metrics(self) -> Any:
        """The metrics, as the runtime has them."""
        return self.session._native.metrics()

    async def leave(self, quiet: bool = False) -> None:
        """Waits for the end; raises what ended it."""
        if not self.is_left:
            self.is_left = True
            try:
                await asyncio.wait_for(self.session.__aexit__(None, None, None), WAIT_SECONDS)
            except rm.Error as error:
                self.error = error
        error, self.error = self.error, None
        if quiet:
            return
        if error is not None:
            raise error
        if self.is_cancelled:
            self.is_cancelled = False
            raise asyncio.CancelledError

    def _reader(self, output: str | None) -> Any:
        if output not in self.readers:
            reader = self.session if output is None and not self.chosen else self.chosen[output or ""]
            self.readers[output] = aiter(reader)
        return self.readers[output]
