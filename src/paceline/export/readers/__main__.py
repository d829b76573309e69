"""`python -m paceline.export.readers MODULE ASKED ANSWERS`: the process that calls one reader."""

import importlib
import sys
from pathlib import Path

from .protocol import Asked, write_answers

module = importlib.import_module(f".{sys.argv[1]}", __package__)
write_answers(module.answers(Asked.read(Path(sys.argv[2]))), Path(sys.argv[3]))
