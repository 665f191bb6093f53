"""Starts a program of this runner, whose package is found from the folder above: `start.py python SUITE`."""

import runpy
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
