"""What `build.py` does, one job a file: the machine, the virtual environment, the native build, the header, the tests."""
