"""From raw logits to log-probability and entropy. C tokens, V words."""

import math

import pytest
import torch
from transformers import CohereConfig, Gemma2Config, GraniteConfig, LlamaConfig

from paceline.model.logits import Chunk, LogitTransform

TRANSFORMS = [
    LogitTransform(),
    LogitTransform(temperature=0.7),
    LogitTransform(scale=0.25, cap=3.0, temperature=1.6),
]


def test_scale_cap_and_temperature_by_hand():
    raw = torch.tensor([[2.0, -4.0]])
    assert LogitTransform().apply(raw).tolist() == [[2.0, -4.0]]
    # Halved: 1 and −2; capped at 3; then divided by 0.5.
    made = LogitTransform(scale=0.5, cap=3.0, temperature=0.5).apply(raw)
    expected = [6 * math.tanh(1 / 3), 6 * math.tanh(-2 / 3)]
    assert made[0].tolist() == pytest.approx(expected)


def test_the_sums_are_fp32_or_what_is_more():
    for given, made in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        assert LogitTransform(0.5).apply(torch.zeros(1, 2, dtype=given)).dtype == made


@pytest.mark.parametrize(
    ("config", "transform"),
    [
        (LlamaConfig(), LogitTransform(temperature=0.7)),
        (CohereConfig(logit_scale=0.0625), LogitTransform(scale=0.0625, temperature=0.7)),
        (GraniteConfig(logits_scaling=8.0), LogitTransform(scale=0.125, temperature=0.7)),
        (
            Gemma2Config(final_logit_softcapping=30.0),
            LogitTransform(cap=30.0, temperature=0.7),
        ),
    ],
)
def test_the_transform_of_a_model_is_its_configs(config, transform):
    assert LogitTransform.of(config, 0.7) == transform


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_derivative_is_that_of_the_transform(transform):
    raw = torch.linspace(-5, 5, 11, dtype=torch.float64).requires_grad_()
    logits = transform.apply(raw)
    (slope,) = torch.autograd.grad(logits.sum(), raw)
    derivative = torch.as_tensor(transform.derivative(logits), dtype=torch.float64)
    torch.testing.assert_close(derivative.expand(11), slope)


def test_two_words_by_hand():
    # Logits of 0 and ln 3: probabilities of 1/4 and 3/4.
    chunk = Chunk.of(torch.tensor([[0.0, math.log(3)]] * 2), torch.tensor([0, 1]), LogitTransform())
    assert chunk.logp_C.tolist() == pytest.approx([math.log(1 / 4), math.log(3 / 4)])
    entropy = -(math.log(1 / 4) / 4 + 3 * math.log(3 / 4) / 4)
    assert chunk.entropy_C.tolist() == pytest.approx([entropy, entropy])
    assert chunk.log_z_C.tolist() == pytest.approx([math.log(4)] * 2)


def test_a_word_that_cannot_come_has_no_share_in_the_entropy():
    raw = torch.tensor([[0.0, 0.0, -math.inf]])
    chunk = Chunk.of(raw, torch.tensor([0]), LogitTransform())
    assert chunk.entropy_C.item() == pytest.approx(math.log(2))
    gradient = chunk.gradient(torch.tensor([0]), torch.ones(1), torch.ones(1), LogitTransform())
    assert gradient[0].tolist() == pytest.approx([0.5, -0.5, 0.0])


def test_large_logits_lose_nothing():
    chunk = Chunk.of(torch.tensor([[1e4, 0.0]]), torch.tensor([0]), LogitTransform())
    assert chunk.logp_C.item() == 0 and chunk.entropy_C.item() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("with_entropy", [False, True])
def test_the_gradient_is_autograds(transform, with_entropy):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    raw_CV, targets_C = normal(6, 9).requires_grad_(), torch.tensor([0, 8, 3, 3, 1, 7])
    pull_logp_C, pull_entropy_C = normal(6), normal(6) if with_entropy else None
    logp_CV = transform.apply(raw_CV).log_softmax(-1)
    total = (pull_logp_C * logp_CV.gather(-1, targets_C[:, None])[:, 0]).sum()
    if pull_entropy_C is not None:
        total = total - (pull_entropy_C * (logp_CV.exp() * logp_CV).sum(-1)).sum()
    (expected,) = torch.autograd.grad(total, raw_CV)
    chunk = Chunk.of(raw_CV.detach(), targets_C, transform)
    ours = chunk.gradient(targets_C, pull_logp_C, pull_entropy_C, transform)
    torch.testing.assert_close(ours, expected)
