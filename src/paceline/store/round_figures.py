"""Figures of a round's completions, which the record of a step keeps."""

from collections import Counter

from ..types import Rollout, Round


def reasons(round: Round) -> dict[str, int]:
    """Count how often each verdict's reason was given, most frequent first."""
    return dict(Counter(r.verdict.reason for r in round.rollouts if r.verdict.reason).most_common())


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
