"""Python functions and classes as nodes: what they declare, and how a call to them is served by any engine."""
