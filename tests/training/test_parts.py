"""A round cut into parts, and scored with the columns that a loss asks for."""

from dataclasses import replace

import pytest

from paceline.model import make_reference
from paceline.objective import named
from paceline.training import Learner, Optimizer, OptimizerConfig, RolloutConfig, ScheduleConfig
from paceline.training.parts import Parts, with_logprobs
from paceline.types import Round
from tests.helpers.given import brings
from tests.helpers.policies import tiny_policy
from tests.helpers.rounds import ragged_round
from tests.helpers.trainers import Keeps, Paid, noise, trainer_of

ONE, THREE = Parts(ScheduleConfig(), seed=0), Parts(ScheduleConfig(minibatches=3), seed=0)
ROUND = ragged_round(groups=6)
"""Group 1 has equal rewards: no signal."""


@pytest.fixture(scope="module")
def learner() -> Learner:
    policy = tiny_policy()
    return Learner(policy, Optimizer(policy, OptimizerConfig(), steps=1), tokens_per_forward=64)


def test_every_epoch_takes_each_group_once():
    parts = Parts(ScheduleConfig(minibatches=3, epochs=2), seed=5)
    assert parts.count == 6
    shares = [parts.groups(ROUND, part) for part in range(6)]
    for epoch in (shares[:3], shares[3:]):
        assert [len(share) for share in epoch] == [2, 2, 2]
        assert sorted(i for share in epoch for i in share) == list(range(6))
    assert shares[:3] != shares[3:] and Parts(parts.schedule, 6).groups(ROUND, 0) != shares[0]


def test_a_part_holds_its_groups_rows_without_those_that_do_not_train():
    groups = THREE.groups(ROUND, 1)
    batch = THREE.batch(ROUND, 1, named.rloo())
    assert batch.part_rows == 8
    row_groups = [ROUND.group_of[i] for i in batch.index]
    assert set(row_groups) == set(groups) - {1}
    assert not batch.tokens.at_reference
    assert THREE.batch(ROUND, 1, named.rloo(), at_reference=True).tokens.at_reference


def test_with_one_part_the_rounds_anchor_is_not_used():
    round = replace(ROUND, anchor=tuple(r.completion.logprobs for r in ROUND.rollouts))
    assert ONE.batch(round, 0, named.grpo()).tokens.anchor_BT is None
    assert THREE.batch(round, 0, named.grpo()).tokens.anchor_BT is not None


def scored(learner, loss, parts, reference=None, at_reference=False):
    return with_logprobs(ROUND, loss, learner, parts, reference, at_reference=at_reference)


def test_with_one_part_and_no_kl_nothing_is_scored(learner):
    assert scored(learner, named.grpo(), ONE) == ROUND


def test_with_several_parts_rows_that_train_get_an_anchor(learner):
    anchor = scored(learner, named.grpo(), THREE).anchor
    expected = learner.logprobs(learner_rows())
    trains = [bool(r) for r in map(len, anchor)]
    assert trains == [
        ROUND.groups[g].has_signal and a != 0
        for g, a in zip(ROUND.group_of, named.grpo().advantages(ROUND).tolist(), strict=True)
    ]
    for ours, theirs in zip(anchor, expected, strict=True):
        assert list(ours) == pytest.approx(list(theirs)[: len(ours)], abs=1e-5)


def learner_rows():
    from paceline.layout import TokenRows

    return TokenRows.of(ROUND)


def test_advantages_that_need_an_anchor_get_one_for_every_row(learner):
    loss = named.reinforce_pp(kl=0.1)
    round = scored(learner, loss, ONE, make_reference(learner.policy))
    assert [len(column) for column in round.anchor] == list(ROUND.lengths)
    assert [len(column) for column in round.ref] == list(ROUND.lengths)


def test_kl_gets_the_references_log_probabilities(learner):
    other = tiny_policy(seed=1)
    round = scored(learner, named.grpo(kl=0.1), ONE, other)
    assert round.anchor is None
    assert round.ref == learner.logprobs(learner_rows(), score=other.score)


def test_of_a_policy_that_is_its_reference_the_anchor_is_both(learner):
    round = scored(learner, named.grpo(kl=0.1), THREE, learner.policy, at_reference=True)
    assert round.ref is round.anchor and list(map(len, round.ref)) == list(ROUND.lengths)
    moved = scored(learner, named.grpo(kl=0.1), THREE, tiny_policy(seed=1))
    assert moved.ref != moved.anchor


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


def test_a_loss_of_pairs_is_scored_by_the_reference_in_the_updates_own_packs():
    policy = tiny_policy()
    learner = Learner(policy, Optimizer(policy, OptimizerConfig(), steps=1), tokens_per_forward=20)
    groups = tuple(
        brings([1, 5, 6 + i], [9] * 20 + [2], [10, 2], rewards=(1.0, 0.0)) for i in (0, 1)
    )
    round, asked = Round(0, groups), []

    class Asked:
        def score(self, rows, temperature):
            asked.append(rows)
            return policy.score(rows, temperature)

    parts = Parts(ScheduleConfig(), seed=0)
    scored = with_logprobs(round, named.dpo(), learner, parts, Asked(), at_reference=False)
    batch = parts.batch(scored, 0, named.dpo())
    # A pair does not fit into 20 tokens, and is not parted all the same.
    assert asked == [one.rows for one in batch.micro(20, policy.layout)] and len(asked) == 2
