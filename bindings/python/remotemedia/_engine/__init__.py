"""Drives the native runtime: submits work, takes events from ports, and serves calls on threads and event loops."""
