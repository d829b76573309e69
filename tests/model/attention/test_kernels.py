"""The CPU's attention kernels against plain softmax. b sequences, H query heads, G key and value
heads, S queries, T keys, D head size."""

import math

import pytest
import torch

from paceline.model.attention import kernels

each_way = pytest.mark.parametrize(
    ("short", "medium"),
    [(0, 0), (0, 10**6), (10**6, 0)],
    ids=["kernel", "exact-kernel", "products"],
)


@pytest.fixture
def way(short, medium, monkeypatch):
    monkeypatch.setattr(kernels, "SHORT_KEYS", short)
    monkeypatch.setattr(kernels, "MEDIUM_KEYS", medium)


def leaves(S=5, T=5, H=4, G=2, D=8, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, H, S, D), (2, G, T, D), (2, G, T, D))
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
        for shape in shapes
    ]


def plain(query, key, value, scale, causal=False, mask=None):
    """(output, log-sum-exp) from all products."""
    repeat = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(repeat, 1) for x in (key, value))
    scores = query @ key.mT * scale
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1) @ value, scores.logsumexp(-1)


def test_two_keys_by_hand():
    # Products of 0 and ln 3: weights of 1/4 and 3/4 of values 0 and 8; the sum of exp is 4.
    query, key = torch.ones(1, 1, 1, 8), torch.zeros(1, 1, 2, 8)
    key[0, 0, 1, 0] = 2 * math.log(3)
    value = torch.zeros(1, 1, 2, 8)
    value[0, 0, 1] = 8.0
    out, lse = kernels.forward(query, key, value, scale=0.5)
    torch.testing.assert_close(out, torch.full_like(out, 6.0))
    assert lse.item() == pytest.approx(math.log(4))


@pytest.mark.parametrize("causal", [False, True])
def test_the_output_is_the_softmaxs(causal):
    query, key, value = (x.detach() for x in leaves())
    out, lse = kernels.forward(query, key, value, scale=0.3, causal=causal)
    expected, its_lse = plain(query, key, value, 0.3, causal)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(lse, its_lse)


def test_a_mask_is_added_to_the_products():
    query, key, value = (x.detach() for x in leaves(S=3, T=7))
    mask = torch.zeros(2, 1, 1, 7, dtype=torch.float64)
    mask[0, ..., 4:] = -math.inf
    mask[1, ..., 0] = 2.0
    out, lse = kernels.forward(query, key, value, scale=0.3, mask=mask)
    expected, its_lse = plain(query, key, value, 0.3, mask=mask)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(lse, its_lse)


def test_the_log_sum_exp_of_bf16_is_fp32():
    query, key, value = (x.detach() for x in leaves(dtype=torch.bfloat16))
    out, lse = kernels.forward(query, key, value, scale=0.3)
    assert (out.dtype, lse.dtype) == (torch.bfloat16, torch.float32)


@each_way
@pytest.mark.parametrize("causal", [False, True])
def test_gradients_are_those_of_the_softmax(way, causal):
    inputs = leaves()
    expected = plain(*inputs, 0.3, causal)[0]
    pull = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)).double()
    query, key, value = (x.detach() for x in inputs)
    out, lse = kernels.forward(query, key, value, scale=0.3, causal=causal)
    ours = kernels.backward(pull, query, key, value, out, lse, causal=causal, scale=0.3)
    for a, b in zip(ours, torch.autograd.grad(expected, inputs, pull), strict=True):
        torch.testing.assert_close(a, b)


@each_way
def test_some_of_the_keys_get_their_part_of_the_gradient(way):
    # Output and log-sum-exp of all nine keys; gradients of the first four, then of the others.
    inputs = leaves(S=3, T=9)
    expected = plain(*inputs, 0.3)[0]
    pull = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)).double()
    query, key, value = (x.detach() for x in inputs)
    out, lse = kernels.forward(query, key, value, scale=0.3)
    first, second = (
        kernels.backward(
            pull, query, key[:, :, keys], value[:, :, keys], out, lse, causal=False, scale=0.3
        )
        for keys in (slice(0, 4), slice(4, 9))
    )
    whole = torch.autograd.grad(expected, inputs, pull)
    torch.testing.assert_close(first[0] + second[0], whole[0])
    for place in (1, 2):
        torch.testing.assert_close(torch.cat([first[place], second[place]], 2), whole[place])
