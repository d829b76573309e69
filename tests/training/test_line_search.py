"""TRPO's line search around an optimizer step."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from paceline.layout import PACKED, PADDED
from paceline.objective import Metrics, named
from paceline.settings import CriticConfig, LoraConfig
from paceline.training import ScheduleConfig
from paceline.training.line_search import HALVINGS, LineSearch
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import trainer_of, weights

SEVERAL = ScheduleConfig(minibatches=2, epochs=2)


def kl_of(trainer):
    """KL(anchor ‖ policy) a token of the round's trained rows, a row and a token at a time."""
    round, total, tokens = trainer.sampled.round, 0.0, 0
    batch = trainer.parts.batch(round, trainer.part - 1, trainer.loss)
    now = trainer.learner.logprobs(batch.rows)
    for row, logp_T in zip(batch.index, now, strict=True):
        for anchor, logp in zip(round.anchor[row], logp_T, strict=True):
            total += math.exp(logp - anchor) - 1 - (logp - anchor)
            tokens += 1
    return total / tokens


@pytest.mark.parametrize("schedule", [ScheduleConfig(), SEVERAL], ids=["one part", "several"])
@pytest.mark.parametrize("layout", [PACKED, PADDED], ids=["packed", "padded"])
@pytest.mark.parametrize("objective", [named.grpo(), named.trpo(beta=0)], ids=["grpo", "trpo"])
def test_no_step_leaves_the_region(objective, layout, schedule):
    bound = 1e-3
    free = trainer_of(objective, lr=2e-2, schedule=schedule)
    held = trainer_of(objective, lr=2e-2, schedule=schedule, trust=bound)
    free.policy.layout = held.policy.layout = layout
    assert free.step().searched is None
    shares = []
    for _ in range(8):
        report = held.step()
        # Where the parts before this one have used the region up, its step is undone.
        assert report.searched.kl <= bound or (report.searched.share == 0 and report.part > 0)
        assert report.searched.kl == pytest.approx(kl_of(held), rel=1e-3, abs=1e-7)
        shares.append(report.searched.share)
    assert min(shares) < 1  # at this rate a whole step leaves it


def test_a_step_is_halved_and_not_taken_anew():
    before = weights(trainer_of())
    whole, half = trainer_of(lr=2e-2), trainer_of(lr=2e-2, trust=1e-3)
    whole.step()
    share = half.step().searched.share
    assert 0 < share < 1
    for was, all_of_it, a_share in zip(before, weights(whole), weights(half), strict=True):
        assert_close(a_share - was, share * (all_of_it - was), rtol=1e-4, atol=1e-7)
    # AdamW's running means are of gradients, which were whole.
    moments = whole.learner.optimizer.moments(), half.learner.optimizer.moments()
    for name, moment in moments[0].items():
        assert_close(moments[1][name], moment, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("lora", [None, LoraConfig(rank=2)], ids=["full", "lora"])
def test_a_step_that_no_share_makes_short_enough_is_undone_bit_for_bit(dtype, lora):
    trainer = trainer_of(lr=5e-2, trust=1e-30, dtype=dtype, lora=lora)
    before = weights(trainer)
    exact = {n: x.clone() for n, x in trainer.policy.exact_parameters().items()}
    searched = trainer.step().searched
    assert searched.share == 0 and searched.kl == 0
    assert all(torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True))
    assert all(torch.equal(x, exact[n]) for n, x in trainer.policy.exact_parameters().items())
    assert any(bool(x.any()) for x in trainer.learner.optimizer.moments().values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("layout", [PACKED, PADDED], ids=["packed", "padded"])
@pytest.mark.parametrize("objective", [named.grpo(), named.a2c(), named.gspo()])
def test_where_nothing_moves_nothing_is_halved(objective, layout, dtype):
    # The loss before the step comes from the update, and that after it from a pass of its own.
    critic = CriticConfig(head_lr=1e-3)
    trainer = trainer_of(objective, lr=0.0, trust=1e-9, dtype=dtype, critic=critic)
    trainer.policy.layout = layout
    for _ in range(3):
        searched = trainer.step().searched
        assert searched.share == 1 and searched.kl == pytest.approx(0, abs=1e-9)


def test_a_step_that_raises_the_loss_is_shortened():
    trainer = trainer_of(lr=0.3, trust=1e6)
    learner = trainer.learner
    round = trainer.take_up_round().round
    batch = trainer.parts.batch(round, 0, trainer.loss)
    measured = learner.forward_backward(batch, trainer.loss)
    search = LineSearch(learner, batch, trainer.loss, measured.loss, 1e6)
    for master in learner.optimizer.masters:  # uphill
        master.grad.neg_()
    learner.optim_step(1)
    assert search.run().share == 0


def test_the_shares_are_halves_of_halves():
    shares = [trainer_of(lr=2e-2, trust=10.0**-n).step().searched.share for n in range(1, 6)]
    assert shares == sorted(shares, reverse=True) and len(set(shares)) > 2
    assert set(shares) <= {0.0, *(0.5**n for n in range(HALVINGS + 1))}


def test_memory_that_runs_out_in_the_search_makes_the_packs_smaller(monkeypatch):
    usual = trainer_of(lr=2e-2, trust=1e-3)
    usual.step()
    told, once = [], [torch.OutOfMemoryError("CUDA out of memory")]
    short = trainer_of(lr=2e-2, trust=1e-3)
    short.hooks.out_of_memory = told.append
    score = short.policy.score

    def scored(*arguments):
        if not short.whole and once:
            raise once.pop()
        return score(*arguments)

    monkeypatch.setattr(short.policy, "score", scored)
    short.step()
    assert told == ["tokens_per_forward is 2048 now"] and not once
    assert all(torch.equal(a, b) for a, b in zip(weights(usual), weights(short), strict=True))


def test_it_goes_on_where_it_was(tmp_path):
    def of(policy=None):
        return trainer_of(named.trpo(), lr=2e-2, schedule=SEVERAL, trust=1e-3, policy=policy)

    whole, begun = of(), of()
    for _ in range(5):
        whole.step()
    for _ in range(3):
        begun.step()
    resumed = of(tiny_policy())
    resumed.load_state_dict(begun.state_dict(), begun.sampled.round)
    for _ in range(2):
        resumed.step()
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_a_part_of_which_every_token_is_masked_has_nothing_to_measure():
    trainer = trainer_of(named.trpo(), trust=1e-3)
    trainer.take_up_round()
    batch = trainer._batch(trainer.sampled.round)
    assert trainer._line_search(batch, Metrics.zero()) is not None
    tokens = replace(batch.tokens, mask_BT=torch.zeros_like(batch.tokens.mask_BT))
    assert trainer._line_search(replace(batch, tokens=tokens), Metrics.zero()) is None
