"""What `build.py` does, one job a file: machine, virtual environment, native build, header, wheels, tests."""
