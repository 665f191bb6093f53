"""Generators of what bindings repeat from the ABI and from the node types: one module for each language."""
