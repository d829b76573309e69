"""Runs: a directory that can be read, compared and taken up again."""

from ..store.run import Run
from .inference import answers, evaluate_model
from .train import resume, train

__all__ = ["Run", "answers", "evaluate_model", "resume", "train"]
