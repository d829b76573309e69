"""The training step, with the tiny model and the real engine."""

from dataclasses import replace

import pytest
import torch

from paceline.errors import ConfigError, RewardError
from paceline.model import Reference
from paceline.objective import KL, named
from paceline.training import RolloutConfig, ScheduleConfig, Trainer
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import PROBLEMS, Keeps, Paid, digits, noise, trainer_of, weights


def test_a_group_that_the_verifier_loses_is_dropped_and_another_sampled():
    # Every third completion of problem 3 has no verdict: its group belongs to no round.
    def fails(problem, completion):
        if problem.id == "p3":
            raise ValueError("the service is down")
        return digits(problem, completion)

    verifiers = VerifierPool(fails, RewardConfig(workers=0, on_error="drop"))
    trainer = trainer_of(verifier=fails, verifiers=verifiers)
    sampled = [trainer.step().sampled for _ in range(8)]
    assert all(len(d.round.groups) == 3 for d in sampled)
    assert not any(g.problem.id == "p3" for d in sampled for g in d.round.groups)
    lost = [lost.reason for d in sampled for lost in d.lost]
    # 12 problems an epoch, 3 kept a round: p3 comes up about once in four rounds.
    assert set(lost) == {"'fails' (test_trainer.py) raised ValueError"} and 1 <= len(lost) <= 4


def test_a_verifier_that_loses_everything_stops_the_run():
    def fails(problem, completion):
        raise ValueError("the service is down")

    verifiers = VerifierPool(fails, RewardConfig(workers=0, on_error="drop"))
    trainer = trainer_of(verifier=fails, verifiers=verifiers)
    with pytest.raises(
        RewardError, match="groups of one round were lost, the last because 'fails'"
    ):
        trainer.step()


def test_the_reward_rises():
    trainer = trainer_of()
    rewards = []
    for _ in range(40):
        report = trainer.step()
        rewards.append(sum(report.sampled.round.rewards) / len(report.sampled.round.rewards))
    # 10 of 82 characters are digits: chance is about 0.12.
    assert sum(rewards[:5]) / 5 < 0.3
    assert sum(rewards[-5:]) / 5 > 0.8


@pytest.mark.parametrize("name", sorted(named.NAMES))
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


def test_an_objective_that_needs_a_critic_is_refused():
    from paceline.objective import Gae, Objective

    with pytest.raises(ConfigError, match="no critic"):
        trainer_of(Objective(advantage=Gae()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_first_part_has_ratios_of_exactly_one(dtype):
    # Scored in the packs that the updates use: in bf16 a row's log-probabilities depend on them.
    trainer = trainer_of(named.gspo(), schedule=ScheduleConfig(minibatches=3), dtype=dtype)
    reports = [trainer.step() for _ in range(6)]
    for report in reports:
        if report.part == 0 and report.metrics.tokens:
            assert report.metrics.ratio_max == 1 and report.metrics.clip_fraction == 0


def test_the_anchor_is_the_policys_own_at_the_start_of_the_round():
    def often_hopeless(problem, completion):
        return noise(problem, completion) if problem.id in ("p1", "p2", "p3", "p4") else 0.0

    kept = []
    trainer = trainer_of(
        schedule=ScheduleConfig(minibatches=3),
        rollouts=RolloutConfig(problems=9, completions=6, max_tokens=5),
        verifier=often_hopeless,
        hooks=Keeps(kept.append),
    )
    trainer.step()
    round, scored = kept[0], 0
    for group in round.groups:
        for rollout in group.rollouts:
            column = list(round.anchor[scored])
            # fp32 engine and fp32 trainer: the same numbers to rounding.
            expected = list(rollout.completion.logprobs) if group.has_signal else []
            assert column == pytest.approx(expected, abs=1e-4)
            scored += 1
    assert {g.has_signal for g in round.groups} == {True, False}  # both were seen


def test_rows_without_signal_are_scored_where_the_objective_trains_on_them():
    kept = []
    trainer = trainer_of(
        named.grpo(kl=0.1), schedule=ScheduleConfig(minibatches=3), hooks=Keeps(kept.append)
    )
    trainer.step()
    assert [len(column) for column in kept[0].anchor] == list(kept[0].lengths)


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
    equals, compared = Reference.equals, []
    monkeypatch.setattr(Reference, "equals", lambda *both: compared.append(1) or equals(*both))
    trainer = trainer_of(
        named.grpo(kl=1.0), verifier=Paid(signal=True), schedule=ScheduleConfig(minibatches=2)
    )
    trainer.take_up_round()
    assert len(compared) == 1 and trainer.sampled.round.anchor == trainer.sampled.round.ref
    # Once more behind the first update, which parts the two; then once for the second round.
    for _ in range(3):
        trainer.step()
    assert len(compared) == 3 and not trainer.at_reference


def test_of_one_policy_there_is_one_log_probability():
    kept = []
    trainer = trainer_of(
        named.grpo(kl=0.1), verifier=Paid(signal=True), schedule=ScheduleConfig(minibatches=3),
        hooks=Keeps(kept.append),
    )  # fmt: skip
    for _ in range(4):
        trainer.step()
    assert kept[0].ref == kept[0].anchor and kept[1].ref != kept[1].anchor
    assert all(list(map(len, r.ref)) == list(r.lengths) for r in kept)


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


def test_dynamic_sampling_fills_the_round_with_groups_that_carry_signal():
    def easy_or_hard(problem, completion):
        return noise(problem, completion) if int(problem.answer) % 3 == 0 else 0.0

    settings = RolloutConfig(problems=3, completions=6, max_tokens=5, accept="signal", max_draws=8)
    trainer = trainer_of(rollouts=settings, verifier=easy_or_hard)
    report = trainer.step()
    assert len(report.sampled.round.groups) == 3
    assert all(g.has_signal for g in report.sampled.round.groups)
    assert report.sampled.refused > 0
    draws = [g.draw for g in report.sampled.round.groups]
    assert draws == sorted(draws) and trainer.source.position == 3 + report.sampled.refused
    plain = trainer_of(verifier=easy_or_hard).step()
    assert plain.sampled.refused == 0 and not all(g.has_signal for g in plain.sampled.round.groups)


def test_the_answers_of_refused_groups_are_counted():
    # Even problems are right however they are answered, the others wrong; the last three of six
    # sampled are the round.
    def easy_or_hard(problem, completion):
        return float(int(problem.answer) % 2 == 0)

    settings = RolloutConfig(problems=3, completions=2, max_tokens=3, accept="signal", max_draws=2)
    trainer = trainer_of(rollouts=settings, verifier=easy_or_hard)
    sampled = trainer.step().sampled
    aside = [int(trainer.source.problem_at(draw).answer) % 2 == 0 for draw in range(3)]
    assert [g.draw for g in sampled.round.groups] == [3, 4, 5] and sampled.refused == 3
    assert sampled.refused_accuracy == sum(aside) / 3 and 0 < sum(aside) < 3
    assert trainer_of(verifier=easy_or_hard).step().sampled.refused_accuracy is None


def test_dynamic_sampling_gives_up_with_a_full_round():
    settings = RolloutConfig(problems=3, completions=2, max_tokens=3, accept="signal", max_draws=2)
    report = trainer_of(rollouts=settings, verifier=lambda p, c: 0.0).step()
    assert len(report.sampled.round.groups) == 3 and report.sampled.refused == 3
    assert report.rows_trained == 0 and report.metrics.tokens == 0


def test_a_step_without_signal_leaves_the_first_weights_as_they_are():
    trainer = trainer_of(verifier=lambda p, c: 1.0)
    before = weights(trainer)
    report = trainer.step()
    assert report.update.grad_norm == 0 and report.rows == 18 and report.rows_trained == 0
    assert all(torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True))


def test_masking_cut_completions_takes_them_out_of_the_gradient():
    settings = RolloutConfig(problems=3, completions=6, max_tokens=2, mask_cut=True)
    report = trainer_of(rollouts=settings).step()
    cut = [r for r in report.sampled.round.rollouts if r.completion.finish == "length"]
    assert cut and all(r.masked for r in cut)
    assert report.rows_trained <= report.rows - len(cut)


def test_problems_come_in_epochs_without_repeats():
    trainer = trainer_of()
    seen = [g.problem.id for _ in range(8) for g in trainer.step().sampled.round.groups]
    assert sorted(seen[:12]) == sorted(seen[12:24]) == sorted(p.id for p in PROBLEMS)
    assert seen[:12] != seen[12:24]


def test_problems_that_do_not_fit_are_skipped_and_counted():
    long = replace(PROBLEMS[0], id="long", prompt="x" * tiny_policy().context_length)
    trainer = trainer_of(problems=(*PROBLEMS[:3], long))
    skipped = sum(trainer.step().sampled.too_long for _ in range(4))
    assert skipped == 3 or skipped == 4


def test_a_verifier_that_breaks_is_one_sentence():
    def broken(problem, completion):
        raise KeyError("answer")

    with pytest.raises(RewardError, match="broken"):
        trainer_of(verifier=broken).step()


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
