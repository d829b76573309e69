"""For what learns from given rows, from pairs and rankings, and for a critic: the same loss and
gradient whole, in micro-batches, and with rows in another order.

Letters: B rows, T tokens, padded to the right. First on the numbers that a loss reads, in float64;
then through batches and a model, down to its parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from paceline.batch import Batch
from paceline.layout import PACKED
from paceline.objective import (
    PAIRS,
    Gae,
    Loss,
    Metrics,
    Ranking,
    Scores,
    Targets,
    Tokens,
    ValueLoss,
    ValueMetrics,
    dpo,
    named,
    sft,
    value_targets,
)
from paceline.types import Round
from tests.helpers.pairs import given_part, tokens_of_part
from tests.helpers.policies import tiny_policy
from tests.helpers.rounds import group_of

SIZES = [4, 2, 3, 2, 1]
LENGTHS = [[3, 1, 2, 4], [2, 5], [1, 1, 3], [2, 2], [6]]
RANKED = [[0.5, 2.0, -1.0, 0.5], [1.0, 0.0], [3.0, 1.0, 2.0], [1.0, 1.0], [0.0]]
MARGINS = [0.0, 0.75, 0.0, 0.0, 3.0] + [0.0] * 7


@dataclass
class Case:
    """What a loss reads of each row, and the loss of some of them, by their numbers."""

    x: Tensor
    """[B] or [B, T] the numbers that have a gradient."""
    of: Callable[[Tensor, list[int]], tuple[Tensor, Metrics | ValueMetrics]]
    """(their rows of x, the rows) -> their share of the loss, and what was measured."""
    pieces: list[list[int]]
    """The rows in micro-batches of which none parts a group that must stay whole."""


def policys(loss: Loss, rewards=None, lengths=None) -> Case:
    part = given_part() if rewards is None else given_part(rewards, lengths)
    tokens = tokens_of_part(loss, part)

    def of(x_BT: Tensor, rows: list[int]) -> tuple[Tensor, Metrics]:
        scores = Scores(x_BT, torch.full_like(x_BT, 0.5))
        return loss(scores, tokens.rows(rows))

    groups = torch.tensor(part.round.group_of)
    whole = [(groups == g).nonzero()[:, 0].tolist() for g in groups.unique()]
    alone = [[i] for i in range(len(groups))]
    return Case(part.logp_BT.detach(), of, whole if loss.whole_groups else alone)


def ranking(loss: Ranking) -> Case:
    part = given_part(RANKED, LENGTHS, MARGINS)
    tokens = tokens_of_part(loss, part)
    return Case(
        part.score_B.detach(),
        lambda x_B, rows: loss(x_B, tokens.rows(rows)),
        [[0, 1, 2, 3], [4, 5, 11], [6, 7, 8, 9, 10]],
    )


def critic(loss: ValueLoss) -> Case:
    part = given_part(RANKED, LENGTHS)
    weighed = tokens_of_part(sft(), part)
    generator = torch.Generator().manual_seed(3)
    value_BT, now_BT = torch.randn(2, *part.mask_BT.shape, generator=generator).double()
    values = tuple(tuple(v[:n].tolist()) for v, n in zip(value_BT, part.round.lengths, strict=True))
    targets = Targets(value_BT, value_targets(replace(part.round, values=values)))
    return Case(
        now_BT,
        lambda x_BT, rows: loss(x_BT, weighed.rows(rows), targets.rows(rows)),
        [[0], [3, 1], [2, 4, 5, 6], [11, 10, 9, 8, 7]],
    )


CASES = {
    "sft": policys(sft(), [[1.0]] * 5, [[3], [1], [6], [2], [4]]),
    "sft per sequence": policys(sft(per_sequence=True), [[1.0]] * 5, [[3], [1], [6], [2], [4]]),
    **{name: policys(make()) for name, make in PAIRS.items()},
    "dpo robust with likelihood": policys(dpo(smoothing=0.1, robust=True, likelihood=0.5)),
    "ranking": ranking(Ranking()),
    "ranking centred": ranking(Ranking(centre=0.1, margin=0.0)),
    "value": critic(ValueLoss()),
    "value clipped": critic(ValueLoss(0.3)),
}


def update(case: Case, rows: list[int]):
    """(loss, gradient of these rows, what was measured)."""
    x = case.x[rows].clone().requires_grad_()
    loss, measured = case.of(x, rows)
    return loss.item(), torch.autograd.grad(loss, x)[0], measured


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_micro_batches_add_up_to_the_part(case):
    every = list(range(len(case.x)))
    loss, slope, measured = update(case, every)
    assert sorted(i for piece in case.pieces for i in piece) == every and len(case.pieces) > 2
    assert slope.abs().max() > 1e-4
    total, slopes, summed = 0.0, torch.zeros_like(slope), type(measured).zero()
    for piece in case.pieces:
        share, slopes[piece], one = update(case, piece)
        total, summed = total + share, summed + one
    assert_close(total, loss, rtol=1e-12, atol=1e-12)
    assert_close(slopes, slope, rtol=1e-12, atol=1e-14)
    assert summed.tokens == measured.tokens
    assert summed.loss == pytest.approx(measured.loss)
    if isinstance(measured, Metrics) and measured.pairs is not None:
        assert summed.pairs is not None
        assert summed.pairs.pairs == measured.pairs.pairs > 0
        assert summed.pairs.right == measured.pairs.right
        assert summed.pairs.margin == pytest.approx(measured.pairs.margin)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_order_of_rows_never_matters(case, seed):
    loss, slope, measured = update(case, list(range(len(case.x))))
    order = torch.randperm(len(case.x), generator=torch.Generator().manual_seed(seed)).tolist()
    shuffled, slopes, again = update(case, order)
    assert shuffled == pytest.approx(loss, rel=1e-12)
    assert_close(slopes, slope[order], rtol=1e-12, atol=1e-14)
    assert again.tokens == measured.tokens


@pytest.mark.parametrize("loss", [make() for make in PAIRS.values()], ids=PAIRS)
def test_what_stands_outside_the_mask_never_matters_to_a_pair(loss):
    part = given_part()
    tokens = tokens_of_part(loss, part)

    def update_of(logp_BT: Tensor, given: Tokens):
        logp_BT = logp_BT.detach().requires_grad_()
        value, metrics = loss(Scores(logp_BT, logp_BT.detach()), given)
        return value.item(), torch.autograd.grad(value, logp_BT)[0], metrics

    clean = update_of(part.logp_BT, tokens)
    assert not part.mask_BT.all()
    for garbage in (float("nan"), float("inf"), -float("inf"), 1e30):

        def spoilt(x_BT, garbage=garbage):
            return None if x_BT is None else x_BT.detach().masked_fill(~part.mask_BT, garbage)

        dirty = replace(
            tokens,
            ref_BT=spoilt(tokens.ref_BT),
            advantage_BT=spoilt(tokens.advantage_BT),
            weight_BT=spoilt(tokens.weight_BT),
        )
        value, slope_BT, metrics = update_of(spoilt(part.logp_BT), dirty)
        assert value == clean[0] and torch.equal(slope_BT, clean[1]) and metrics == clean[2]
        assert not slope_BT[~part.mask_BT].any()


# Through a model ------------------------------------------------------------------------------


def given_round(sizes: Sequence[int], seed: int = 0) -> Round:
    """Groups of completions that nobody sampled, with prompts and rows of different lengths. The
    first row of a group has the reward 1, the others 0."""
    generator = torch.Generator().manual_seed(seed)

    def some(low: int, high: int) -> list[int]:
        count = int(torch.randint(low, high + 1, (), generator=generator))
        return torch.randint(4, 81, (count,), generator=generator).tolist()

    groups = tuple(
        group_of(some(3, 12), [(some(1, 9), (), float(i == 0)) for i in range(size)], draw=g)
        for g, size in enumerate(sizes)
    )
    made = Round(0, groups)

    def column(shift: float) -> tuple[tuple[float, ...], ...]:
        return tuple(
            tuple((-4.4 + shift * torch.randn(n, generator=generator)).tolist())
            for n in made.lengths
        )

    return replace(made, ref=column(0.3), anchor=column(0.3), values=column(1.0))


def shuffled(round: Round) -> Round:
    """The same groups backwards, and the rows of each."""
    order = list(range(len(round.groups)))[::-1]
    starts = [round.group_of.index(g) for g in range(len(round.groups))]
    rows = [starts[g] + i for g in order for i in reversed(range(len(round.groups[g].rollouts)))]
    groups = tuple(replace(round.groups[g], rollouts=round.groups[g].rollouts[::-1]) for g in order)
    columns = {
        name: tuple(column[i] for i in rows)
        for name in ("ref", "anchor", "values")
        if (column := getattr(round, name)) is not None
    }
    return replace(round, groups=groups, **columns)


def learn(loss: Loss, round: Round, tokens_per_forward: int):
    """(loss, one flat gradient of all parameters, what was measured, the number of packs)."""
    policy = tiny_policy()
    policy.module.to(torch.float64)
    batch = Batch.of(round, range(len(round.groups)), loss)
    total, measured, packs = 0.0, Metrics.zero(), 0
    for micro in batch.micro(tokens_per_forward, PACKED):
        share, one = policy.loss(loss, micro, 1.0)
        share.backward()
        total, measured, packs = total + share.item(), measured + one, packs + 1
    blank = [torch.zeros_like(p) if p.grad is None else p.grad for p in policy.trained().values()]
    return total, torch.cat([g.flatten() for g in blank]), measured, packs


LOSSES = {
    "sft": (sft(), [1] * 12),
    **{name: (make(), [2] * 8) for name, make in PAIRS.items()},
    "rft": (named.rft(), [3] * 9),
    "distil": (named.distil(), [2] * 8),
    **{name: (make(), [2] * 8) for name, make in named.CRITICS.items()},
}


@pytest.mark.parametrize("name", LOSSES)
def test_down_to_the_parameters_it_is_the_same_whole_in_packs_of_64_and_shuffled(name):
    loss, sizes = LOSSES[name]
    round = given_round(sizes)
    value, whole, measured, packs = learn(loss, round, 10**6)
    assert packs == 1 and whole.norm() > 1e-6
    for other, limit in ((round, 64), (shuffled(round), 10**6), (shuffled(round), 64)):
        again, split, remeasured, packs = learn(loss, other, limit)
        assert (packs > 1) == (limit == 64)
        assert again == pytest.approx(value, rel=1e-6, abs=1e-9)
        # transformers computes norms and rotary angles in fp32 even in an fp64 model.
        assert ((split - whole).norm() / whole.norm()).item() < 1e-6
        assert remeasured.tokens == measured.tokens
        assert remeasured.mismatch is None, "nobody sampled these rows"


def test_a_row_that_is_copied_becomes_likelier_by_its_own_gradient():
    # The gradient of supervised training is that of the mean −log π of all tokens.
    round = given_round([1] * 6)
    _, ours, measured, _ = learn(sft(), round, 64)
    policy = tiny_policy()
    policy.module.to(torch.float64)
    batch = Batch.of(round, range(6), sft())
    scores = policy.scores(batch.rows, 1.0)
    nll = -scores.logp_BT.sum() / sum(round.lengths)
    nll.backward()
    theirs = torch.cat([p.grad.flatten() for p in policy.trained().values() if p.grad is not None])
    assert measured.nll == pytest.approx(nll.item(), rel=1e-6)
    assert ((ours[ours != 0].norm() - theirs.norm()) / theirs.norm()).abs() < 1e-6


# What a critic may say ------------------------------------------------------------------------


@pytest.mark.parametrize("lam", [1.0, 0.5])
def test_at_lam_1_the_expected_gradient_is_that_of_the_reward_whatever_the_critic_says(lam):
    """By enumeration: all completions of two words out of four, each with its probability."""
    generator = torch.Generator().manual_seed(0)
    logits_V, value_V, noise_V = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    logits_V.requires_grad_()
    logp_V = logits_V.log_softmax(0)
    p_V = logp_V.detach().exp()
    words = [(a, b) for a in range(4) for b in range(4)]
    rewards = [float(noise_V[a] * (b + 1)) for a, b in words]
    round = Round(
        0,
        (group_of([1], [(w, (0.0, 0.0), r) for w, r in zip(words, rewards, strict=True)]),),
        # V before the second word hangs on the first one, and knows nothing of the reward.
        values=tuple((0.3, float(value_V[a])) for a, _ in words),
    )
    a_BT = Gae(1.0, lam)(round)
    ours, true = 0.0, 0.0
    for i, (a, b) in enumerate(words):
        p = (p_V[a] * p_V[b]).item()
        ours = ours + p * (a_BT[i, 0].item() * logp_V[a] + a_BT[i, 1].item() * logp_V[b])
        true = true + p * rewards[i] * (logp_V[a] + logp_V[b])
    (ours_V,) = torch.autograd.grad(ours, logits_V, retain_graph=True)
    (true_V,) = torch.autograd.grad(true, logits_V)
    unbiased = torch.allclose(ours_V, true_V, rtol=1e-10, atol=1e-12)
    assert unbiased == (lam == 1.0), "below 1 the critic's errors are in it"
