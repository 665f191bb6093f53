"""The reference executor in plain Python: oracle of the tests, stand-in where the library can't be loaded."""
