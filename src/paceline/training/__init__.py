"""Training: one step at a time, and the measuring of what it gave."""

from ..settings import AdamW, Rollouts, Schedule
from .evaluate import Answered, Evaluation, evaluate
from .hooks import TrainerHooks
from .learner import Learner
from .optimizer import Optimizer
from .rollouter import Rollouter
from .sampler import Sampler
from .source import RoundSource, SampledRound, StoredRounds
from .stream import ProblemStream
from .trainer import StepReport, Trainer, check_loss

__all__ = [
    "AdamW", "Answered", "Evaluation", "Learner", "Optimizer", "ProblemStream", "Rollouter",
    "Rollouts", "RoundSource", "SampledRound", "Sampler", "Schedule", "StepReport", "StoredRounds",
    "Trainer", "TrainerHooks", "check_loss", "evaluate",
]  # fmt: skip
