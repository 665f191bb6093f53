"""Ray Serve: a deployment with one pipeline, and a session for each connection."""

from __future__ import annotations

from typing import Any

from .._codec.pcm import PCM
from .._graph.pipeline import Pipeline
from .._manifest.compile import Manifest
from .._problem.missing_library import require
from .asgi import SessionApp
from .ray import take_actor

__all__ = ["deployment"]


def deployment(pipeline: Pipeline | Manifest, *, input: PCM | None = None, **options: Any) -> Any:  # noqa: A002
    """A `ray.serve` deployment that serves the pipeline by WebSockets, as `asgi.SessionApp` does.

        meter = remotemedia.integrations.ray_serve.deployment("meter.yaml", input=rm.PCM("s16", 16000, 1))
        serve.run(meter.options(num_replicas=2).bind())

    The manifest is read here and travels to the replicas, each of which has as many native threads as CPUs. `input` and
    `options` are those of `Pipeline.session`. How many connections a replica takes is Ray's `max_ongoing_requests`.

    Raises `ManifestError`, and `ImportError` without Ray Serve.
    """
    serve = require("ray.serve", "integrations.ray_serve.deployment", "ray-serve")
    checked = SessionApp(pipeline, input=input, **options).pipeline

    def build() -> SessionApp:
        take_actor()
        return SessionApp(checked, input=input, **options)

    return serve.deployment(serve.ingress(build)())
