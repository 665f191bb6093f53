"""`python -m remotemedia` is the command `remotemedia`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
