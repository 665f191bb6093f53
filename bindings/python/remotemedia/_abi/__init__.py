"""The C library: the only room that imports `remotemedia._native`, with its handles, its memory and its settings."""
