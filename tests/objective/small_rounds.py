"""Rounds small enough to work out by hand. Letters: B rows, T tokens, padded to the right."""

from collections.abc import Sequence

from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict


def make_round(
    rewards: Sequence[Sequence[float]],
    lengths: Sequence[Sequence[int]] | None = None,
    sampled: Sequence[Sequence[bool]] | None = None,
    **columns: tuple[Sequence[float], ...],
) -> Round:
    """A round of one group per inner sequence. Without lengths every completion has two tokens;
    `sampled` is by row; the columns are `Round`'s per-token ones."""
    groups = []
    row = 0
    for g, group_rewards in enumerate(rewards):
        problem = Problem(id=str(g), prompt="?")
        rollouts = []
        for i, reward in enumerate(group_rewards):
            length = 2 if lengths is None else lengths[g][i]
            completion = Completion(
                token_ids=tuple(range(length)),
                logprobs=(-1.0,) * length,
                text="",
                finish="stop",
                sampled=None if sampled is None else sampled[row],
            )
            rollouts.append(Rollout(problem, completion, Verdict(reward)))
            row += 1
        groups.append(Group(problem, Prompt((1,)), tuple(rollouts)))
    return Round(0, tuple(groups), **columns)
