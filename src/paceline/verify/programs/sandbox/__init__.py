"""The sandbox in which a model's programs are run. Standard library only; docs/sandbox.md describes
the limits of its protection."""

from .result import Outcome, Result
from .sandbox import Sandbox

__all__ = ["Outcome", "Result", "Sandbox"]
