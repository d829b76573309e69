"""The gradients of objectives on one part, and their comparison."""

from dataclasses import replace as changed

import pytest
import torch

from paceline.analysis.replay import measure as measure_module
from paceline.analysis.replay import replay
from paceline.analysis.replay.conclusions import meaning
from paceline.analysis.replay.measure import candidates, cosines
from paceline.layout import TokenRows
from paceline.objective import named
from paceline.training import ScheduleConfig
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import trainer_of


def test_the_cosine_is_that_of_the_whole_gradients():
    a, b = [torch.tensor([3.0]), torch.tensor([4.0])], [torch.tensor([4.0]), torch.tensor([3.0])]
    zero = [torch.zeros(1), torch.zeros(1)]
    # (3, 4)·(4, 3) = 24 of 5 · 5
    (aa, ab, az), _, (za, zb, zz) = cosines([a, b, zero])
    assert (aa, ab) == (pytest.approx(1), pytest.approx(0.96))
    assert az is za is zb is zz is None


def test_rows_that_only_others_train_on_get_their_anchor_from_the_rounds_start(run):
    found = replay(run.path, 3, ["reinforce_pp"])
    own, other = found.measured
    assert own.rows_trained == 16 and other.rows_trained == 32
    start = tiny_policy()  # what the round was sampled from
    rows = TokenRows.of(found.round).take([e.row for e in other.effects])
    logp_BT = start.score(rows, 1.0).logp_BT
    for e, logp_T in zip(other.effects, logp_BT, strict=True):
        assert torch.allclose(torch.tensor(e.anchor_T), logp_T[: len(e.anchor_T)], atol=1e-5)
    assert max(e.ratio_max for e in other.effects) > 1.5


def test_an_entropy_term_is_in_the_gradient_and_in_no_push(run):
    found = replay(run.path, 3, {"warm": changed(named.grpo(), entropy=0.5)})
    own, warm = found.measured
    assert (own.rows_trained, warm.rows_trained) == (16, 32)
    pushed = {e.row: e for e in own.effects}
    for e in warm.effects:
        like = pushed[e.row].push_T if e.row in pushed else [0.0] * len(e.push_T)
        # In other packs, so to rounding.
        assert list(e.push_T) == pytest.approx(list(like), rel=1e-4, abs=1e-7)
    assert abs(warm.grad_norm / own.grad_norm - 1) > 0.01
    assert meaning(found).endswith(
        "The entropy term of warm is in the gradient and in no push: it acts on all tokens that "
        "might have been sampled."
    )
    assert "entropy" not in meaning(replay(run.path, 3, ["gspo"]))


def test_the_cosine_of_gradients_that_are_not_finite_is_none():
    broken, plain = [torch.tensor([float("inf"), 1.0])], [torch.tensor([1.0, 1.0])]
    assert cosines([plain, broken]) == ((pytest.approx(1), None), (None, None))


def test_the_cosine_is_summed_over_chunks(monkeypatch):
    monkeypatch.setattr(measure_module, "CHUNK_NUMBERS", 2)
    a, b = [torch.tensor([1.0, 2.0, 2.0])], [torch.tensor([2.0, 1.0, 2.0])]
    # (2 + 2 + 4) of 3 · 3
    assert cosines([a, b])[0][1] == pytest.approx(8 / 9)


def test_objectives_that_ask_for_the_same_share_a_scored_round():
    trainer = trainer_of(schedule=ScheduleConfig(minibatches=3))
    trainer.take_up_round()
    asked = {"grpo": trainer.loss, "gspo": named.gspo(), "all": named.reinforce_pp()}
    own, same, all_rows = candidates(trainer, {k: o.resolved(5) for k, o in asked.items()})
    assert own.round is same.round is trainer.sampled.round
    assert [c.name for c in (own, same, all_rows)] == ["grpo", "gspo", "all"]
    # An objective whose advantages read the anchor has it for every row.
    assert all(len(anchor_T) > 0 for anchor_T in all_rows.round.anchor)


def test_what_is_measured_is_the_step_of_the_trainer_and_leaves_no_gradient():
    trainer = trainer_of(schedule=ScheduleConfig(minibatches=3))
    trainer.take_up_round()
    (candidate,) = candidates(trainer, {"grpo": trainer.loss})
    found, gradient = measure_module.measure(candidate, trainer, trainer.part, {})
    assert not any(g.any() for g in trainer.learner.gradients())
    norm = torch.cat(list(gradient)).norm().item()
    report = trainer.step()
    assert found.grad_norm == report.update.grad_norm == pytest.approx(norm, rel=1e-5)
    assert (found.rows, found.name) == (6, "grpo")
    assert found.tokens == sum(len(e.push_T) for e in found.effects)
