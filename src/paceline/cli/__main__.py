"""Entry point of `python -m paceline.cli`."""

import sys

from . import main

sys.exit(main())
