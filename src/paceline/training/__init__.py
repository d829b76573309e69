"""Training: one step at a time, and the measuring of what it gave."""

from ..settings import AdamW, Rollouts, Schedule
from .evaluate import Answered, Evaluation, evaluate
from .keeper import Keeper
from .optimizer import Optimizer
from .sample import Drawn, Sampler
from .trainer import Report, Trainer, check_objective

__all__ = [
    "AdamW", "Answered", "Drawn", "Evaluation", "Keeper", "Optimizer", "Report", "Rollouts",
    "Sampler", "Schedule", "Trainer", "check_objective", "evaluate",
]  # fmt: skip
