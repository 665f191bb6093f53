"""Makes `vectors.json`: the cases, and writers of the wire format that share no code with those of the project."""
