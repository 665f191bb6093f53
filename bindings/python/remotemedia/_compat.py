"""The functions of the first design, which keep working: JSON text in, plain lists out.

They know no numbers that JSON lacks: NaN and the infinities come back as None.
"""

from __future__ import annotations

import math
from asyncio import get_running_loop
from typing import Any

from ._engine.port_registry import loop_port, thread_ports
from ._engine.run import Run
from ._manifest.compile import compile_text
from ._results.inputs import no_list
from ._results.outputs import Outputs
from .errors import ManifestError, Problem

__all__ = ["execute_pipeline", "execute_pipeline_with_input"]


async def execute_pipeline(manifest_json: str) -> Any:
    """Runs a manifest that needs no inputs. `manifest_json` is its text.

    Returns a list of outputs, or a dict of lists if several nodes have no successor. Raises `ValueError` for a wrong
    manifest and `RuntimeError` for an execution that fails.
    """
    return await _execute(manifest_json, [])


async def execute_pipeline_with_input(manifest_json: str, input_data: list[Any]) -> Any:
    """Runs a manifest on a list of inputs, one entry each. `manifest_json` is its text.

    Returns a list of outputs, or a dict of lists if several nodes have no successor. Raises `ValueError` for a wrong
    manifest or an input that can't cross, and `RuntimeError` for an execution that fails.
    """
    if not isinstance(input_data, (list, tuple)):
        raise no_list(input_data)
    return await _execute(manifest_json, list(input_data))


async def _execute(manifest: str, inputs: list[Any]) -> Any:
    if not isinstance(manifest, str):
        raise ManifestError(
            f"manifest_json must be JSON text, not {type(manifest).__name__}; write json.dumps(manifest)",
            [Problem("", "wrong type", expected="JSON text", got=type(manifest).__name__)],
        )
    loop = get_running_loop()
    port = thread_ports.last()
    if port is None or port.driver.loop() is not loop:
        port = loop_port(loop)
    outcome = port.start(compile_text(manifest), None, inputs, -1)
    return _plain(await outcome.outcome(port.abandon) if isinstance(outcome, Run) else outcome)


def _plain(result: Outputs) -> Any:
    if len(result.sinks) != 1:
        return {sink: [_json(value) for value in outputs] for sink, outputs in result.items()}
    return [_json(value) for value in result]


def _json(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is list:
        return [_json(entry) for entry in value]
    if kind is dict:
        return {key: _json(entry) for key, entry in value.items()}
    return value
