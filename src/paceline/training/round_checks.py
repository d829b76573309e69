"""Checks of a whole round with its completions, which a step's line in metrics.jsonl no longer
has."""

from ..errors import ConfigError
from ..types import Rollout, Round

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


def repeated_mistakes(round: Round) -> float:
    """The share of completions that are wrong and have the same text as a completion of another
    problem with another answer. Right ones never count: if there are few possible answers, such as
    letters or small numbers, one mistake would mark all right answers in the same words."""
    asked: dict[str, set[str]] = {}
    for group in round.groups:
        for rollout in group.rollouts:
            asked.setdefault(_said(rollout.completion.text), set()).add(_expected(rollout))
    repeated = sum(
        not rollout.verdict.solved and len(asked[_said(rollout.completion.text)]) > 1
        for rollout in round.rollouts
    )
    return repeated / len(round.rollouts)


def _expected(rollout: Rollout) -> str:
    return rollout.problem.answer or rollout.problem.id


def _said(text: str) -> str:
    return " ".join(text.split())
