"""Training one step at a time, and measuring the result."""

from ..settings import OptimizerConfig, RolloutConfig, ScheduleConfig
from .evaluate import AnsweredProblem, Evaluation, evaluate
from .hooks import TrainerHooks
from .learner import Learner
from .optimizer import Optimizer
from .rollouter import Rollouter
from .sampler import Sampler
from .source import RoundSource, SampledRound, StoredRounds
from .stream import ProblemStream
from .trainer import StepReport, Trainer, check_loss

__all__ = [
    "AnsweredProblem",
    "Evaluation",
    "Learner",
    "Optimizer",
    "OptimizerConfig",
    "ProblemStream",
    "RolloutConfig",
    "Rollouter",
    "RoundSource",
    "SampledRound",
    "Sampler",
    "ScheduleConfig",
    "StepReport",
    "StoredRounds",
    "Trainer",
    "TrainerHooks",
    "check_loss",
    "evaluate",
]  # fmt: skip
