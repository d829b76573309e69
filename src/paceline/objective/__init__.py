"""Objectives of reinforcement learning as values: parts that combine, and the published mixtures.

Nothing of paceline above it is needed, so it can be read, tested and used alone. Making, printing
and comparing objectives loads no torch; computing with them does.
"""

from . import named
from .advantage import (
    Advantage,
    BatchZScore,
    Center,
    Gae,
    GroupThenBatch,
    LeaveOneOut,
    LengthWeighted,
    ReadsValues,
    ReturnToGo,
    Reward,
    ZScore,
)
from .correction import Band, Correction, Truncate
from .kl import KL
from .loss import Loss
from .named import (
    NAMES,
    by_name,
    cispo,
    dapo,
    dr_grpo,
    gmpo,
    grpo,
    gspo,
    luspo,
    opo,
    reinforce,
    reinforce_pp,
    rloo,
    sapo,
)
from .objective import Described, Objective
from .ratio import GeometricRatio, Ratio, SequenceRatio, TokenRatio
from .records import Metrics, Scores, Tokens
from .surrogate import (
    Clip,
    ClipDetached,
    Clipping,
    DualClip,
    LogProb,
    Plain,
    SoftGate,
    Surrogate,
)
from .token_gradient import TokenGradient, token_gradient
from .weight import (
    PerConstant,
    PerPromptToken,
    PerSequence,
    PerToken,
    SequenceSum,
    Weight,
)

__all__ = [
    "KL",
    "NAMES",
    "Advantage",
    "Band",
    "BatchZScore",
    "Center",
    "Clip",
    "ClipDetached",
    "Clipping",
    "Correction",
    "Described",
    "DualClip",
    "Gae",
    "GeometricRatio",
    "GroupThenBatch",
    "LeaveOneOut",
    "LengthWeighted",
    "LogProb",
    "Loss",
    "Metrics",
    "Objective",
    "PerConstant",
    "PerPromptToken",
    "PerSequence",
    "PerToken",
    "Plain",
    "Ratio",
    "ReadsValues",
    "ReturnToGo",
    "Reward",
    "Scores",
    "SequenceRatio",
    "SequenceSum",
    "SoftGate",
    "Surrogate",
    "TokenGradient",
    "TokenRatio",
    "Tokens",
    "Truncate",
    "Weight",
    "ZScore",
    "by_name",
    "cispo",
    "dapo",
    "dr_grpo",
    "gmpo",
    "grpo",
    "gspo",
    "luspo",
    "named",
    "opo",
    "reinforce",
    "reinforce_pp",
    "rloo",
    "sapo",
    "token_gradient",
]
