"""The training step, with the tiny model and the real engine."""

from dataclasses import replace

import pytest
import torch

from paceline.errors import ConfigError
from paceline.model.reference import WholeReference
from paceline.objective import KL, named
from paceline.training import ScheduleConfig, Trainer
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import Keeps, Paid, trainer_of, weights


def test_the_reward_rises():
    trainer = trainer_of()
    rewards = []
    for _ in range(40):
        report = trainer.step()
        rewards.append(sum(report.sampled.round.rewards) / len(report.sampled.round.rewards))
    # 10 of 82 characters are digits: chance is about 0.12.
    assert sum(rewards[:5]) / 5 < 0.3
    assert sum(rewards[-5:]) / 5 > 0.8


@pytest.mark.parametrize("name", sorted(named.GROUPS))
def test_every_named_objective_learns_over_several_parts(name):
    objective = named.by_name(name)
    trainer = trainer_of(objective, schedule=ScheduleConfig(minibatches=3), lr=3e-3)
    reports = [trainer.step() for _ in range(60)]
    first, last = (
        sum(sum(r.sampled.round.rewards) / 18 for r in chosen) / 12
        for chosen in (reports[:12], reports[-12:])
    )
    assert last > first + 0.1, f"{first:.2f} to {last:.2f}"
    assert all(r.metrics.tokens == 0 or r.metrics.entropy > 0 for r in reports)


def test_runs_repeat_bit_for_bit_and_seeds_differ():
    runs = []
    for seed in (3, 3, 4):
        trainer = trainer_of(seed=seed)
        for _ in range(4):
            trainer.step()
        runs.append(weights(trainer))
    assert all(torch.equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(runs[0], runs[2], strict=True))


def test_a_round_serves_its_parts_and_ratios_leave_one():
    trainer = trainer_of(schedule=ScheduleConfig(minibatches=3, epochs=2))
    reports = [trainer.step() for _ in range(7)]
    assert [r.sampled.round.index for r in reports] == [0] * 6 + [1]
    assert [r.part for r in reports] == [0, 1, 2, 3, 4, 5, 0]
    assert reports[0].metrics.ratio_max == pytest.approx(1, abs=1e-4)
    assert reports[5].metrics.ratio_max > 1.001
    assert "sample" in reports[0].seconds and "sample" not in reports[1].seconds


def test_with_one_part_no_anchor_pass_is_made_and_every_ratio_is_one():
    report = trainer_of().step()
    assert report.sampled.round.anchor is None and report.metrics.ratio_max == 1
    assert report.metrics.mismatch < 1e-5  # fp32: the engine and the trainer agree


def test_kl_in_the_reward_leaves_every_ratio_at_one_with_one_part():
    # The advantages need an anchor, scored in other packs than the update, which must not use it.
    trainer = trainer_of(named.reinforce_pp(kl=0.05))
    reports = [trainer.step() for _ in range(3)]
    assert all(r.sampled.round.anchor is not None for r in reports)
    assert all(r.metrics.ratio_max == 1 and r.metrics.clip_fraction == 0 for r in reports)


def test_an_objective_that_needs_a_critic_is_refused_without_one():
    trainer = trainer_of()
    with pytest.raises(ConfigError, match="so the trainer needs a critic; give it one"):
        Trainer(trainer.learner, trainer.source, named.ppo(), ScheduleConfig())


@pytest.mark.parametrize("name", sorted(named.CRITICS))
def test_every_objective_with_a_critic_learns_over_several_parts(name):
    # At λ = 0 a token learns only from what the next value says, and for that V has to be right.
    trainer = trainer_of(named.by_name(name), schedule=ScheduleConfig(minibatches=3), lr=3e-3)
    reports = [trainer.step() for _ in range(60)]
    first, last = (
        sum(sum(r.sampled.round.rewards) / 18 for r in chosen) / 12
        for chosen in (reports[:12], reports[-12:])
    )
    if name != "actor_critic":
        assert last > first + 0.1, f"{first:.2f} to {last:.2f}"
    assert all(r.metrics.entropy > 0 and r.rows_trained == 6 for r in reports)
    assert all(r.critic.measured.tokens == r.metrics.tokens for r in reports)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_first_part_has_ratios_of_exactly_one(dtype):
    # Scored in the packs that the updates use: in bf16 a row's log-probabilities depend on them.
    trainer = trainer_of(named.gspo(), schedule=ScheduleConfig(minibatches=3), dtype=dtype)
    reports = [trainer.step() for _ in range(6)]
    for report in reports:
        if report.part == 0 and report.metrics.tokens:
            assert report.metrics.ratio_max == 1 and report.metrics.clip_fraction == 0


def test_a_round_is_kept_before_its_first_update():
    seen = []
    hooks = Keeps(lambda round: seen.append((round.index, trainer.policy.version)))
    trainer = trainer_of(hooks=hooks)
    trainer.step()
    trainer.step()
    assert seen == [(0, 0), (1, 1)]


def test_kl_to_a_fixed_reference_starts_at_zero_and_holds_the_policy():
    free, held = trainer_of(), trainer_of(named.grpo(kl=5.0))
    first = held.step()
    assert first.metrics.kl == 0
    free.step()
    for _ in range(14):
        free.step()
        last = held.step()
    assert last.metrics.kl > 1e-6

    def moved(trainer):
        start = tiny_policy().module.parameters()
        pairs = zip(start, trainer.policy.module.parameters(), strict=True)
        return sum((a - b).pow(2).sum() for a, b in pairs).item()

    assert moved(held) < moved(free)
    # A pull that strong leaves no rise in reward.
    assert sum(last.sampled.round.rewards) / 18 < 0.6


SHAPES = {
    "one part": {},
    "packs of their own for the updates": {"tokens_per_forward": 64},
    "parts and epochs": {"schedule": ScheduleConfig(minibatches=3, epochs=2)},
    "bf16": {"dtype": torch.bfloat16, "schedule": ScheduleConfig(minibatches=2, epochs=2)},
    "a reference that follows": {
        "alpha": 0.5,
        "every": 1,
        "schedule": ScheduleConfig(minibatches=2),
    },
}
# Every form and place of a KL, and ratios of a token and of a whole completion.
PULLED = [
    named.grpo(kl=0.04), named.gspo(kl=0.04), replace(named.grpo(), kl=KL(0.04, "k2")),
    named.rloo(kl=0.05), named.reinforce_pp(kl=0.05),
]  # fmt: skip


@pytest.mark.parametrize("objective", PULLED, ids=lambda o: f"{type(o.ratio).__name__} {o.kl}")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_without_signal_a_policy_that_is_its_reference_makes_no_step(objective, shape):
    trainer = trainer_of(objective, verifier=Paid(signal=False), **shape)
    before = weights(trainer)
    reports = [trainer.step() for _ in range(7)]
    assert [r.update.grad_norm for r in reports] == [0] * 7
    # Where KL stands in the reward, rows without signal are dropped, and none is left to measure.
    assert {r.metrics.kl for r in reports} == {0 if objective.kl.where == "loss" else None}
    assert all(torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True))


def test_memory_that_runs_out_between_the_scoring_and_the_update_makes_no_step_either():
    # Rows are scored in one pack and trained on one by one: every log-probability rounds anew.
    trainer = trainer_of(
        named.grpo(kl=0.04), verifier=Paid(signal=False), schedule=ScheduleConfig(minibatches=2)
    )
    before = weights(trainer)
    trainer.take_up_round()
    trainer.learner.tokens_per_forward = 1
    reports = [trainer.step(), trainer.step()]
    assert [r.update.grad_norm for r in reports] == [0, 0] and reports[1].metrics.tokens > 0
    assert all(torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True))


def test_with_signal_the_first_step_is_the_same_with_kl_and_without():
    # No row is without signal here, so that both train on the same rows, in the same packs.
    free, held = (
        trainer_of(o, verifier=Paid(signal=True)) for o in (named.grpo(), named.grpo(kl=5.0))
    )
    first = [trainer.step() for trainer in (free, held)]
    assert first[0].update.grad_norm == first[1].update.grad_norm > 0.01
    assert first[0].rows_trained == first[1].rows_trained == 18
    assert all(torch.equal(a, b) for a, b in zip(weights(free), weights(held), strict=True))
    # Then the policy has moved, and KL pulls.
    second = [trainer.step() for trainer in (free, held)]
    assert second[1].metrics.kl > 1e-6
    assert second[0].update.grad_norm != second[1].update.grad_norm


def test_after_one_update_kl_pulls_back_without_any_signal():
    paid = Paid(signal=False)
    trainer = trainer_of(named.grpo(kl=1.0), verifier=paid)
    still = [trainer.step() for _ in range(2)]
    paid.signal = True
    moved = trainer.step()
    paid.signal = False
    back = [trainer.step() for _ in range(6)]
    assert [r.update.grad_norm for r in still] == [0, 0] and moved.update.grad_norm > 0
    assert moved.metrics.kl == 0, "the policy was the reference when the step was taken"
    assert all(r.update.grad_norm > 0 and r.metrics.kl > 1e-6 for r in back)


def test_a_reference_that_follows_hard_is_the_policy_at_the_start_of_each_round_only():
    trainer = trainer_of(
        named.grpo(kl=1.0),
        verifier=Paid(signal=True),
        schedule=ScheduleConfig(minibatches=2),
        every=1,
    )
    reports, known = [], []
    for _ in range(6):
        trainer.take_up_round()
        known.append(trainer.at_reference)
        reports.append(trainer.step())
    # In the middle of a round policy and reference are equal again, but the round was scored by
    # the reference as it was before: its KL is a real one.
    assert known == [True, False] * 3
    assert [r.metrics.kl == 0 for r in reports] == known
    assert trainer.reference.equals(trainer.policy)


def test_all_weights_are_compared_once_for_a_round(monkeypatch):
    equals, compared = WholeReference.equals, []
    monkeypatch.setattr(WholeReference, "equals", lambda *both: compared.append(1) or equals(*both))
    trainer = trainer_of(
        named.grpo(kl=1.0), verifier=Paid(signal=True), schedule=ScheduleConfig(minibatches=2)
    )
    trainer.take_up_round()
    assert len(compared) == 1 and trainer.sampled.round.anchor == trainer.sampled.round.ref
    # Once more behind the first update, which parts the two; then once for the second round.
    for _ in range(3):
        trainer.step()
    assert len(compared) == 3 and not trainer.at_reference


def test_a_following_reference_is_the_mixture_of_tr_dpo():
    trainer = trainer_of(named.grpo(kl=0.01), alpha=0.25, every=2)
    start = weights(trainer)
    trainer.step()
    frozen = trainer.reference.frozen.module
    assert all(torch.equal(a, b) for a, b in zip(start, frozen.parameters(), strict=True))
    trainer.step()
    now = weights(trainer)
    for first, last, mixed in zip(start, now, frozen.parameters(), strict=True):
        torch.testing.assert_close(mixed, 0.25 * last + 0.75 * first)


def test_the_reference_that_scores_a_round_is_the_one_before_its_updates():
    kept = []
    trainer = trainer_of(named.grpo(kl=0.01), every=1, hooks=Keeps(kept.append))
    trainer.step()
    trainer.step()
    # After a hard update every step the reference is the policy at the start of each round.
    for round in kept:
        for ref, rollout in zip(round.ref, round.rollouts, strict=True):
            assert list(ref) == pytest.approx(list(rollout.completion.logprobs), abs=1e-4)


def test_a_step_without_signal_leaves_the_first_weights_as_they_are():
    trainer = trainer_of(verifier=lambda p, c: 1.0)
    before = weights(trainer)
    report = trainer.step()
    assert report.update.grad_norm == 0 and report.rows == 18 and report.rows_trained == 0
    assert all(torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True))


def test_a_kl_term_without_a_reference_is_refused():
    trainer = trainer_of()
    with pytest.raises(ConfigError, match="reference"):
        Trainer(
            trainer.learner,
            trainer.source,
            named.grpo(kl=0.1),
            ScheduleConfig(),
            engine=trainer.engine,
        )
