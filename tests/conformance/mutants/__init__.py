"""A codec of the wire format as a host would write it, and mistakes in it: each must be noticed by the vectors."""
