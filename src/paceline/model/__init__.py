"""Models: loading them, scoring tokens with them, saving them."""

from .detokenizer import Detokenizer, Pieces
from .load import load_policy, load_tokenizer
from .policy import Policy
from .reference import Reference, make_reference
from .source import Source, resolve

__all__ = [
    "Detokenizer",
    "Pieces",
    "Policy",
    "Reference",
    "Source",
    "load_policy",
    "load_tokenizer",
    "make_reference",
    "resolve",
]
