"""AdamW on masters."""

import math

import pytest
import torch

from paceline.model import RewardScorer, SharedHead, load_scorer, load_tokenizer, resolve
from paceline.training import Optimizer, OptimizerConfig
from tests.helpers.policies import tiny_policy


def test_learning_rates_by_hand():
    warm = OptimizerConfig(lr=1.0, warmup=4)
    assert [warm.lr_at(s, 10) for s in (1, 2, 4, 5, 10)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    linear = OptimizerConfig(lr=1.0, warmup=2, decay="linear")
    # 8 steps are left after the warm-up: the first of them at 1, then 1/8 less each.
    assert [linear.lr_at(s, 10) for s in (3, 4, 10)] == [1.0, 7 / 8, 1 / 8]
    cosine = OptimizerConfig(lr=1.0, decay="cosine")
    assert cosine.lr_at(1, 4) == 1.0
    assert cosine.lr_at(3, 4) == pytest.approx(0.5)
    assert cosine.lr_at(4, 4) == pytest.approx((1 + math.cos(0.75 * math.pi)) / 2)


def test_what_is_held_changes_nothing_and_forgets_its_gradient():
    policy = tiny_policy()
    optimizer = Optimizer(policy, OptimizerConfig(lr=1e-2), steps=3)
    before = [m.detach().clone() for m in optimizer.masters]
    set_gradients(policy, 0.5)
    held = optimizer.step(1, hold=True)
    assert held.skipped and held.grad_norm > 0 and policy.version == 0
    assert all(torch.equal(a, b) for a, b in zip(before, optimizer.masters, strict=True))
    assert not any(m.grad.any() for m in optimizer.masters)
    assert not any(x.any() for x in optimizer.moments().values())


def test_beside_another_a_head_takes_its_scale():
    policy = tiny_policy(torch.float16)
    of_policy = Optimizer(policy, OptimizerConfig(), steps=1)
    of_head = Optimizer(SharedHead(policy), OptimizerConfig(), steps=1, beside=of_policy)
    assert of_head.loss_scale is None and of_head.scale == of_policy.scale > 1
    of_policy.loss_scale.halve()
    assert of_head.scale == of_policy.scale
    (of_head.policy(torch.ones(1, 64)).sum() * of_head.scale).backward()
    assert torch.equal(of_head.masters[0].grad, torch.ones(1, 64))


def set_gradients(policy, value):
    """Give every parameter the gradient `value` the way a backward pass does."""
    total = sum(p.float().sum() for p in policy.module.parameters())
    (value * total).backward()


def test_in_bf16_small_steps_are_not_lost():
    policy = tiny_policy(torch.bfloat16)
    optimizer = Optimizer(policy, OptimizerConfig(lr=1e-6, clip=0), steps=400)
    name, master = next((n, m) for n, m in policy.masters.items() if m.ndim > 1)
    start, start_bf16 = master.clone(), dict(policy.module.named_parameters())[name].clone()
    for step in range(1, 401):
        set_gradients(policy, 1.0)
        optimizer.step(step)
    # A constant gradient moves AdamW by lr a step: 400 × 1e-6. fp32 rounds each step a little.
    torch.testing.assert_close(start - master, torch.full_like(start, 4e-4), rtol=0.02, atol=1e-5)
    parameter = dict(policy.module.named_parameters())[name]
    torch.testing.assert_close(parameter, master.bfloat16())
    # A single step is below half of bf16's spacing there: bf16 weights alone would have stayed put.
    large = start.abs() > 0.01
    assert torch.equal((start_bf16 - 1e-6)[large], start_bf16[large])
    assert (parameter != start_bf16)[large].any()


def test_gradients_of_several_passes_are_summed_in_fp32():
    policy = tiny_policy(torch.bfloat16)
    optimizer = Optimizer(policy, OptimizerConfig(clip=0), steps=1)
    for value in (1.0, 2**-10, 2**-10):  # bf16 has 8 bits: 1 + 2**-10 would be 1
        set_gradients(policy, value)
    assert all(torch.all(m.grad == 1 + 2**-9) for m in optimizer.masters)
    assert all(p.grad is None for p in policy.module.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_steps_as_torchs_adamw_does(dtype):
    policy, twin = tiny_policy(dtype), tiny_policy()
    settings = OptimizerConfig(lr=1e-3, weight_decay=0.1, clip=1.0)
    optimizer = Optimizer(policy, settings, steps=3)
    reference = torch.optim.AdamW(
        [
            {"params": [p for p in twin.module.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in twin.module.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=1e-3,
    )
    for step, value in enumerate((0.5, -2.0, 1.0), 1):
        set_gradients(policy, value)
        stepped = optimizer.step(step)
        reference.zero_grad()
        set_gradients(twin, value)
        norm = torch.nn.utils.clip_grad_norm_(twin.module.parameters(), 1.0)
        reference.step()
        assert stepped.grad_norm == pytest.approx(norm.item(), rel=1e-5)
    for ours, theirs in zip(optimizer.masters, twin.module.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_part_without_signal_decays_the_moments_like_any_other(policy):
    optimizer = Optimizer(policy, OptimizerConfig(lr=1e-3), steps=2)
    set_gradients(policy, 1.0)
    optimizer.step(1)
    master = optimizer.masters[0]
    momentum, before = optimizer.adamw.state_of(master)["exp_avg"].clone(), master.detach().clone()
    optimizer.step(2)  # nothing was backpropagated
    torch.testing.assert_close(optimizer.adamw.state_of(master)["exp_avg"], 0.9 * momentum)
    assert not torch.equal(before, master)


def test_a_gradient_that_is_not_finite_changes_nothing(policy):
    optimizer = Optimizer(policy, OptimizerConfig(lr=1e-3), steps=2)
    before = [p.detach().clone() for p in policy.module.parameters()]
    set_gradients(policy, float("nan"))
    assert optimizer.step(1).skipped and policy.version == 0
    for old, parameter in zip(before, policy.module.parameters(), strict=True):
        assert torch.equal(old, parameter)
    set_gradients(policy, 1.0)
    assert not optimizer.step(2).skipped  # and the NaN is gone


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_head_has_a_rate_of_its_own_in_the_same_course(dtype):
    tiny = resolve("tiny")
    scorer = load_scorer(RewardScorer, tiny, load_tokenizer(tiny), head="normal", dtype=dtype)
    assert scorer.heads == {"score.weight"}
    settings = OptimizerConfig(lr=1e-4, head_lr=1e-2, clip=0, warmup=2)
    optimizer = Optimizer(scorer, settings, steps=10)
    before = {n: x.detach().clone() for n, x in scorer.exact_parameters().items()}
    set_gradients(scorer, 1.0)
    stepped = optimizer.step(1)
    assert stepped.lr == 0.5e-4  # the first of two steps of the warm-up
    for name, master in scorer.exact_parameters().items():
        # AdamW's first step is the rate itself.
        expected = 0.5e-2 if name == "score.weight" else 0.5e-4
        moved = before[name] - master
        torch.testing.assert_close(moved, torch.full_like(moved, expected), rtol=0.01, atol=2e-7)


def test_without_one_a_head_learns_like_its_body():
    plain = OptimizerConfig(lr=1e-3)
    assert plain.of_head is plain and OptimizerConfig(head_lr=0.5).of_head.lr == 0.5
    assert not tiny_policy().heads
