"""Critics of both kinds beside the tiny policy, and rounds whose rewards can be known."""

from dataclasses import replace

import torch

from paceline import rng
from paceline.batch import Batch
from paceline.objective import named
from paceline.settings import CriticConfig, OptimizerConfig
from paceline.training import Learner, Optimizer, make_critic
from tests.helpers.policies import tiny_policy
from tests.helpers.rounds import group_of, make_round, ragged_round

ROUND = ragged_round()
BODIES = {
    "own": CriticConfig(body="own", lr=1e-3, head_lr=1e-2),
    "first layer": CriticConfig(body="own", layers=1, lr=1e-3, head_lr=1e-2),
    "shared": CriticConfig(head_lr=1e-2),
    "probe": CriticConfig(head_lr=1e-2, coef=0.0),
}


def half_of(body="shared", dtype=torch.float32, learned=True, policy=None, **options):
    """A critic beside a policy, its head filled as if it had learned."""
    policy = policy or tiny_policy(dtype)
    optimizer = OptimizerConfig(lr=1e-3, clip=0.0)
    learner = Learner(policy, Optimizer(policy, optimizer, 50), **options)
    half = make_critic(BODIES[body], optimizer, learner)
    if learned:
        drawn = rng.normals(rng.key(0, "a head"), 64)
        head = torch.from_numpy(0.1 * drawn).float()[None]
        half.model.restore({**copied(half.model.exact_parameters()), "score.weight": head})
    return half


def batch_of(half, round=ROUND, objective=None, part=range(3)):
    """A part of the round, with its targets."""
    objective = objective or named.ppo()
    scored = half.with_values(round)
    return half.with_targets(Batch.of(scored, part, objective, anchored=False), scored, objective)


def gradients(half):
    """The policy's gradient and the critic's own, each flat."""
    return [
        torch.cat([m.grad.flatten() for m in one.masters]).clone()
        for one in (half.learner.optimizer, half.optimizer)
    ]


def copied(tensors):
    return {name: x.detach().clone() for name, x in tensors.items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def fixed_rounds(count=4):
    """Rounds whose rewards hang on the first token: 1 for an even one. Twelve tokens a row, of
    which the first is foretold by nothing, and all later ones by it."""
    generator = torch.Generator().manual_seed(1)

    def ids(n):
        return torch.randint(4, 81, (n,), generator=generator).tolist()

    rounds = []
    for index in range(count):
        groups = []
        for draw in range(4):
            rows = [(row, (-4.4,) * 12, float(row[0] % 2 == 0)) for row in map(ids, [12] * 3)]
            groups.append(group_of(ids(5), rows, draw=draw))
        rounds.append(replace(make_round([[0.0]]), index=index, groups=tuple(groups)))
    return rounds


def targets_by_loop(round, gamma, lam, penalty):
    """R_t = A_t + V_t of every row, from the last token back."""
    rows = []
    for i, reward in enumerate(round.rewards):
        values, after, ahead, row = list(round.values[i]), 0.0, 0.0, []
        for t in reversed(range(len(values))):
            last = t == len(values) - 1
            r = (reward if last else 0.0) - penalty[i][t]
            ahead = r + (0.0 if last else gamma * after) - values[t] + gamma * lam * ahead
            after = values[t]
            row.append(ahead + values[t])
        rows.append(row[::-1])
    return rows


class NoSignal:
    """An advantage that reads a critic and gives 0."""

    needs_values = True

    def __call__(self, round):
        return torch.zeros(len(round.rollouts))
