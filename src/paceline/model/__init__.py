"""Models: how they are loaded, how they score tokens, how they are saved."""

from .detokenizer import Detokenizer, Pieces
from .load import Source, load_policy, load_tokenizer, resolve
from .policy import Policy
from .reference import Reference

__all__ = [
    "Detokenizer",
    "Pieces",
    "Policy",
    "Reference",
    "Source",
    "load_policy",
    "load_tokenizer",
    "resolve",
]
