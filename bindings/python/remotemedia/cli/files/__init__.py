"""Standard streams, and files that are there as a whole or not at all, whatever ends the command."""
