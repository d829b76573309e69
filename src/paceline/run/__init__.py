"""Runs: started, resumed and compared by what their directories hold."""

from ..store.run import Run
from .inference import answers, evaluate_model
from .train import resume, train

__all__ = ["Run", "answers", "evaluate_model", "resume", "train"]
