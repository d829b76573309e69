"""`python -m paceline.cli`"""

import sys

from . import main

sys.exit(main())
