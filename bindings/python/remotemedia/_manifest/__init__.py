"""Manifests: their text, the Python functions that they name, and the pipelines compiled from them."""
