"""Training one step at a time, and measuring the result."""

from ..settings import OptimizerConfig, RolloutConfig, ScheduleConfig
from .evaluate import AnsweredProblem, Evaluation, evaluate
from .given import GivenRows, given_rows
from .hooks import TrainerHooks
from .learner import Learner
from .optimizer import Optimizer
from .reader import Reader
from .rollouter import Rollouter
from .sampler import Sampler
from .source import RoundSource, SampledRound, StoredRounds
from .stream import Stream
from .trainer import StepReport, Trainer, check_loss

__all__ = [
    "AnsweredProblem",
    "Evaluation",
    "GivenRows",
    "Learner",
    "Optimizer",
    "OptimizerConfig",
    "Reader",
    "RolloutConfig",
    "Rollouter",
    "RoundSource",
    "SampledRound",
    "Sampler",
    "ScheduleConfig",
    "StepReport",
    "StoredRounds",
    "Stream",
    "Trainer",
    "TrainerHooks",
    "check_loss",
    "evaluate",
    "given_rows",
]  # fmt: skip
