"""The effects of objectives on completions and tokens: pushes, ratios, clips."""

from dataclasses import replace as changed

import pytest
import torch

from paceline.analysis.replay.effects import effects, pushes
from paceline.analysis.replay.measure import Candidate, measure
from paceline.layout import PACKED, PADDED
from paceline.objective import KL, NAMES, Objective, Scores, Tokens, Truncate, named
from paceline.training import ScheduleConfig
from tests.helpers.trainers import trainer_of

PULLED = changed(named.grpo(kl=0.5), kl=KL(0.5))
"""With KL in the loss."""
CORRECTED = changed(named.grpo(), correction=Truncate(1.01))


def part_of(trainer, round):
    """The batch of the part that is next."""
    return trainer.parts.batch(round, trainer.part, trainer.loss)


def test_the_weights_of_all_completions_are_one(later):
    for m in later.measured:
        total = sum(e.weight for e in m.effects)
        assert total == pytest.approx(1 if m.grad_norm else 0)
        for e in m.effects:
            assert e.push == pytest.approx(sum(e.push_T))
            length = len(later.round.rollouts[e.row].completion.token_ids)
            columns = (e.logp_T, e.anchor_T, e.ratio_T, e.advantage_T, e.push_T, e.clipped_T)
            assert {len(column) for column in columns} == {length}
            # At a bound there is no push. CISPO caps a weight, and its token is pushed the same.
            bound = [p for p, c in zip(e.push_T, e.clipped_T, strict=True) if c]
            assert all(bound) if m.name == "cispo" else not any(bound)
            logs = torch.tensor(e.logp_T) - torch.tensor(e.anchor_T)
            assert e.ratio == pytest.approx(logs.mean().exp().item(), rel=1e-5)
            assert torch.allclose(logs.exp(), torch.tensor(e.ratio_T))


OF_SAMPLES = [name for name in sorted(NAMES) if isinstance(NAMES[name](), Objective)]
"""The objectives of sampled rounds, which alone can be replayed."""


@pytest.mark.parametrize("name", OF_SAMPLES)
def test_a_push_is_what_the_loss_says_of_a_small_step(name):
    objective = NAMES[name]().resolved(4)
    generator = torch.Generator().manual_seed(0)

    def drawn(scale):
        return scale * torch.randn(3, 4, generator=generator, dtype=torch.float64)

    mask_BT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], dtype=torch.float64)
    advantage_BT = torch.tensor([[1.2], [-0.7], [0.4]]).double().expand(-1, 4)
    weight_BT = objective.weights(mask_BT, torch.tensor([0, 0, 1]), torch.float64)
    anchor_BT = drawn(0.3) - 2
    tokens = Tokens(mask_BT, anchor_BT, anchor_BT, None, advantage_BT, weight_BT)
    logp_BT, entropy_BT = anchor_BT + drawn(0.3), drawn(1.0).abs()
    push_BT = pushes(objective, Scores(logp_BT, entropy_BT), tokens)
    assert not push_BT[mask_BT == 0].any() and push_BT.any()

    def loss(change):
        return objective.value(Scores(logp_BT + change, entropy_BT), tokens).item()

    if name == "cispo":  # its weight counts as a constant, which a step does not
        ratio_BT = (logp_BT - anchor_BT).exp().clamp(max=5)
        assert torch.allclose(push_BT, weight_BT * advantage_BT * ratio_BT * mask_BT)
        return
    for row, token in mask_BT.nonzero().tolist():
        step = torch.zeros_like(logp_BT)
        step[row, token] = 1e-6
        slope = (loss(step) - loss(-step)) / 2e-6
        assert push_BT[row, token].item() == pytest.approx(-slope, abs=1e-8)


@pytest.mark.parametrize("layout", [PACKED, PADDED], ids=["packed", "padded"])
@pytest.mark.parametrize(
    ("objective", "lr"),
    [(named.grpo(), 3e-2), (named.gspo(), 1e-4), (named.cispo(), 1e-4), (PULLED, 3e-2),
     (CORRECTED, 3e-2)],
    ids=["grpo", "gspo", "cispo", "kl", "correction"],
)  # fmt: skip
def test_pushes_through_the_model_are_the_gradient(objective, lr, layout):
    """Σ push · ∂ log π / ∂ θ = −gradient, of the trainer's own path and of the tokens' numbers."""
    trainer = trainer_of(objective, schedule=ScheduleConfig(minibatches=3), lr=lr)
    trainer.policy.layout = layout
    measured, round = None, None
    while measured is None or not (objective == named.cispo() or 0 < measured.clip_fraction < 1):
        trainer.step()
        round = trainer.sampled.round
        if trainer.part < 3 and len(part_of(trainer, round).rows):
            it = Candidate("it", trainer.loss, round)
            measured, gradient = measure(it, trainer, trainer.part, {})
    # What was measured left nothing behind that the next step would add to its own.
    assert not any(gradient.any() for gradient in trainer.learner.gradients())
    batch = part_of(trainer, round)
    scores = trainer.policy.scores(batch.rows, trainer.learner.temperature)
    push_BT = torch.zeros_like(scores.logp_BT)
    for effect in measured.effects:
        place = batch.index.index(effect.row)
        push_BT[place, : len(effect.push_T)] = torch.tensor(effect.push_T)
    (push_BT * scores.logp_BT).sum().backward()
    kept = torch.cat(list(gradient))
    pushed = torch.cat([-g.flatten() for g in trainer.learner.gradients()])
    assert (pushed - kept).norm() < 1e-4 * kept.norm()


def test_weights_are_shares_of_all_pushes_and_ratios_those_of_the_tokens():
    trainer = trainer_of(schedule=ScheduleConfig(minibatches=3), lr=3e-2)
    trainer.step()
    batch = part_of(trainer, trainer.sampled.round)
    scored = {}
    found = effects(trainer.learner, trainer.loss, batch, scored)
    assert [e.row for e in found] == sorted(batch.index)
    sums = [sum(map(abs, e.push_T)) for e in found]
    assert [e.weight for e in found] == pytest.approx([s / sum(sums) for s in sums])
    # The policy's scores serve the next objective too.
    (packs,) = scored.values()
    effects(trainer.learner, named.gspo(), batch, scored)
    assert scored == {(trainer.learner.tokens_per_forward, batch.index): packs}
    for e in found:
        assert e.ratio_max == pytest.approx(max(max(r, 1 / r) for r in e.ratio_T), rel=1e-5)
        assert e.clipped == sum(e.clipped_T) and e.advantage == pytest.approx(e.advantage_T[0])
