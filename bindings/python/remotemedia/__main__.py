"""`python -m remotemedia` is the command `remotemedia`."""

import sys

from .cli import main

sys.exit(main())
