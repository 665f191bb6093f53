"""Settings of the runtime of this process: from `configure`, else environment variables, else its own defaults.

It is read once, when the runtime starts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from .._problem.whole_number import require_whole
from ..errors import InvalidArgumentError

__all__ = ["Limits", "configure"]

PREFIX = "REMOTEMEDIA_"
MOST_WORKERS = 1024
MOST_NICE = 19
MOST_FUNCTION_THREADS = 1024
OUTPUT_BYTES, DEPTH = 2 << 30, 128
"""The defaults that the runtime has for `output_bytes` and `depth`."""
MOST_DEPTH = 512


class Limits(TypedDict, total=False):
    """Limits on what runs. More than a limit allows is an error; nothing is cut off.

    `output_bytes`: what the results of one execution keep alive (2 GiB). Of one document: `depth`, lists and dicts
    inside each other (128, at most 512); `items`, entries of all of them (10,000,000); `document_bytes`, without the
    buffers beside it (256 MiB); `buffers` (65,536); `extent_bytes` of an array that is longer than its memory, as
    strides of 0 make it (256 MiB).
    """

    output_bytes: int
    depth: int
    items: int
    document_bytes: int
    buffers: int
    extent_bytes: int


LIMITS = tuple(Limits.__annotations__)
BOUNDS_OF_LIMITS = (1, 2**63 - 1)
NATIVE = ("workers", "nice")
"""The threads of the runtime itself; Python has the others."""
BOUNDS = {"workers": (1, MOST_WORKERS), "nice": (0, MOST_NICE), "function_threads": (1, MOST_FUNCTION_THREADS)}
VARIABLES = {**{name.upper(): name for name in BOUNDS}, **{f"LIMIT_{name.upper()}": name for name in LIMITS}}

_chosen: dict[str, int] = {}
_offered: dict[str, int] = {}
_in_force: dict[str, int] | None = None


def configure(
    *,
    workers: int | None = None,
    nice: int | None = None,
    function_threads: int | None = None,
    limits: Limits | None = None,
) -> None:
    """Sets up the runtime of this process, before it starts with the first pipeline.

        rm.configure(workers=2, limits={"output_bytes": 256 << 20})

    `workers` is the number of threads that run nodes, from 1 to 1024; without it as many as there are cores that the
    process may use. `nice` is how far these threads step back for others, such as that of an event loop: steps of the
    system's nice value above that of the process, from 0 to 19; without it 0. It takes Linux; elsewhere only 0 is
    accepted, when the runtime starts. On a machine with more to do than it has cores, nicer threads get less of it than
    other processes. `function_threads` is how many sync functions run at the same time on threads, from 1 to 1024;
    without it 32. Others wait until one of them returns. `limits` are described at `Limits`.

    What is not given here is taken from the environment, `REMOTEMEDIA_WORKERS`, `REMOTEMEDIA_NICE`,
    `REMOTEMEDIA_FUNCTION_THREADS`, `REMOTEMEDIA_LIMIT_OUTPUT_BYTES` and so on, and else has its default. A later call
    adds to an earlier one; forked children are set up alike, spawned ones by the environment alone.

    Raises `InvalidArgumentError` for names and numbers that are none, and `RuntimeError` if the runtime has started
    with other ones.
    """
    threads = {"workers": workers, "nice": nice, "function_threads": function_threads}
    given = {name: require_whole(name, value, *BOUNDS[name]) for name, value in threads.items() if value is not None}
    if limits is not None and not isinstance(limits, Mapping):
        raise InvalidArgumentError(f"limits must be a dict such as {{'depth': 64}}, got {limits!r}")
    for name, value in (limits or {}).items():
        if name not in LIMITS:
            raise InvalidArgumentError(f"there is no limit {name!r}; {_meant(str(name), LIMITS)}")
        given[name] = require_whole(f"limits[{name!r}]", value, *BOUNDS_OF_LIMITS)
    if _in_force is not None and not given.items() <= _in_force.items():
        shown = ", ".join(f"{name}={value}" for name, value in _in_force.items()) or "all defaults"
        raise RuntimeError(f"the runtime has started with {shown}; call remotemedia.configure before anything runs")
    _chosen.update(given)


def offer_workers(count: int) -> None:
    """Has the runtime start with so many workers if neither `configure` nor the environment has chosen.

    It changes nothing where the runtime runs. A later offer takes the place of an earlier one, also in a forked child.
    """
    _offered["workers"] = require_whole("workers", count, *BOUNDS["workers"])


def started() -> bytes:
    """The configuration as the runtime takes it, which is in force from now on. Raises `InvalidArgumentError`."""
    global _in_force
    found = {**_offered, **_of_environment(), **_chosen}
    _in_force = found
    limits = {name: value for name, value in found.items() if name not in BOUNDS}
    # `rmpy_submit` finds the values of a completion by them.
    document: dict[str, Any] = {"offsets": True, **{name: found[name] for name in NATIVE if name in found}}
    if limits:
        document["limits"] = limits
    return json.dumps(document).encode()


def output_bytes() -> int:
    """How many bytes the results of one execution may keep alive: the limit in force, or the one that will be."""
    found = {**_of_environment(), **_chosen} if _in_force is None else _in_force
    return found.get("output_bytes", OUTPUT_BYTES)


def depth() -> int:
    """How many lists and maps may be inside each other in one document, once the runtime has started."""
    return min((_in_force or {}).get("depth", DEPTH), MOST_DEPTH)


def function_threads() -> int | None:
    """How many sync functions run at the same time, where the program or the environment has chosen."""
    return None if _in_force is None else _in_force.get("function_threads")


def stopped() -> None:
    """Allows new settings: the runtime of a forked child has not started yet."""
    global _in_force
    _in_force = None


def _of_environment() -> dict[str, int]:
    found = {}
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if name == variable:
            continue
        if name not in VARIABLES:
            # Other programs may have variables that begin alike; one that resembles ours is a typing error.
            limit = name.removeprefix("LIMIT_")
            if limit != name:
                meant = _meant(limit, [each.upper() for each in LIMITS], f"{PREFIX}LIMIT_")
            elif _near(name, tuple(VARIABLES), 0.8):
                meant = _meant(name, tuple(VARIABLES), PREFIX)
            else:
                continue
            raise InvalidArgumentError(f"there is no environment variable {variable}; {meant}")
        text = os.environ[variable].strip()
        value: Any = int(text) if text.isascii() and text.isdigit() else os.environ[variable]
        found[VARIABLES[name]] = require_whole(variable, value, *BOUNDS.get(VARIABLES[name], BOUNDS_OF_LIMITS))
    return found


def _meant(name: str, known: Sequence[str], prefix: str = "") -> str:
    near = _near(name, known, 0.6)
    return f"did you mean {prefix}{near[0]}?" if near else f"there are {', '.join(prefix + each for each in known)}"


def _near(name: str, known: Sequence[str], likeness: float) -> list[str]:
    # Imported only after a typing error: it takes time.
    from difflib import get_close_matches

    return get_close_matches(name, known, 1, likeness)
