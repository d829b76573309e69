"""Models: how they are loaded, how they score tokens, how they are saved."""

from .load import Source, load_policy, load_tokenizer, locate
from .policy import Policy
from .reference import Reference

__all__ = ["Policy", "Reference", "Source", "load_policy", "load_tokenizer", "locate"]
