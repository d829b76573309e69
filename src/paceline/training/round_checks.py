"""A check of a whole round with its completions, which a step's line in metrics.jsonl no longer
has."""

from ..errors import ConfigError
from ..types import Round

FEWEST_COMPLETIONS = 32
"""The fewest completions of a first round that can prove it hopeless."""


def refuse_hopeless(first: Round, max_tokens: int) -> None:
    """Raise ConfigError if every completion of the first round was cut and no group has signal:
    nothing can be learned from answers that never finish."""
    n = len(first.rollouts)
    if n < FEWEST_COMPLETIONS or any(group.has_signal for group in first.groups):
        return
    if all(r.completion.finish == "length" for r in first.rollouts):
        raise ConfigError(
            f"All of the first {n} completions were cut at {max_tokens} tokens, and no group had "
            "any signal, so nothing can be learned; raise rollouts.max_tokens, ask for shorter "
            "answers, or see `paceline audit`."
        )
