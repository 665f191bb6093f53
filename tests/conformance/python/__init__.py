"""The runner of Python: the cases of the suite, through the package as a program uses it."""
