"""Plays a scenario: each step is a method of `Player`, on the event loop that the package runs beside."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import remotemedia as rm
from remotemedia._abi import ownership
from remotemedia._manifest import compile as compiled

from .cases import Case, Failed, Skip, contained, same
from .library import live_objects
from .open_session import OpenSession
from .own_nodes import OwnNode
from .scenario_errors import check_error
from .scenario_values import Values

WAIT_SECONDS = 10.0
FEATURES = {
    "host_nodes",
    "host_stream",
    "host_ends",
    "host_ports",
    "host_batch",
    "loans",
    "same_memory",
    "live",
    "try_send",
    "plan",
    "interrupt_part",
    "named_ends",
    "metrics",
    "progress",
}
REASONS = {
    "runtimes": "the package has one runtime for each process",
    "shutdown": "the package shuts its runtime down when the interpreter exits",
}


def scenario_case(file: Path, version: int) -> Case:
    """The case of a file."""

    def play(_: str) -> None:
        scenario = json.loads(file.read_text("ascii"))
        if scenario["version"] != version:
            raise Failed(f"version {scenario['version']} is not known")
        for feature in scenario["needs"]:
            if feature not in FEATURES:
                raise Skip(REASONS.get(feature, f"the package has no {feature}"))
        asyncio.run(Player(scenario["steps"]).play())

    return play


class Player:
    """One scenario under way."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self.steps = steps
        self.values = Values()
        self.exceptions = {number: RuntimeError(f"exception {number}") for number in range(10)}
        self.own: dict[str, OwnNode] = {}
        self.manifests: dict[str, Any] = {}
        self.work: dict[str, asyncio.Task[Any]] = {}
        self.sessions: dict[str, OpenSession] = {}
        self.result: Any = None
        self.error: BaseException | None = None
        self.before: dict[str, int] = {}

    async def play(self) -> None:
        """Plays all steps, and what every scenario ends with."""
        await rm.execute({"version": "v1", "nodes": [{"id": "warm", "node_type": "PassThrough"}]}, [None])
        self.before = await self._live()
        for number, step in enumerate(self.steps, 1):
            verb, fields = step["do"], {key: value for key, value in step.items() if key != "do"}
            try:
                await asyncio.wait_for(self._step(verb, fields), 2 * WAIT_SECONDS)
            except (Skip, Failed) as failure:
                raise type(failure)(f"step {number} ({verb}): {failure}") from None
            except asyncio.TimeoutError:
                raise Failed(f"step {number} ({verb}): it does not end") from None
        if self.error is not None:
            raise Failed(f"the last step failed: {self.error!r}")
        await self._end()

    async def _step(self, verb: str, fields: dict[str, Any]) -> None:
        action = getattr(self, verb, None)
        if action is None or verb.startswith("_"):
            raise Failed("there is no such verb")
        if verb == "expect_error":
            await action(**fields)
            return
        if self.error is not None:
            raise Failed(f"the step before failed: {self.error!r}")
        try:
            await action(**fields)
        except (Skip, Failed):
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and getattr(task, "cancelling", lambda: 0)():
                raise
            self.error = error
        except TypeError as error:
            raise Failed(f"fields {sorted(fields)}: {error}") from error
        except Exception as error:
            self.error = error

    async def _end(self) -> None:
        for task in self.work.values():
            task.cancel()
        await asyncio.gather(*self.work.values(), return_exceptions=True)
        while self.sessions:
            await self.close(session=next(iter(self.sessions)))
        for own in self.own.values():
            own.permits.release(1000)
        self.manifests.clear()
        self.values.lent.clear()
        await self.expect_live()

    # ---- steps that act

    async def pipeline(
        self,
        as_: str = "",
        manifest: Any = None,
        text: str | None = None,
        host_nodes: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        name = as_ or more.pop("as")
        if more:
            raise Failed(f"unknown fields {sorted(more)}")
        if text is not None:
            compiled.compile_manifest(text)
            self.manifests[name] = text
            return
        types = {each: OwnNode(options, self.exceptions) for each, options in (host_nodes or {}).items()}
        self.own.update(types)
        manifest = json.loads(json.dumps(manifest))
        made = {each: own.node_type() for each, own in types.items()}
        for node in manifest["nodes"]:
            node["node_type"] = made.get(node["node_type"], node["node_type"])
        compiled.compile_manifest(manifest)
        self.manifests[name] = manifest

    async def run(self, pipeline: str, inputs: Any = None, timeout_ms: float | None = None) -> None:
        self.result = await self._execute(pipeline, inputs, timeout_ms)

    async def submit(self, pipeline: str, inputs: Any = None, timeout_ms: float | None = None, **more: str) -> None:
        self.work[more["as"]] = asyncio.ensure_future(self._execute(pipeline, inputs, timeout_ms))
        await asyncio.sleep(0)

    async def wait(self, work: str | None = None, session: str | None = None) -> None:
        if session is not None:
            self.result = {}
            await self.sessions[session].leave()
            return
        assert work is not None
        self.result = await self.work.pop(work)

    async def cancel(self, work: str | None = None, session: str | None = None, gone: bool = False) -> None:
        if session is not None:
            self.sessions[session].cancel()
        elif work in self.work:
            self.work[work].cancel()

    async def session(self, pipeline: str, options: Mapping[str, Any] | None = None, **more: str) -> None:
        opened = OpenSession(self.manifests[pipeline], options or {})
        self.sessions[more["as"]] = opened
        await opened.enter()

    async def send(self, session: str, packets: list[dict[str, Any]], taken: int | None = None) -> None:
        rows = [{**packet, "value": self.values.built(packet["value"])} for packet in packets]
        await self.sessions[session].send(rows, taken)

    async def receive(
        self, session: str, rows: list[dict[str, Any]], output: str | None = None, then: str | None = None
    ) -> None:
        reading = self.sessions[session]
        for index, row in enumerate(rows):
            packet = await reading.receive(output)
            if packet is None:
                raise Failed(f"row {index}: the session has ended; {reading.error!r}")
            found = {
                "value": packet.value,
                "pts": packet.pts_ns,
                "duration": packet.duration_ns,
                "seq": packet.seq,
                "stream": packet.stream,
                "output": packet.sink,
                "item": packet.item,
            }
            for name, expected in row.items():
                wanted = self.values.built(expected) if name == "value" else expected
                self.values.same(wanted, found[name], f"{name} of row {index}")
        if then == "end":
            packet = await reading.receive(output)
            if packet is not None:
                raise Failed(f"expected the end, got {packet!r}")
        elif then == "nothing" and (packet := await reading.at_once(output)) is not None:
            raise Failed(f"expected nothing, got {packet!r}")

    async def finish(self, session: str) -> None:
        await self.sessions[session].session.finish()

    async def control(self, session: str, control: dict[str, Any]) -> None:
        await self.sessions[session].control(control)

    async def reply(self, node: str, times: int = 1) -> None:
        self.own[node].permits.release(times)

    async def lend(self, bytes: int, **more: str) -> None:  # noqa: A002
        self.values.lend(more["as"], bytes)

    async def close(self, pipeline: str | None = None, session: str | None = None) -> None:
        if session is not None:
            opened = self.sessions.pop(session)
            opened.cancel()
            await opened.leave(quiet=True)
        elif pipeline is not None:
            del self.manifests[pipeline]

    # ---- steps that compare

    async def expect_values(
        self,
        outputs: dict[str, Any],
        items: dict[str, Any] | None = None,
        pts: dict[str, Any] | None = None,
        durations: dict[str, Any] | None = None,
        skips: int | None = None,
        retries: int | None = None,
    ) -> None:
        found = self._outputs(self.result)
        names = {name for name, values in found.items() if values}
        same(sorted(names), sorted(name for name, values in outputs.items() if values), "names of the outputs")
        for name, expected in outputs.items():
            self.values.same(self.values.built(expected), list(found.get(name, ())), f"values of {name}")
        columns = {"item": items, "pts_ns": pts, "duration_ns": durations}
        for field, expected_by_name in columns.items():
            for name, expected in (expected_by_name or {}).items():
                same(expected, [getattr(packet, field) for packet in found[name].packets], f"{field} of {name}")
        for field, number in (("skips", skips), ("retries", retries)):
            if number is not None:
                same(number, getattr(self.result, field), field)

    async def expect_error(self, **expected: Any) -> None:
        error, self.error = self.error, None
        if error is None:
            raise Failed("the step before did not fail")
        outputs = expected.pop("outputs", None)
        check_error(error, expected, self.exceptions)
        if outputs is not None:
            self.result = getattr(error, "outputs", None) or {}
            await self.expect_values(outputs)

    async def expect_called(self, node: str, times: int) -> None:
        await self._until(lambda: self.own[node].called >= times, lambda: f"{self.own[node].called} packets")
        same(times, self.own[node].called, "packets")

    async def expect_batches(self, node: str, sizes: list[int]) -> None:
        same(sizes, self.own[node].sizes, "sizes")

    async def expect_closed(self, node: str, times: int) -> None:
        await self._until(lambda: self.own[node].closed >= times, lambda: f"{self.own[node].closed} closed")
        same(times, self.own[node].closed, "closed")

    async def expect_memory(self, memory: str, **state: str) -> None:
        lent = self.values.lent[memory]

        def is_lent() -> bool:
            return any(each.source is lent for each in list(ownership._borrowed.values()))

        if state["is"] == "lent":
            same(True, is_lent(), "lent")
        else:
            await self._until(lambda: not is_lent(), lambda: "still lent")

    async def expect_same_memory(self, memory: str, output: str, index: int) -> None:
        addresses = [
            array.__array_interface__["data"][0]
            for array in (self._outputs(self.result)[output][index], self.values.lent[memory])
        ]
        same(addresses[1], addresses[0], "address")

    async def expect_live(self, more: dict[str, int] | None = None) -> None:
        wanted = {name: self.before[name] + number for name, number in (more or {}).items()} or self.before
        found: dict[str, int] = {}
        for _ in range(int(WAIT_SECONDS / 0.01)):
            found = await self._live()
            if all(found[name] == number for name, number in wanted.items()):
                return
            await asyncio.sleep(0.01)
        same(wanted, {name: found[name] for name in wanted}, "live objects")

    async def describe(
        self,
        has: Any,
        pipeline: str | None = None,
        session: str | None = None,
        work: str | None = None,
    ) -> None:
        if work is not None:
            if work not in self.sessions:
                raise Skip("the package reports the progress of runs by calls of a function")
            contained(has, self.sessions[work].progress(), "progress")
        elif pipeline is not None:
            plan = compiled.compile_manifest(self.manifests[pipeline])[0].describe()
            contained(has, plan, "plan")
        elif session is not None:
            contained(has, self.sessions[session].metrics(), "metrics")

    # ---- below

    async def _execute(self, pipeline: str, inputs: Any, timeout_ms: float | None) -> Any:
        given = None if inputs is None else self.values.built(inputs)
        timeout = None if timeout_ms is None else timeout_ms / 1000
        return await rm.execute(self.manifests[pipeline], given, timeout=timeout)

    @staticmethod
    def _outputs(result: Any) -> dict[str, Any]:
        return dict(result.items()) if isinstance(result, rm.Outputs) else {}

    @staticmethod
    async def _until(is_done: Any, found: Any) -> None:
        for _ in range(int(WAIT_SECONDS / 0.005)):
            if is_done():
                return
            await asyncio.sleep(0.005)
        raise Failed(f"after {WAIT_SECONDS:.0f} s: {found()}")

    @staticmethod
    async def _live() -> dict[str, int]:
        # Pipelines are kept for later runs; a session that ended is collected.
        compiled._cache.clear()
        await asyncio.sleep(0)
        gc.collect()
        return live_objects()
