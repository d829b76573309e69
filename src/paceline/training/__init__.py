"""Training: one step at a time, and the measuring of what it gave."""

from .evaluate import Answered, Evaluation, evaluate
from .keeper import Keeper
from .optimizer import AdamW, Optimizer
from .sample import Drawn, Rollouts, Sampler
from .trainer import Report, Schedule, Trainer, check_objective

__all__ = [
    "AdamW", "Answered", "Drawn", "Evaluation", "Keeper", "Optimizer", "Report", "Rollouts",
    "Sampler", "Schedule", "Trainer", "check_objective", "evaluate",
]  # fmt: skip
