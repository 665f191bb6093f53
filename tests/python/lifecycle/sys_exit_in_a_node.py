"""An async node ends the program, and says nothing else: in an execution, a map and a session, whatever kind it is."""

import asyncio
import sys

import remotemedia as rm


async def function(value):
    sys.exit(7)


async def generator(value):
    yield value
    sys.exit(7)


@rm.node
class Instance:
    async def process(self, value):
        sys.exit(7)


async def in_a_session(node) -> None:
    async with rm.Pipeline.load(manifest(node)).session() as session:
        await session.send(1)
        async for _ in session:
            pass


def manifest(node):
    return {"version": "v1", "nodes": [{"id": "node", "node_type": node}]}


def code_of(work, *arguments) -> object:
    try:
        work(*arguments)
    except SystemExit as error:
        return error.code
    return "it went on"


for node in (function, generator, Instance):
    assert code_of(asyncio.run, rm.execute(manifest(node), [1])) == 7
    assert code_of(asyncio.run, in_a_session(node)) == 7
    assert code_of(rm.execute_sync, manifest(node), [1]) == 7
    assert code_of(list, rm.Pipeline.load(manifest(node)).map_sync([1, 2])) == 7
sys.exit(7)
