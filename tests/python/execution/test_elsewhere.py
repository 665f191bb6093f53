"""The package where no loop of asyncio is, or another one than that of a session: one sentence, and nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
import remotemedia as rm
from conftest import PASS

ELSEWHERE = (
    "this session belongs to the event loop that opened it, which does not run here; from elsewhere write: "
    "session.send_from_thread(value), asyncio.run_coroutine_threadsafe(session.finish(), loop).result(), "
    "or loop.call_soon_threadsafe(session.interrupt)"
)


async def awaited(session: rm.Session, name: str, *arguments: Any) -> None:
    await getattr(session, name)(*arguments)


async def read(session: rm.Session) -> None:
    async for _ in session:
        pass


USES: dict[str, Callable[[rm.Session], Any]] = {
    "send": lambda session: asyncio.run(awaited(session, "send", 0)),
    "send_many": lambda session: asyncio.run(awaited(session, "send_many", [0])),
    "flush": lambda session: asyncio.run(awaited(session, "flush")),
    "finish": lambda session: asyncio.run(awaited(session, "finish")),
    "read": lambda session: asyncio.run(read(session)),
    "try_send": lambda session: session.try_send(0),
    "interrupt": lambda session: session.interrupt(),
    "cancel": lambda session: session.cancel(),
    "metrics": lambda session: session.metrics(),
    "output": lambda session: session.output("pass1"),
    "leave": lambda session: asyncio.run(awaited(session, "__aexit__", None, None, None)),
}


@pytest.mark.parametrize("is_open", [False, True], ids=["fresh", "used"])
@pytest.mark.parametrize("use", USES)
async def test_a_session_is_refused_on_another_thread_and_loses_nothing(use: str, is_open: bool) -> None:
    async with rm.Pipeline.load(PASS).session() as session:
        expected = [1] if is_open else []
        if is_open:
            await session.send(1)
        with pytest.raises(rm.InvalidArgumentError) as caught:
            await asyncio.to_thread(USES[use], session)
        assert str(caught.value) == ELSEWHERE
        # The cure.
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(session.send(2), loop).result(20))
        await session.finish()
        assert [packet.value async for packet in session] == [*expected, 2]


async def test_what_was_handed_out_is_not_read_elsewhere() -> None:
    async with rm.Pipeline.load(PASS).session() as session:
        await session.send_many([1, 2])
        assert (await anext(aiter(session))).value == 1
        assert len(session.batch) == 1
        with pytest.raises(rm.InvalidArgumentError) as caught:
            await asyncio.to_thread(USES["read"], session)
        assert str(caught.value) == ELSEWHERE
        assert (await anext(aiter(session))).value == 2


def test_an_open_session_is_refused_in_another_loop_of_its_thread_and_loses_nothing() -> None:
    loop = asyncio.new_event_loop()
    session = rm.Pipeline.load(PASS).session()

    async def sends(value: int) -> None:
        assert session.try_send(value)

    async def refused() -> None:
        uses = [session.send(0), sends(0), session.send_many([0]), read(session), session.flush(), session.finish()]
        for use in uses:
            with pytest.raises(rm.InvalidArgumentError) as caught:
                await use
            assert str(caught.value) == ELSEWHERE

    try:
        loop.run_until_complete(session.__aenter__())
        loop.run_until_complete(session.send(1))
        asyncio.run(refused())
        loop.run_until_complete(sends(2))
        loop.run_until_complete(session.finish())
        reader = aiter(session)
        assert [loop.run_until_complete(anext(reader)).value for _ in range(2)] == [1, 2]
        loop.run_until_complete(session.__aexit__(None, None, None))
    finally:
        loop.close()


def test_a_session_that_outlives_its_asyncio_run_says_so_in_the_next_one() -> None:
    session = rm.Pipeline.load(PASS).session()

    async def open_it() -> None:
        await session.__aenter__()
        await session.send(1)

    asyncio.run(open_it())
    for use in ("send", "send_many", "flush", "finish", "read", "leave"):
        with pytest.raises(rm.GoneError) as caught:
            USES[use](session)
        assert str(caught.value) == "the event loop of this session is closed; open a session in another one"
    session.cancel()


def test_a_session_may_be_used_between_the_turns_of_its_loop() -> None:
    loop = asyncio.new_event_loop()
    session = rm.Pipeline.load(PASS).session()
    try:
        loop.run_until_complete(session.__aenter__())
        # Another loop on the same thread, while it is not open, and when it is.
        for _ in range(2):
            with pytest.raises(rm.InvalidArgumentError) as caught:
                asyncio.run(read(session))
            assert str(caught.value) == ELSEWHERE
            assert session.try_send(1)
            assert loop.run_until_complete(anext(aiter(session))).value == 1
        loop.run_until_complete(session.finish())
        loop.run_until_complete(session.__aexit__(None, None, None))
    finally:
        loop.close()


async def in_trio(use: str, engine: Any) -> None:
    if use == "execute":
        await rm.execute(PASS, [1], engine=engine)
    elif use == "session":
        async with rm.Pipeline.load(PASS).session():
            pass
    elif use == "stream":
        async for _ in rm.Pipeline.load(PASS).stream([1]):
            pass
    else:
        async for _ in rm.Pipeline.load(PASS).map([1]):
            pass


@pytest.mark.parametrize("trio_runs", [False, True])
@pytest.mark.parametrize(
    ("use", "engine", "cure"),
    [
        ("execute", "native", "remotemedia.execute_sync, manifest, inputs"),
        ("execute", "python", "remotemedia.execute_sync, manifest, inputs"),
        ("session", "native", "asyncio.run, main()"),
        ("stream", "native", "asyncio.run, main()"),
        ("map", "native", "asyncio.run, main()"),
    ],
)
def test_another_kind_of_loop_gets_one_sentence(
    use: str, engine: str, cure: str, trio_runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowlevel = types.SimpleNamespace(in_trio_run=lambda: trio_runs)
    monkeypatch.setitem(sys.modules, "trio", types.SimpleNamespace(lowlevel=lowlevel))
    with pytest.raises(RuntimeError) as caught:
        # As another kind of loop does: it drives the coroutine itself.
        in_trio(use, engine).send(None)
    assert str(caught.value) == (
        f"this needs an event loop of asyncio, and here one of trio runs; write: await trio.to_thread.run_sync({cure})"
        if trio_runs
        else "no running event loop of asyncio; write: asyncio.run(main())"
    )


def test_a_sub_interpreter_gets_one_sentence() -> None:
    inner = (
        "import remotemedia as rm\n"
        "for call in (lambda: rm.execute_sync('{}', [1]), lambda: rm.read('x.wav')):\n"
        "    try: call()\n"
        "    except rm.LibraryError as error: print(error, flush=True)\n"
    )
    code = (
        "try: import _interpreters as interpreters\n"
        "except ImportError: import _xxsubinterpreters as interpreters\n"
        f"failure = interpreters.run_string(interpreters.create(), {inner!r})\n"
        "assert failure is None, failure\n"
        "import remotemedia as rm\n"
        f"print(rm.execute_sync({PASS!r}, [1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    sentence = (
        "remotemedia works in the main interpreter of a process alone, and this is a sub-interpreter; "
        "use threads, which its native work does not hold up, or processes"
    )
    assert (done.stderr, done.stdout.splitlines()) == ("", [sentence, sentence, "[1]"])


def test_two_loops_in_two_threads_use_the_package_at_once() -> None:
    results: list[Any] = []

    async def main() -> None:
        async with rm.Pipeline.load(PASS).session() as session:
            await session.send_many(range(100))
            await session.finish()
            results.append([packet.value async for packet in session])

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(100))] * 4
