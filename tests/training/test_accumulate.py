"""Gradients on their way to the masters."""

import torch
from torch import nn

from paceline.training.accumulate import Accumulator


def test_gradients_are_summed_in_fp32_and_divided_by_their_scale():
    parameter, scale = nn.Parameter(torch.zeros(3, dtype=torch.float16)), [1.0]
    master = torch.zeros(3)
    master.grad = torch.zeros(3)
    accumulator = Accumulator(lambda: scale[0])
    accumulator.attach(parameter, master)
    for factor in (1.0, 2.0**12):
        scale[0] = factor
        (parameter * torch.tensor([1.0, 2**-12, 0.5]) * factor).sum().backward()
    accumulator.finish()
    # fp16 has 11 bits: the sum of the second would still be exact there, that with 2 would not.
    assert master.grad.tolist() == [2.0, 2**-11, 1.0] and parameter.grad is None
    (parameter * 2**-12 * scale[0]).sum().backward()
    assert master.grad[0].item() == 2 + 2**-12
