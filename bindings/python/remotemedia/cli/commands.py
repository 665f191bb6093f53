"""What each command does. Results go to stdout, and an error is raised for `main` to tell."""

from __future__ import annotations

import argparse
import glob
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import remotemedia as rm

from .._json import to_json
from . import DONE, FAILED


def run(chosen: argparse.Namespace) -> int:
    """`remotemedia run`: each file is a run of its own, in the order of the command line."""
    pipeline = _loaded(chosen)
    for assignment in chosen.set:
        _assign(pipeline, assignment)
    pipeline.validate()
    files: list[str | None] = [*_files(chosen.input)] or [None]
    failed = 0
    with open(chosen.failures, "w", encoding="utf-8") if chosen.failures else nullcontext() as failures:
        for file in files:
            try:
                outputs = pipeline.run_sync(None if file is None else [rm.File(file)], timeout=chosen.timeout)
            except (rm.ExecutionError, rm.TimedOut) as error:
                failed += 1
                if failures is not None:
                    print(json.dumps({"input": file, **_failure(error)}, ensure_ascii=False), file=failures)
                if not chosen.keep_going:
                    raise
                print(f"remotemedia: {error}", file=sys.stderr)
            else:
                _print(file, outputs, len(files) > 1, chosen.json)
    if failed:
        print(f"remotemedia: {failed} of {len(files)} failed", file=sys.stderr)
    return FAILED if failed else DONE


def validate(chosen: argparse.Namespace) -> int:
    """`remotemedia validate`: the plan, or all problems."""
    print(_loaded(chosen).plan())
    return DONE


def nodes(chosen: argparse.Namespace) -> int:
    """`remotemedia nodes`: a list, or all about one type."""
    from .._describe import node_types, type_name

    types = node_types()
    if chosen.name is None:
        width = max(map(len, types))
        print("\n".join(f"{name:{width}}  {types[name]['summary']}" for name in sorted(types)))
        return DONE
    # An unknown name is told as in a manifest, with what was probably meant.
    name = type_name(chosen.name)
    if name not in types:
        try:
            (rm.Pipeline() >> rm.Node(chosen.name, name="node")).validate()
        except rm.ManifestError as error:
            problem = error.problems[0]
            raise rm.InvalidArgumentError(f"{problem.message}; {problem.suggestion}") from None
    from .describe import about

    print(about(types[name]))
    return DONE


def info(chosen: argparse.Namespace) -> int:
    """`remotemedia info`: what `remotemedia.info` tells."""
    found = rm.info(chosen.file)
    lines = [
        ("file", chosen.file),
        ("size", f"{found.size} bytes"),
        ("rate", f"{found.rate} Hz"),
        ("channels", str(found.channels)),
        ("frames", str(found.frames)),
        ("duration", f"{found.duration:.3f} s"),
    ]
    print("\n".join(f"{name:10}{value}" for name, value in lines))
    return DONE


def version(_chosen: argparse.Namespace) -> int:
    """`remotemedia version`."""
    from .._library import ABI

    print(f"remotemedia {rm.__version__}, library {rm.get_runtime_version()}, ABI {ABI[0]}.{ABI[1]}")
    return DONE


def _loaded(chosen: argparse.Namespace) -> rm.Pipeline:
    if chosen.python:
        # As for `python -m`: packages beside the user are found.
        sys.path.insert(0, os.getcwd())
    return rm.Pipeline.load(Path(chosen.manifest), python=chosen.python)


def _files(patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        if os.path.exists(pattern) or not glob.has_magic(pattern):
            if not os.path.exists(pattern):
                raise FileNotFoundError(f"no such file {pattern!r} in {os.getcwd()}")
            yield pattern
            continue
        found = sorted(glob.glob(pattern, recursive=True))
        if not found:
            raise FileNotFoundError(f"no file matches {pattern!r} in {os.getcwd()}")
        yield from found


def _assign(pipeline: rm.Pipeline, assignment: str) -> None:
    place, equals, text = assignment.partition("=")
    node, dot, param = place.partition(".")
    if not equals or not dot or not param:
        raise rm.InvalidArgumentError(f"--set {assignment}: write node.param=value")
    if node not in pipeline.nodes:
        raise rm.InvalidArgumentError(
            f"--set {assignment}: there is no node {node!r}; there are {', '.join(pipeline.nodes)}"
        )
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    pipeline.nodes[node].params[param] = value


def _print(file: str | None, outputs: Any, several: bool, as_json: bool) -> None:
    for sink, each in (outputs if isinstance(outputs, dict) else {None: outputs}).items():
        for packet in each.packets:
            if as_json:
                head = {"input": file, "sink": packet.sink, "pts": packet.pts, "duration": packet.duration}
                print(f'{json.dumps(head, ensure_ascii=False)[:-1]}, "value": {to_json(packet.value)}}}')
                continue
            words = [file] if several and file is not None else []
            words += [] if sink is None else [sink]
            words += [] if packet.pts is None else [f"{packet.pts:.3f} s"]
            print("  ".join([*words, repr(packet.value)]))


def _failure(error: Exception) -> dict[str, Any]:
    return {
        "error": str(error),
        "node": getattr(error, "node_id", None),
        "position": getattr(error, "position", None),
    }
