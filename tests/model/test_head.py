"""The chunked head against log_softmax. N tokens, D hidden, V words."""

import pytest
import torch
from torch import nn

from paceline.model.head import Sizes, token_scores
from paceline.model.logits import LogitTransform


def plain(hidden_ND, head, targets_N, transform):
    """The same from all logits at once, by autograd."""
    logits_NV = head(hidden_ND).float() if hidden_ND.dtype == torch.bfloat16 else head(hidden_ND)
    logits_NV = logits_NV * transform.scale
    if transform.cap:
        logits_NV = transform.cap * torch.tanh(logits_NV / transform.cap)
    log_p_NV = (logits_NV / transform.temperature).log_softmax(-1)
    logp_N = log_p_NV.gather(-1, targets_N[:, None])[:, 0]
    return logp_N, -(log_p_NV.exp() * log_p_NV).sum(-1)


@pytest.mark.parametrize(
    "transform", [LogitTransform(), LogitTransform(0.5, 3.0, 0.7), LogitTransform(temperature=1.6)]
)
@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("bias", [False, True])
def test_values_and_gradients_equal_those_of_all_logits_at_once(transform, chunk, bias):
    torch.manual_seed(0)
    hidden = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    head = nn.Linear(5, 11, bias=bias).double()
    targets = torch.randint(0, 11, (7,))
    grad_logp, grad_entropy = torch.randn(2, 7, dtype=torch.float64)
    leaves = [hidden, *head.parameters()]

    def gradients(scores):
        logp, entropy = scores
        total = (grad_logp * logp + grad_entropy * entropy).sum()
        return [logp, entropy, *torch.autograd.grad(total, leaves)]

    ours = gradients(token_scores(hidden, head, targets, transform, Sizes(2 * chunk, chunk)))
    for a, b in zip(ours, gradients(plain(hidden, head, targets, transform)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_the_gradient_of_the_log_probability_alone():
    # The way an objective without an entropy term uses it: no gradient comes for the entropy.
    torch.manual_seed(1)
    hidden = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    head, targets = nn.Linear(3, 6).double(), torch.tensor([0, 5, 2, 2])
    ours = torch.autograd.grad(
        token_scores(hidden, head, targets, LogitTransform(), Sizes(4, 2))[0].sum(), hidden
    )[0]
    theirs = torch.autograd.grad(plain(hidden, head, targets, LogitTransform())[0].sum(), hidden)[0]
    torch.testing.assert_close(ours, theirs)


def test_a_frozen_head_gets_no_gradient_and_passes_it_on():
    head = nn.Linear(3, 6).requires_grad_(False)
    hidden = torch.randn(4, 3, requires_grad=True)
    token_scores(hidden, head, torch.tensor([0, 5, 2, 2]), LogitTransform())[0].sum().backward()
    assert head.weight.grad is None
    assert hidden.grad is not None and hidden.grad.abs().sum() > 0


def test_in_bf16_the_sums_are_fp32():
    torch.manual_seed(0)
    head = nn.Linear(8, 50).bfloat16()
    hidden = torch.randn(5, 8).bfloat16()
    logp, entropy = token_scores(hidden, head, torch.arange(5), LogitTransform())
    assert logp.dtype == entropy.dtype == torch.float32
    expected, _ = plain(hidden, head, torch.arange(5), LogitTransform())
    torch.testing.assert_close(logp, expected)


def test_no_tokens_are_no_trouble():
    head = nn.Linear(3, 6)
    hidden = torch.zeros(0, 3, requires_grad=True)
    logp, _ = token_scores(hidden, head, torch.zeros(0, dtype=torch.long), LogitTransform())
    logp.sum().backward()
    assert logp.shape == (0,) and hidden.grad is not None and hidden.grad.shape == (0, 3)
