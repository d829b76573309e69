"""Rounds from the stream of problems: which groups they take, and which they lose."""

from dataclasses import replace

import pytest

from paceline.errors import RewardError
from paceline.training import RolloutConfig
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import PROBLEMS, digits, noise, trainer_of


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
    assert set(lost) == {"'fails' (test_sampler.py) raised ValueError"} and 1 <= len(lost) <= 4


def test_a_verifier_that_loses_everything_stops_the_run():
    def fails(problem, completion):
        raise ValueError("the service is down")

    verifiers = VerifierPool(fails, RewardConfig(workers=0, on_error="drop"))
    trainer = trainer_of(verifier=fails, verifiers=verifiers)
    with pytest.raises(
        RewardError, match="groups of one round were lost, the last because 'fails'"
    ):
        trainer.step()


def test_a_verifier_that_breaks_is_one_sentence():
    def broken(problem, completion):
        raise KeyError("answer")

    with pytest.raises(RewardError, match="broken"):
        trainer_of(verifier=broken).step()


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


def test_masking_cut_completions_takes_them_out_of_the_gradient():
    settings = RolloutConfig(problems=3, completions=6, max_tokens=2, mask_cut=True)
    report = trainer_of(rollouts=settings).step()
    cut = [r for r in report.sampled.round.rollouts if r.completion.finish == "length"]
    assert cut and all(r.masked for r in cut)
    assert report.rows_trained <= report.rows - len(cut)


def test_problems_that_do_not_fit_are_skipped_and_counted():
    long = replace(PROBLEMS[0], id="long", prompt="x" * tiny_policy().context_length)
    trainer = trainer_of(problems=(*PROBLEMS[:3], long))
    skipped = sum(trainer.step().sampled.too_long for _ in range(4))
    assert skipped == 3 or skipped == 4
