"""The name under which the first design had its native functions. All of them are in `remotemedia`."""

from remotemedia import (
    __version__,
    execute_pipeline,
    execute_pipeline_with_input,
    get_runtime_version,
    is_available,
)

__all__ = [
    "__version__",
    "execute_pipeline",
    "execute_pipeline_with_input",
    "get_runtime_version",
    "is_available",
]
