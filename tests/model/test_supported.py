"""Models that are refused when they are loaded."""

import pytest
import torch
from transformers import MixtralConfig, MixtralForCausalLM

from paceline.errors import ConfigError
from paceline.model import load_policy, load_tokenizer, logits, resolve, tiny
from paceline.model.supported import check_states
from tests.helpers.policies import tiny_policy


def test_rotary_angles_that_follow_the_longest_row_are_refused(tmp_path):
    from transformers import LlamaForCausalLM

    config = tiny.model().config
    config.rope_parameters = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    source = resolve(str(tmp_path))
    with pytest.raises(ConfigError, match="rest of the batch"):
        load_policy(source, load_tokenizer(source), dtype=torch.float32)


def test_logits_made_in_an_unknown_way_are_refused(monkeypatch):
    # As if nobody had told us of a scale on the logits.
    monkeypatch.setattr(logits.LogitTransform, "of", classmethod(lambda cls, *_: cls(scale=20.0)))
    with pytest.raises(ConfigError, match="not known here"):
        tiny_policy()


def test_a_mixture_of_experts_is_refused(tmp_path, policy):
    MixtralForCausalLM(
        MixtralConfig(
            vocab_size=90, hidden_size=32, intermediate_size=48, num_hidden_layers=1,
            num_attention_heads=4, num_key_value_heads=2, num_local_experts=4,
        )
    ).save_pretrained(tmp_path)  # fmt: skip
    policy.tokenizer.save_pretrained(tmp_path)
    source = resolve(str(tmp_path))
    with pytest.raises(ConfigError, match=r"mixture of experts.*use a dense model"):
        load_policy(source, load_tokenizer(source), dtype=torch.float32)


def test_states_made_in_an_unknown_way_are_refused(monkeypatch):
    policy, source = tiny_policy(), resolve("tiny")
    check_states(policy, source)
    # As if each state stood one token later.
    states = type(policy).states
    monkeypatch.setattr(type(policy), "states", lambda *given: states(*given).roll(1, 0))
    with pytest.raises(ConfigError, match=r"'tiny' \(LlamaForCausalLM\) .* not known here"):
        check_states(policy, source)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_model_that_was_trained_on_one_thing_alone_is_loaded(dtype, tmp_path):
    # Far from what it was trained on such a model's own numbers hang on how they are rounded.
    policy = tiny_policy()
    ids = policy.tokenizer("What is 2 plus 3? It is 5.", return_tensors="pt")["input_ids"]
    optimizer = torch.optim.AdamW(policy.module.parameters(), lr=1e-2)
    for _ in range(150):
        policy.module(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    policy.save(tmp_path)
    source = resolve(str(tmp_path))
    tokenizer = load_tokenizer(source)
    assert load_policy(source, tokenizer, dtype=dtype, train=False).dtype == dtype
