"""The ways to execute a manifest, each of which has to give the same: both executors, awaited and blocking."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import remotemedia as rm


def native(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


def reference(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, engine="python", **keywords))


def reference_sync(*arguments: Any, **keywords: Any) -> Any:
    return rm.execute_sync(*arguments, engine="python", **keywords)


everywhere = pytest.mark.parametrize("execute", [native, rm.execute_sync, reference, reference_sync])
