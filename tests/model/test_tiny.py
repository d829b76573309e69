"""The model that is made on the spot."""

import hashlib

import pytest
import torch

from paceline.model import tiny


def test_the_tiny_model_is_the_same_for_the_same_seed_and_leaves_the_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    a, b, c = tiny.model(3), tiny.model(3), tiny.model(4)
    assert torch.equal(torch.rand(1), expected)
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    assert all(torch.equal(x, y) for x, y in pairs)
    assert not torch.equal(a.lm_head.weight, c.lm_head.weight)


def test_the_tiny_models_weights_are_the_same_on_every_machine():
    digest = hashlib.sha256()
    for parameter in tiny.model(0).parameters():
        digest.update(parameter.detach().numpy().tobytes())
    # Of integer arithmetic and one rounding: no library's or instruction set's own.
    assert digest.hexdigest() == "b26797241f4088c886db1861bdb86b76a2dad1a47a4b3bb3ce9e20523cb5bdd2"
    assert tiny.model(0).lm_head.weight.std().item() == pytest.approx(0.05, rel=0.03)


def test_the_tiny_tokenizer_brings_text_back():
    tokenizer = tiny.tokenizer()
    text = "What is 47 + 56?\n = 103"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
