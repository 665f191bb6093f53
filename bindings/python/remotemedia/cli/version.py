"""`remotemedia version`."""

from __future__ import annotations

import argparse

from .. import __version__
from .._abi.library import ABI, version
from . import DONE


def command(_chosen: argparse.Namespace) -> int:
    """Prints the versions of the package, of the library, and of the ABI between them."""
    print(f"remotemedia {__version__}, library {version()}, ABI {ABI[0]}.{ABI[1]}")
    return DONE
