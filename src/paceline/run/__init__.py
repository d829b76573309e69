"""Runs: a directory that can be read, compared and taken up again."""

from .inference import answers, evaluate_model
from .run import Run
from .train import resume, train

__all__ = ["Run", "answers", "evaluate_model", "resume", "train"]
