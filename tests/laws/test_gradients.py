"""Nothing that only bounds memory or splits work changes the gradient, for every named objective,
down to the model's parameters: here for those that judge by groups. What learns from rows that are
given, or has a critic, is in test_line_laws.py."""

from dataclasses import dataclass, replace

import pytest
import torch

from paceline import model
from paceline.batch import Batch
from paceline.layout import PACKED, PADDED, Layout, TokenRows
from paceline.objective import KL, Metrics, Objective, TokenRatio, named, token_gradient
from paceline.settings import LoraConfig
from paceline.types import Round
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.policies import tiny_policy
from tests.helpers.rounds import ragged_round

NAMES = sorted(named.GROUPS)


def complete(round: Round, *, off_policy: bool, seed: int = 0) -> Round:
    """The round with a reference, and with anchors that differ from the policy's own where
    asked."""
    generator = torch.Generator().manual_seed(seed)

    def column(shift):
        return tuple(
            tuple((-4.4 + shift * torch.randn(n, generator=generator)).tolist())
            for n in round.lengths
        )

    anchor = column(0.3) if off_policy else None
    return replace(round, anchor=anchor, ref=column(0.3))


SHALLOW = replace(PACKED, deep=1)
"""Splits a group that does not fit, instead of computing its layers again."""


def gradient(
    objective: Objective,
    batch: Batch,
    tokens_per_forward: int,
    dtype=torch.float64,
    layout: Layout = SHALLOW,
    lora: LoraConfig | None = None,
):
    """One flat vector of all learning parameters' gradients, and the summed metrics."""
    policy = tiny_policy() if lora is None else fill(adapted_policy(lora=lora))
    policy.module.to(dtype)
    policy.layout = PADDED if layout is PADDED else policy.layout
    metrics = Metrics.zero()
    for micro in batch.micro(tokens_per_forward, layout):
        loss, measured = policy.loss(objective, micro, 1.0)
        loss.backward()
        metrics += measured
    trained = policy.trained().values()
    blank = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    return torch.cat([g.flatten() for g in blank]), metrics


def assert_same(a, b):
    """To rounding: transformers computes norms and rotary angles in fp32 even in an fp64 model."""
    assert ((a - b).norm() / b.norm()).item() < 1e-6


def objective_of(name: str) -> Objective:
    return named.by_name(name).resolved(max_tokens=16)


@pytest.mark.parametrize("name", NAMES)
def test_micro_batches_add_up(name):
    objective, round = objective_of(name), complete(ragged_round(), off_policy=True)
    batch = Batch.of(round, range(3), objective)
    whole, measured = gradient(objective, batch, 10**6)
    assert whole.norm() > 1e-6
    for tokens_per_forward, packs in ((1, {1}), (30, {1, 2, 3, 4, 5})):
        sizes = [len(pack) for pack in batch.rows.packs(tokens_per_forward, SHALLOW)]
        assert len(sizes) > 1 and set(sizes) <= packs
        split, again = gradient(objective, batch, tokens_per_forward)
        assert_same(split, whole)
        assert again.entropy == pytest.approx(measured.entropy, rel=1e-5)
        assert again.tokens == measured.tokens


@pytest.mark.parametrize("name", NAMES)
def test_layers_computed_again_give_the_same_gradient(name):
    objective, round = objective_of(name), complete(ragged_round(), off_policy=True)
    batch = Batch.of(round, range(3), objective)
    whole, measured = gradient(objective, batch, 10**6)
    micros = list(batch.micro(12, PACKED))
    assert all(m.recompute for m in micros) and len(micros) > 1
    assert len(micros) == len({tuple(p) for p in batch.rows.prompts}), "groups stay whole"
    again, remeasured = gradient(objective, batch, 12, layout=PACKED)
    assert_same(again, whole)
    assert remeasured.entropy == pytest.approx(measured.entropy, rel=1e-5)


@pytest.mark.parametrize("merge", ["yes", "no"])
def test_adapters_get_the_same_gradient_in_packs_of_any_size_recomputed_and_padded(merge):
    objective, round = objective_of("grpo"), complete(ragged_round(), off_policy=True)
    batch, lora = Batch.of(round, range(3), objective), LoraConfig(rank=4, merge=merge)
    whole, _ = gradient(objective, batch, 10**6, lora=lora)
    assert whole.norm() > 1e-6
    for tokens, layout in ((1, SHALLOW), (30, SHALLOW), (12, PACKED), (10**6, PADDED)):
        split, _ = gradient(objective, batch, tokens, layout=layout, lora=lora)
        assert_same(split, whole)


@pytest.mark.parametrize("name", NAMES)
def test_dropping_rows_without_signal_changes_nothing(name):
    objective, round = objective_of(name), complete(ragged_round(), off_policy=True)
    dropped = Batch.of(round, range(3), objective)
    everything = _without_dropping(round, objective)
    if objective.drops_signalless and name not in ("reinforce", "reinforce_pp", "opo"):
        assert len(dropped.rows) < len(everything.rows), "the equal group should have been dropped"
    ours, _ = gradient(objective, dropped, 10**6)
    theirs, _ = gradient(objective, everything, 10**6)
    assert_same(ours, theirs)


def _without_dropping(round: Round, objective: Objective) -> Batch:
    """The same batch made by hand, every row kept: dropping is switched off by an entropy term so
    small that it vanishes in fp64, and the tokens are those of the objective itself."""
    kept = Batch.of(round, range(len(round.groups)), replace(objective, entropy=1e-300))
    assert len(kept.rows) == len(TokenRows.of(round))
    return kept


def test_parts_of_a_round_are_weighed_alone_and_cover_it():
    # Two parts of PerSequence weigh 1/B each: their gradients average to the whole round's.
    objective, round = objective_of("grpo"), complete(ragged_round(groups=4), off_policy=True)
    whole, _ = gradient(objective, Batch.of(round, range(4), objective), 10**6)
    halves = [
        gradient(objective, Batch.of(round, p, objective), 10**6)[0] for p in ([0, 1], [2, 3])
    ]
    assert_same((halves[0] + halves[1]) / 2, whole)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_with_one_part_grpo_and_gspo_coincide_and_with_more_they_differ(dtype):
    # In bf16 too: with one part the anchor is the policy's own log-probability, so every ratio is
    # exactly 1 however far the engine's log-probabilities lie. The advantages must be the same
    # ones.
    grpo, gspo = objective_of("grpo"), objective_of("gspo")
    assert grpo.advantage == gspo.advantage and grpo.weight == gspo.weight
    one = complete(ragged_round(), off_policy=False)
    a, measured = gradient(grpo, Batch.of(one, range(3), grpo), 10**6, dtype)
    b, _ = gradient(gspo, Batch.of(one, range(3), gspo), 10**6, dtype)
    scale = a.float().norm()
    assert (a - b).float().norm() / scale < (1e-10 if dtype == torch.float64 else 0.02)
    assert measured.ratio_max == 1 and measured.clip_fraction == 0 and measured.mismatch > 0.01
    several = complete(ragged_round(), off_policy=True)
    a, _ = gradient(grpo, Batch.of(several, range(3), grpo), 10**6, dtype)
    b, _ = gradient(gspo, Batch.of(several, range(3), gspo), 10**6, dtype)
    assert (a - b).float().norm() / a.float().norm() > 0.1


def test_every_pair_of_presets_differs_off_policy():
    round = complete(ragged_round(), off_policy=True)
    gradients = {}
    for name in NAMES:
        objective = objective_of(name)
        flat, _ = gradient(objective, Batch.of(round, range(3), objective), 10**6)
        gradients[name] = flat / flat.norm()  # directions: a different scale alone does not count
    for i, a in enumerate(NAMES):
        for b in NAMES[i + 1 :]:
            assert (gradients[a] - gradients[b]).norm() > 1e-4, f"{a} and {b} coincide"


@pytest.mark.parametrize("off_policy", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_formed_with_the_logits_is_that_of_the_scores(name, off_policy, monkeypatch):
    objective, round = objective_of(name), complete(ragged_round(), off_policy=off_policy)
    batch = Batch.of(round, range(3), objective)
    fused, measured = gradient(objective, batch, 10**6)
    monkeypatch.setattr(model.policy, "token_gradient", lambda *_: None)
    plain, again = gradient(objective, batch, 10**6)
    assert_same(fused, plain)
    assert measured == again
    # Which of them need the scores of a whole row: those with a ratio of the whole row, off-policy.
    tokens, real_BT = batch.tokens, batch.rows.real()
    known = token_gradient(objective, tokens, real_BT) is not None
    assert known == (not off_policy or isinstance(objective.ratio, TokenRatio))


@pytest.mark.parametrize("off_policy", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_entropy_bonus_and_kl_in_the_loss_are_formed_too(weighted, off_policy, monkeypatch):
    objective = replace(named.grpo(kl=KL(0.1, weighted=weighted)), entropy=0.05)
    batch = Batch.of(complete(ragged_round(), off_policy=off_policy), range(3), objective)
    assert token_gradient(objective, batch.tokens, batch.rows.real()) is not None
    fused, _ = gradient(objective, batch, 10**6)
    monkeypatch.setattr(model.policy, "token_gradient", lambda *_: None)
    assert_same(fused, gradient(objective, batch, 10**6)[0])
    without, _ = gradient(replace(objective, entropy=0.0), batch, 10**6)
    assert (fused - without).norm() > 1e-3 * without.norm()


@pytest.mark.parametrize("tokens_per_forward", [10**6, 30, 1])
@pytest.mark.parametrize("kl", [KL(5.0), KL(5.0, "k2")], ids=repr)
@pytest.mark.parametrize("name", ["grpo", "gspo"])
def test_where_the_policy_is_the_reference_the_gradient_is_that_without_kl(
    name, kl, tokens_per_forward, monkeypatch
):
    # The reference's column is noise of 0.3 nats here: none of it is read, in any packs or layout.
    objective, round = objective_of(name), complete(ragged_round(), off_policy=True)
    pulled = replace(objective, kl=kl)
    at = Batch.of(round, range(3), pulled, at_reference=True)
    free = replace(at, tokens=replace(at.tokens, ref_BT=None))  # the same rows
    for layout in (SHALLOW, PADDED):
        if layout is PADDED:
            monkeypatch.setattr(model.trainable, "supports", lambda module: False)
        ours, measured = gradient(pulled, at, tokens_per_forward, layout=layout)
        theirs, _ = gradient(objective, free, tokens_per_forward, layout=layout)
        assert measured.kl == 0 and torch.equal(ours, theirs) and ours.any()
    away, measured = gradient(pulled, Batch.of(round, range(3), pulled), tokens_per_forward)
    assert measured.kl > 0.01 and (away - ours).norm() > 0.1 * ours.norm()


@pytest.mark.parametrize("name", NAMES)
def test_the_packed_layout_and_the_padded_one_give_one_gradient(name, monkeypatch):
    objective, round = objective_of(name), complete(ragged_round(), off_policy=True)
    batch = Batch.of(round, range(3), objective)
    packed, _ = gradient(objective, batch, 10**6)
    monkeypatch.setattr(model.trainable, "supports", lambda module: False)
    assert tiny_policy().layout is PADDED
    assert_same(packed, gradient(objective, batch, 10**6)[0])


@dataclass(frozen=True)
class RowMean(TokenRatio):
    """A user's ratio that is one of ours by name only: it reads the whole row."""

    def __call__(self, log_ratio_BT, mask_BT, advantage_BT):
        return log_ratio_BT.mean(-1, keepdim=True).expand_as(log_ratio_BT)


def test_parts_of_a_user_get_no_token_gradient_that_they_do_not_have(monkeypatch):
    objective = replace(named.grpo(), ratio=RowMean())
    batch = Batch.of(complete(ragged_round(), off_policy=True), range(3), objective)
    ours, _ = gradient(objective, batch, 10**6)
    monkeypatch.setattr(model.policy, "token_gradient", lambda *_: None)
    assert_same(ours, gradient(objective, batch, 10**6)[0])


def test_masked_rows_and_tokens_of_others_are_formed_with_weight_zero(monkeypatch):
    round = complete(ragged_round(), off_policy=False)
    group = round.groups[0]
    first = group.rollouts[0]
    n = len(first.completion.token_ids)
    partly = replace(first.completion, sampled=tuple(t % 2 == 0 for t in range(n)))
    rollouts = (
        replace(first, completion=partly),
        replace(group.rollouts[1], masked=True),
        *group.rollouts[2:],
    )
    round = replace(round, groups=(replace(group, rollouts=rollouts), *round.groups[1:]))
    objective = replace(named.grpo(), entropy=0.01)  # so that no row is dropped
    batch = Batch.of(round, range(3), objective)
    fused, _ = gradient(objective, batch, 10**6)
    monkeypatch.setattr(model.policy, "token_gradient", lambda *_: None)
    assert_same(fused, gradient(objective, batch, 10**6)[0])
