"""Models: loading them, scoring tokens with them, saving them."""

from .detokenizer import Detokenizer, Pieces
from .load import load_policy, load_tokenizer
from .make_scorer import critic_of, load_scorer
from .policy import Policy
from .reference import Reference, WholeReference, make_reference
from .scorer import Critic, RewardScorer, Scorer, SharedHead
from .source import Source, resolve

__all__ = [
    "Critic",
    "Detokenizer",
    "Pieces",
    "Policy",
    "Reference",
    "RewardScorer",
    "Scorer",
    "SharedHead",
    "Source",
    "WholeReference",
    "critic_of",
    "load_policy",
    "load_scorer",
    "load_tokenizer",
    "make_reference",
    "resolve",
]
