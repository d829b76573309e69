"""The sandbox in which programs that a model wrote are run. Standard library only; docs/sandbox.md
says what is and what is not protected."""

from .result import Outcome, Result
from .sandbox import Sandbox

__all__ = ["Outcome", "Result", "Sandbox"]
