"""The scale of a loss whose gradients are computed in fp16."""

import pytest
import torch

from paceline.objective import named
from paceline.settings import LoraConfig, ScheduleConfig
from paceline.training.loss_scale import FIRST, LARGEST, STEPS_BEFORE_DOUBLING, LossScale
from tests.helpers.trainers import trainer_of


def test_it_is_halved_by_an_overflow_and_doubled_after_many_good_steps():
    scale = LossScale()
    scale.halve()
    assert scale.value == FIRST / 2
    for _ in range(STEPS_BEFORE_DOUBLING - 1):
        scale.after_step()
    assert scale.value == FIRST / 2
    scale.after_step()
    assert (scale.value, scale.good_steps) == (FIRST, 0)
    for _ in range(STEPS_BEFORE_DOUBLING - 1):
        scale.after_step()
    scale.halve()  # and the good ones are counted anew
    scale.after_step()
    assert (scale.value, scale.good_steps) == (FIRST / 2, 1)


def test_it_stays_within_what_it_can_be():
    scale = LossScale(LARGEST, STEPS_BEFORE_DOUBLING - 1)
    scale.after_step()
    assert scale.value == LARGEST


def test_it_goes_into_a_checkpoint():
    scale, again = LossScale(1024.0, 17), LossScale()
    again.load_state_dict(scale.state_dict())
    assert again == scale


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4)])
def test_gradients_that_fp16_would_lose_reach_the_masters(lora):
    """A reward of a millionth: without a scale its gradient is 0 in fp16."""

    def norm(dtype, scale=None):
        trainer = trainer_of(
            named.dr_grpo(), dtype=dtype, lora=lora, verifier=digits_in_millionths, lr=0.0
        )
        if scale is not None:
            trainer.learner.optimizer.loss_scale.value = scale
        return trainer.step().update.grad_norm

    exact = norm(torch.float32)
    assert norm(torch.float16) == pytest.approx(exact, rel=0.05)
    assert norm(torch.float16, 1.0) < 0.5 * exact


def digits_in_millionths(problem, completion):
    return 1e-6 * sum(c.isdigit() for c in completion.text)


def test_an_overflow_costs_another_backward_pass_and_no_step():
    plain, large = (trainer_of(dtype=torch.float16) for _ in range(2))
    scale = large.learner.optimizer.loss_scale
    scale.value = 2.0**40  # no gradient has room for it
    one, other = plain.step(), large.step()
    assert not other.update.skipped and FIRST / 64 <= scale.value < 2.0**36
    assert other.metrics.tokens == one.metrics.tokens  # counted once
    assert other.update.grad_norm == pytest.approx(one.update.grad_norm, rel=1e-3)


def test_what_is_not_finite_at_any_scale_is_skipped_and_costs_no_scale():
    trainer = trainer_of(dtype=torch.float16)
    trainer.take_up_round()
    weight = trainer.policy.module.model.norm.weight
    with torch.no_grad():
        weight.fill_(float("nan"))
    assert trainer.step().update.skipped and trainer.learner.scale == FIRST
    with torch.no_grad():
        weight.fill_(1.0)
    assert not trainer.step().update.skipped


def test_a_loss_that_needs_the_logits_twice_is_scaled_alike():
    """GSPO's gradient at a token is known only when the whole row is scored."""

    def norms(dtype):
        trainer = trainer_of(named.gspo(), dtype=dtype, schedule=ScheduleConfig(minibatches=2))
        return [trainer.step().update.grad_norm for _ in range(2)]

    assert norms(torch.float16) == pytest.approx(norms(torch.float32), rel=0.05)


def test_other_dtypes_have_none():
    for dtype in (torch.float32, torch.bfloat16):
        trainer = trainer_of(dtype=dtype)
        assert trainer.learner.optimizer.loss_scale is None and trainer.learner.scale == 1.0
        assert "loss_scale" not in trainer.state_dict()
    assert trainer_of(dtype=torch.float16).state_dict()["loss_scale"] == FIRST
