"""AdamW with moments of 8 bits beside torch's own, and its state."""

import pytest
import torch

from paceline.settings import OptimizerConfig
from paceline.training.adamw import AdamW

SHAPES = ((96, 64), (64,), (63, 64))
"""Of 4,096 numbers and more, of a vector, and of fewer: those keep fp32."""


def masters_of(seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = [0.02 * torch.randn(shape, generator=generator) for shape in SHAPES]
    for master in made:
        master.grad = torch.zeros_like(master)
    return made


def stepped(masters, adamw, steps, first=0):
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(100 + step)
        for master in masters:
            master.grad.copy_(1e-3 * torch.randn(master.shape, generator=generator))
        adamw.step(1e-4)


@pytest.mark.parametrize("moments", ["fp32", "8bit"])
def test_the_state_is_there_before_the_first_step(moments):
    masters = masters_of()
    adamw = AdamW(masters, OptimizerConfig(moments=moments))
    before = [{k: v.shape for k, v in adamw.state_of(m).items()} for m in masters]
    stepped(masters, adamw, 2)
    assert before == [{k: v.shape for k, v in adamw.state_of(m).items()} for m in masters]
    assert all(adamw.state_of(m)["step"] == 2 for m in masters)


def test_moments_of_8_bits_take_a_quarter_and_step_nearly_alike():
    exact, coarse = masters_of(), masters_of()
    one = AdamW(exact, OptimizerConfig(weight_decay=0.1))
    other = AdamW(coarse, OptimizerConfig(moments="8bit", weight_decay=0.1))
    stepped(exact, one, 8)
    stepped(coarse, other, 8)
    start = masters_of()
    for a, b, s in zip(exact, coarse, start, strict=True):
        cosine = torch.cosine_similarity((a - s).flatten(), (b - s).flatten(), dim=0)
        assert cosine > 0.99
    # A byte each, and a scale in fp32 for 256 of them; small tensors and vectors stay in fp32.
    sizes = [sum(t.nbytes for t in other.state_of(m).values() if t.ndim) for m in coarse]
    assert sizes == [2 * (6144 + 4 * 24), 8 * 64, 8 * 63 * 64]


@pytest.mark.parametrize("moments", ["fp32", "8bit"])
def test_what_is_restored_steps_on_bit_for_bit(moments):
    settings = OptimizerConfig(moments=moments)
    straight, stopped = masters_of(), masters_of()
    one, other = AdamW(straight, settings), AdamW(stopped, settings)
    stepped(straight, one, 6)
    stepped(stopped, other, 3)
    kept = [{k: v.clone() for k, v in other.state_of(m).items()} for m in stopped]
    resumed = [m.clone() for m in stopped]
    for master in resumed:
        master.grad = torch.zeros_like(master)
    again = AdamW(resumed, settings)
    for master, state in zip(resumed, kept, strict=True):
        again.restore(master, state)
    stepped(resumed, again, 3, first=3)
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))


def test_weight_decay_is_of_matrices_only():
    masters = masters_of()
    for moments in ("fp32", "8bit"):
        adamw = AdamW(masters, OptimizerConfig(moments=moments, weight_decay=0.1))
        decays = {
            len(m.shape): group["weight_decay"]
            for group in adamw.inner.param_groups
            for m in group["params"]
        }
        assert decays == {2: 0.1, 1: 0.0}
