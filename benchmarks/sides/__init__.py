"""What each side does for each task, a file for each peer and one for this project; see `benchmarks/side.py`."""
