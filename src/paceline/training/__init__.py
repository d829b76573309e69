"""Training one step at a time, and measuring the result."""

from ..settings import CriticConfig, OptimizerConfig, RolloutConfig, ScheduleConfig
from .critic import CriticHalf, CriticStep, make_critic
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
from .trainer import StepReport, Trainer

__all__ = [
    "AnsweredProblem",
    "CriticConfig",
    "CriticHalf",
    "CriticStep",
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
    "evaluate",
    "given_rows",
    "make_critic",
]  # fmt: skip
