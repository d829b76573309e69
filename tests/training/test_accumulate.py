"""Gradients on their way to the masters."""

import torch
from torch import nn

from paceline.training import accumulate
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


class Waited:
    """An event that counts how often it was waited for."""

    def __init__(self):
        self.count = 0

    def synchronize(self):
        self.count += 1


def test_gradients_on_their_way_keep_their_buffers_until_they_are_added(monkeypatch):
    events = []

    def recorded():
        events.append(Waited())
        return events[-1]

    monkeypatch.setattr(accumulate, "recorded", recorded)
    monkeypatch.setattr(accumulate, "pinned", lambda count, dtype: torch.empty(count, dtype=dtype))
    # Small ones first, then one that no buffer has room for, and all again in a second pass.
    shapes = [(2,), (3,), (2, 2), (5, 7), (3,), (1,)]
    masters = [torch.zeros(shape) for shape in shapes]
    for master in masters:
        master.grad = torch.zeros_like(master)
    accumulator = Accumulator()
    for sign in (1.0, 2.0):
        for number, master in enumerate(masters, 1):
            accumulator._send(torch.full(master.shape, sign * number), master)
            assert sum(not event.count for event in events) <= accumulate.BUFFERS
    accumulator.finish()
    assert all(event.count == 1 for event in events) and len(events) == 12
    for number, master in enumerate(masters, 1):
        assert torch.all(master.grad == 3 * number)
    assert len(accumulator._buffers) <= accumulate.BUFFERS
