"""Runs: a directory that can be read, compared and taken up again."""

from .run import Run
from .train import resume, train
from .use import answers, evaluate_model

__all__ = ["Run", "answers", "evaluate_model", "resume", "train"]
