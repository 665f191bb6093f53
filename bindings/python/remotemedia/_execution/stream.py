"""`stream`: a session with its tasks and waiting inside."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from .._results.nested import Nested
from ..errors import Error, InvalidArgumentError
from .turns import INLINE_IN_A_ROW

if TYPE_CHECKING:
    from .session import Session

__all__ = ["close_source", "end_input", "stream"]

_END: Any = object()


async def stream(session: Session, source: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    """The values that come out while `source` goes in; then what `source` raised, if it did."""
    async with session:
        if isinstance(source, AsyncIterable):
            async with aclosing(Nested(_stream_async(session, source))) as outputs:
                async for output in outputs:
                    yield output
            return
        failures: list[Exception] = []
        batch = session.batch
        values = iter(source)
        for count in itertools.count(1):
            try:
                value = next(values, _END)
                if value is _END:
                    break
                while not session.try_send(value):
                    await session.progress()
                    while batch:
                        yield batch.popleft().value
            except Exception as error:
                # The outputs before it are still to be read; if the session failed, reading raises that.
                failures.append(error)
                break
            while batch:
                yield batch.popleft().value
            if count % INLINE_IN_A_ROW == 0 or session.has_worked_long:
                await asyncio.sleep(0)
        failures.extend(await end_input(session))
        async for packet in session:
            yield packet.value
        if failures:
            raise failures[0]


async def _stream_async(session: Session, source: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    failures: list[Exception] = []

    async def feed() -> None:
        try:
            async for value in source:
                await session.send(value)
        except Exception as error:
            failures.append(error)
        failures.extend(await end_input(session))

    feeding = asyncio.create_task(feed())
    try:
        async for packet in session:
            yield packet.value
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
        await close_source(source)
    if failures:
        raise failures[0]


async def end_input(session: Session) -> list[Exception]:
    """Ends the input. That it ends within a sample is a failure, behind the outputs of what came before.

    Of a session that has failed, reading raises why.
    """
    failures: list[Exception] = []
    with suppress(Error):
        try:
            await session.finish()
        except InvalidArgumentError as error:
            failures.append(error)
            # The rest was let go of.
            await session.finish()
    return failures


async def close_source(source: Any) -> None:
    """Closes an async generator now: a loop would close it later, and a microphone would stay open until then."""
    close = getattr(source, "aclose", None)
    if close is None:
        return
    try:
        # At its end the loop itself closes all generators, and this one may come first.
        await asyncio.sleep(0)
    finally:
        if not getattr(source, "ag_running", False):
            await close()
