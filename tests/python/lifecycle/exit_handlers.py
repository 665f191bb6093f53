"""What a program registers to run at its exit, before it uses the package, can use the package."""

import atexit

import remotemedia as rm

done = []


def last_words() -> None:
    assert rm.execute_sync('{"version": "v1", "nodes": [{"id": "p", "node_type": "PassThrough"}]}', [2]) == [2]
    done.append(2)


def check() -> None:
    assert done == [2]


atexit.register(check)
atexit.register(last_words)
assert rm.execute_sync('{"version": "v1", "nodes": [{"id": "p", "node_type": "PassThrough"}]}', [1]) == [1]
