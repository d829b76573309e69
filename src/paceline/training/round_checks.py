"""What is seen in a whole round, with its completions: what a line no longer has."""

from ..errors import ConfigError
from ..types import Rollout, Round

ENOUGH = 32
"""Completions in the first round, below which it proves nothing."""


def refuse_hopeless(first: Round, max_tokens: int) -> None:
    """Raise ConfigError where all of the first round was cut and none of it is told apart: nothing
    can be learned from answers that never come to their end."""
    n = len(first.rollouts)
    if n < ENOUGH or any(group.has_signal for group in first.groups):
        return
    if all(r.completion.finish == "length" for r in first.rollouts):
        raise ConfigError(
            f"All of the first {n} completions were cut at {max_tokens} tokens, and no group had "
            "any signal: nothing can be learned so; raise rollouts.max_tokens, ask for shorter "
            "answers, or see `paceline audit`."
        )


def repeated_mistakes(round: Round) -> float:
    """The share of completions that are not right and whose text is also that of a completion of
    another problem, one with another answer. Right ones never count: where answers are few,
    letters or small numbers, one slip would mark all that are rightly said in the same words."""
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
