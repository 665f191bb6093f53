"""Benchmarks: `python3 build.py bench`, each file `bench_<name>.py` is one. Both sides of a ratio run interleaved."""
