"""Rows by index, and the order in which their gradients are summed."""

import pytest
import torch

from paceline.model.rows import take_rows


@pytest.fixture
def threads():
    """More than one, as on every machine that trains."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def gradient(x_ND, index_M, grad_MD):
    x_ND = x_ND.clone().requires_grad_()
    (found_ND,) = torch.autograd.grad(take_rows(x_ND, index_M), x_ND, grad_MD)
    return found_ND


def test_rows_are_those_at_the_indices():
    x_ND = torch.arange(6.0).view(3, 2)
    assert take_rows(x_ND, torch.tensor([2, 0, 2])).tolist() == [[4, 5], [0, 1], [4, 5]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_is_summed_in_the_order_of_the_indices_whatever_the_threads(threads, dtype):
    # Large enough that threads share the work: each row is taken 64 times, in turn.
    generator = torch.Generator().manual_seed(0)
    grad_MD = torch.randn(512, 576, generator=generator).to(dtype)
    index_M = torch.arange(512) % 8
    by_hand = torch.zeros(8, 576, dtype=dtype)
    for row, index in zip(grad_MD, index_M.tolist(), strict=True):
        by_hand[index] += row
    x_ND = torch.zeros(8, 576, dtype=dtype)
    for _ in range(8):
        assert torch.equal(gradient(x_ND, index_M, grad_MD), by_hand)
