"""A pipeline on many inputs: several at a time, resumed where it ended, with an index and a report."""
