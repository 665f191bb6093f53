"""Graphs that users build: nodes, functions as nodes, pipelines, and how they are shown."""
