"""Arguments that are spans of time: numbers of seconds, of Python and of other libraries, such as `numpy.float32`."""

from __future__ import annotations

import math

from ..errors import InvalidArgumentError


def microseconds(name: str, span: float) -> int:
    """A span of seconds in microseconds; -1 if that is as good as no limit. `name` is the name of the argument."""
    try:
        seconds = math.nan if isinstance(span, str) else float(span)
    except OverflowError:
        # An int that no float holds.
        seconds = math.inf if span > 0 else -math.inf
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{name} must be a number of seconds or None, got {span!r}") from None
    if isinstance(span, str):
        raise InvalidArgumentError(f"{name} must be a number of seconds or None, got {span!r}")
    if math.isnan(seconds) or seconds < 0:
        raise InvalidArgumentError(f"{name} must be 0 seconds or more, got {span!r}")
    return -1 if seconds > 9e12 else round(seconds * 1e6)
