"""Which scalars cross by their look alone: types all of whose values do, and the integers that do."""

from __future__ import annotations

SURE: frozenset[type] = frozenset({type(None), bool, bytes, float})
"""The types whose values all cross."""

LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**64 - 1
"""The integers that cross: those of 64 bits, with a sign or without."""
