"""The ways to run a pipeline: execute, map, stream and session, with their metrics, traces and watchdog."""
