"""Laws of every named objective: what must not change the gradient, and what must.

Letters: B rows, T tokens, padded to the right. All in float64.
"""

import itertools
import pickle
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

import paceline.objective as room
from paceline.objective import (
    GROUPS,
    KL,
    OBJECTIVES,
    Metrics,
    Objective,
    Scores,
    Tokens,
    Truncate,
)
from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict

MAX_TOKENS = 8
ALL = {name: make().resolved(MAX_TOKENS) for name, make in OBJECTIVES.items()}
WITHOUT_KL = {"trpo", "sft", "rft", "distil"}
"""Names that take no KL as an argument; here they get one in the loss."""


def with_kl(name):
    make = OBJECTIVES[name]
    objective = replace(make(), kl=KL(0.05)) if name in WITHOUT_KL else make(kl=0.05)
    return objective.resolved(MAX_TOKENS)


WITH_EXTRAS = {
    f"{name}+extras": replace(with_kl(name), entropy=0.01, correction=Truncate(1.02))
    for name in OBJECTIVES
}
WEIGHTED = {
    f"{name}+weighted KL": replace(ALL[name], kl=KL(0.05, weighted=True))
    for name in ("grpo", "gspo", "cispo")
}
EVERY = ALL | WITH_EXTRAS | WEIGHTED

# Sizes of the groups, a seed for the rest, and how many rows a micro-batch has.
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
seeds = st.integers(0, 10_000)
few = settings(max_examples=8, deadline=None, derandomize=True, database=None)


def random_part(seed, sizes, noise=0.3):
    """A round as one part: off-policy, ragged, some rewards equal, some rows masked."""
    generator = torch.Generator().manual_seed(seed)
    B = sum(sizes)
    lengths = torch.randint(1, MAX_TOKENS + 1, (B,), generator=generator).tolist()
    rewards = (torch.randint(0, 4, (B,), generator=generator) / 3).tolist()

    def normal(scale):
        return scale * torch.randn(B, MAX_TOKENS, generator=generator, dtype=torch.float64)

    anchor_BT = -normal(1.0).abs()
    mask_BT = torch.arange(MAX_TOKENS) < torch.tensor(lengths).unsqueeze(-1)
    mask_BT &= (torch.rand(B, generator=generator) < 0.8).unsqueeze(-1)
    ref_BT = anchor_BT + normal(0.2)
    values = torch.Generator().manual_seed(1000 + seed)  # so that the rest stays as it was
    value_BT = torch.randn(B, MAX_TOKENS, generator=values, dtype=torch.float64)
    rows = iter(zip(rewards, lengths, strict=True))
    groups = []
    for g, size in enumerate(sizes):
        problem = Problem(str(g), "?")
        rollouts = tuple(
            Rollout(problem, Completion((0,) * n, (0.0,) * n, "", "stop"), Verdict(r))
            for r, n in itertools.islice(rows, size)
        )
        groups.append(Group(problem, Prompt((1,)), rollouts))

    def ragged(x_BT):
        return tuple(x_T[:n].tolist() for x_T, n in zip(x_BT, lengths, strict=True))

    return SimpleNamespace(
        round=Round(
            0,
            tuple(groups),
            anchor=ragged(anchor_BT),
            ref=ragged(ref_BT),
            values=ragged(value_BT),
        ),
        mask_BT=mask_BT,
        anchor_BT=anchor_BT,
        ref_BT=ref_BT,
        old_BT=anchor_BT + normal(0.05),
        logp_BT=anchor_BT + normal(noise),
        entropy_BT=normal(1.0).abs(),
    )


def tokens_of(objective, part, on_policy=False):
    advantage = objective.advantages(part.round, torch.float64)
    if advantage.ndim == 1:
        advantage = advantage.unsqueeze(-1).expand_as(part.mask_BT)
    wide = part.mask_BT.shape[1] - advantage.shape[1]
    return Tokens(
        mask_BT=part.mask_BT,
        anchor_BT=None if on_policy else part.anchor_BT,
        old_BT=part.old_BT,
        ref_BT=part.ref_BT if objective.needs_reference else None,
        advantage_BT=torch.nn.functional.pad(advantage, (0, wide)),
        weight_BT=objective.weights(part.mask_BT, torch.tensor(part.round.group_of), torch.float64),
    )


def update(objective, part, tokens):
    """(loss, gradients by log-probability and entropy, metrics) of all the tokens at once."""
    logp_BT = part.logp_BT.clone().requires_grad_()
    entropy_BT = part.entropy_BT.clone().requires_grad_()
    loss, metrics = objective(Scores(logp_BT, entropy_BT), tokens)
    slopes = torch.autograd.grad(
        loss, (logp_BT, entropy_BT), allow_unused=True, materialize_grads=True
    )
    return loss.item(), torch.stack(slopes), metrics


def in_pieces(objective, part, tokens, pieces):
    """The same, row by row or in other pieces of rows; rows in none of them have no gradient."""
    total, slopes, metrics = 0.0, torch.zeros(2, *part.mask_BT.shape).double(), Metrics.zero()
    for index in pieces:
        some = SimpleNamespace(
            logp_BT=part.logp_BT[index],
            entropy_BT=part.entropy_BT[index],
        )
        loss, slopes[:, index], measured = update(objective, some, tokens.rows(index))
        total, metrics = total + loss, metrics + measured
    return total, slopes, metrics


def same(actual, expected):
    assert_close(actual, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("objective", EVERY.values(), ids=EVERY)
@given(seed=seeds, sizes=sizes, rows=st.integers(1, 5))
@few
def test_micro_batches_add_up_to_the_part(objective, seed, sizes, rows):
    part = random_part(seed, sizes)
    tokens = tokens_of(objective, part)
    whole = update(objective, part, tokens)
    order = torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(seed))
    pieces = in_pieces(objective, part, tokens, order.split(rows))
    same(pieces[0], whole[0])
    same(pieces[1], whole[1])
    # Counts and maxima are equal, sums equal to rounding.
    for name in ("tokens", "clipped", "ratio_max", "mismatch_max"):
        assert getattr(pieces[2], name) == getattr(whole[2], name)
    for name in ("loss", "entropy_sum", "kl_sum", "mismatch_sum", "entropy", "kl"):
        same(getattr(pieces[2], name), getattr(whole[2], name))


@pytest.mark.parametrize("objective", EVERY.values(), ids=EVERY)
@given(seed=seeds, sizes=sizes)
@few
def test_rows_without_signal_may_be_dropped_after_weighing(objective, seed, sizes):
    part = random_part(seed, sizes)
    tokens = tokens_of(objective, part)
    signal_B = (tokens.advantage_BT != 0).any(-1)
    loss, slopes, _ = update(objective, part, tokens)
    if objective.needs_values:  # a critic learns from every row; the objective alone may not
        assert not objective.drops_signalless
        return
    kept = in_pieces(objective, part, tokens, [signal_B.nonzero().squeeze(-1)])
    if objective.drops_signalless:
        same(kept[0], loss)
        same(kept[1], slopes)
    else:
        # Not an idle promise: such rows do have a gradient here, if any token of theirs trains.
        lost_B = ~signal_B & part.mask_BT.any(-1)
        assert (slopes[:, lost_B].abs().amax((0, 2)) > 0).all()


@pytest.mark.parametrize("objective", EVERY.values(), ids=EVERY)
def test_what_stands_outside_the_mask_never_matters(objective):
    part = random_part(3, [3, 2])
    tokens = tokens_of(objective, part)
    clean = update(objective, part, tokens)
    assert not part.mask_BT.all() and part.mask_BT.any()

    def spoilt(x_BT, value):
        return None if x_BT is None else x_BT.masked_fill(~part.mask_BT, value)

    for value in (float("nan"), float("inf"), -float("inf"), 1e30):
        dirty = SimpleNamespace(
            logp_BT=spoilt(part.logp_BT, value), entropy_BT=spoilt(part.entropy_BT, value)
        )
        dirty_tokens = Tokens(
            mask_BT=part.mask_BT,
            anchor_BT=spoilt(tokens.anchor_BT, value),
            old_BT=spoilt(tokens.old_BT, value),
            ref_BT=spoilt(tokens.ref_BT, value),
            advantage_BT=spoilt(tokens.advantage_BT, value),
            weight_BT=spoilt(tokens.weight_BT, value),
        )
        loss, slopes, metrics = update(objective, dirty, dirty_tokens)
        assert loss == clean[0] and torch.equal(slopes, clean[1]) and metrics == clean[2]
        assert not slopes[:, ~part.mask_BT].any()


@pytest.mark.parametrize("objective", EVERY.values(), ids=EVERY)
def test_the_padded_width_never_matters(objective):
    part = random_part(5, [3, 2, 1])
    wider = SimpleNamespace(round=part.round)
    for name in ("mask", "anchor", "ref", "old", "logp", "entropy"):
        padded_BT = torch.nn.functional.pad(getattr(part, f"{name}_BT"), (0, 5))
        setattr(wider, f"{name}_BT", padded_BT)
    loss, slopes, _ = update(objective, part, tokens_of(objective, part))
    wide_loss, wide_slopes, _ = update(objective, wider, tokens_of(objective, wider))
    same(wide_loss, loss)
    same(wide_slopes[..., :MAX_TOKENS], slopes)


def gradient(name, on_policy):
    part = random_part(11, [4, 3, 4, 2])
    return update(ALL[name], part, tokens_of(ALL[name], part, on_policy))[1][0]


def apart(a_BT, b_BT):
    """The distance as a share of the larger one."""
    return ((a_BT - b_BT).norm() / torch.maximum(a_BT.norm(), b_BT.norm())).item()


# The clip, the gate and the kind of ratio do nothing at ratio 1, so with one part a round these
# have the same advantages and the same shares, and hence the same gradient.
ALIKE_ON_POLICY = [{"grpo", "gspo", "sapo", "gmpo"}, {"dapo", "cispo"}]


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(GROUPS, 2)))
def test_with_one_part_only_these_are_alike_and_with_more_none_are(a, b):
    on_policy = apart(gradient(a, True), gradient(b, True))
    if any({a, b} <= alike for alike in ALIKE_ON_POLICY):
        assert on_policy < 1e-12
    else:
        assert on_policy > 0.01
    # Off-policy and with ragged completions no two of the twelve coincide.
    assert apart(gradient(a, False), gradient(b, False)) > 0.01


@pytest.mark.parametrize("objective", ALL.values(), ids=ALL)
def test_with_one_part_the_gradient_is_that_of_the_score_function(objective):
    # −weight · A at every token of the mask, whatever the surrogate. A ratio shared by the row
    # gives each token the mean of this over the row, which is the same: both are the row's own.
    part = random_part(13, [3, 4])
    tokens = tokens_of(objective, part, on_policy=True)
    expected_BT = -tokens.weight_BT * tokens.advantage_BT * tokens.mask_BT
    same(update(objective, part, tokens)[1][0], expected_BT)


@given(
    seed=seeds, sizes=st.lists(st.integers(2, 5), min_size=1, max_size=3), shift=st.integers(-3, 3)
)
@few
def test_a_constant_added_to_all_rewards_changes_no_group_relative_advantage(seed, sizes, shift):
    round = random_part(seed, sizes).round
    groups = tuple(
        replace(
            g,
            rollouts=tuple(
                replace(r, verdict=Verdict(r.verdict.reward + shift)) for r in g.rollouts
            ),
        )
        for g in round.groups
    )
    moved = replace(round, groups=groups)
    for name in set(GROUPS) - {"reinforce"}:
        advantage = ALL[name].advantage
        assert_close(advantage(moved), advantage(round), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", GROUPS)
def test_every_named_objective_is_a_value(name):
    make = GROUPS[name]
    for objective in (make(), EVERY[name], EVERY[f"{name}+extras"]):
        assert eval(repr(objective), vars(room)) == objective
        assert pickle.loads(pickle.dumps(objective)) == objective
        assert hash(objective) == hash(pickle.loads(pickle.dumps(objective)))
    assert make() == make() and make() != make(kl=0.1)
    assert len({make(), make(), make(kl=0.1)}) == 2


def test_no_two_named_objectives_are_equal_and_none_can_be_changed():
    assert len({make() for make in OBJECTIVES.values()}) == len(OBJECTIVES)
    with pytest.raises(AttributeError):
        OBJECTIVES["grpo"]().entropy = 1.0


def test_every_field_changes_the_gradient():
    """What is recorded of an experiment is what was run: no field is idle."""
    part = random_part(17, [4, 3])
    base = OBJECTIVES["grpo"]()
    before = update(base, part, tokens_of(base, part))[1]
    for change in (
        {"advantage": room.Center()},
        {"ratio": room.SequenceRatio()},
        {"surrogate": room.Clip(0.1)},
        {"weight": room.PerToken()},
        {"kl": KL(0.1)},
        {"kl": KL(0.1, weighted=True)},
        {"kl": KL(0.1, "k1", "reward")},
        {"kl": KL(0.1, to="anchor")},
        {"entropy": 0.1},
        {"correction": Truncate(1.02)},
    ):
        changed: Objective = replace(base, **change)
        after = update(changed, part, tokens_of(changed, part))[1]
        assert apart(before, after) > 1e-3, change
    weighted, plain = (replace(base, kl=KL(0.1, weighted=w)) for w in (True, False))
    slopes = [update(o, part, tokens_of(o, part))[1] for o in (weighted, plain)]
    assert apart(*slopes) > 1e-3


def test_the_room_computes_with_torch_and_nothing_heavier():
    code = (
        "import sys, paceline.objective\n"
        "assert paceline.objective.grpo().drops_signalless\n"
        "heavy = {'transformers', 'datasets', 'peft', 'pyarrow', 'plotly', 'rich'}\n"
        "assert 'torch' in sys.modules\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
