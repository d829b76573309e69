"""Rounds made by hand, and of random rows."""

from collections.abc import Sequence

import torch

from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict


def group_of(
    prompt_ids: Sequence[int],
    rows: Sequence[tuple[Sequence[int], Sequence[float], float]],
    *,
    draw: int = 0,
    cut: Sequence[int] = (),
) -> Group:
    """A group from (token ids, log-probabilities, reward) of each row; rows in `cut` were cut."""
    problem = Problem(f"p{draw}", f"question {draw}", "1")
    rollouts = tuple(
        Rollout(
            problem,
            Completion(tuple(ids), tuple(logp), "", "length" if i in cut else "stop"),
            Verdict(reward),
        )
        for i, (ids, logp, reward) in enumerate(rows)
    )
    return Group(problem, Prompt(tuple(prompt_ids)), rollouts, draw)


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


def ragged_round(seed: int = 0, groups: int = 3, completions: int = 4, words: int = 80) -> Round:
    """A round with prompts and completions of different lengths, one group of equal rewards among
    them, and log-probabilities of an engine that is near the tiny model."""
    generator = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    made = []
    for g in range(groups):
        rows = []
        for i in range(completions):
            ids = [number(4, words) for _ in range(number(1, 9))]
            logp = (-4.4 + 0.3 * torch.randn(len(ids), generator=generator)).tolist()
            rows.append((ids, logp, 1.0 if g == 1 else float((i + g) % 3)))
        made.append(group_of([number(4, words) for _ in range(number(3, 12))], rows, draw=g))
    return Round(0, tuple(made))
