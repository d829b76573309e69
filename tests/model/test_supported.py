"""Models that are refused when they are loaded."""

from dataclasses import replace

import pytest
import torch
from transformers import MixtralConfig, MixtralForCausalLM

from paceline.errors import ConfigError
from paceline.model import load_policy, load_tokenizer, logits, resolve, tiny
from paceline.model.supported import PROBED, check_scores, check_states
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


def test_a_model_is_asked_about_text_and_what_it_would_say_behind_it(monkeypatch):
    # Behind ids that make no text a model that was trained on one thing alone is, in bf16, nats off
    # from itself: that is no reason to refuse it.
    policy, source = tiny_policy(), resolve("tiny")
    asked, score = [], type(policy).score

    def off_where_nothing_is_said(self, rows, temperature):
        asked.append(rows)
        off = [policy.tokenizer.decode(prompt) not in PROBED for prompt in rows.prompts]
        scores = score(self, rows, temperature)
        return replace(scores, logp_BT=scores.logp_BT + 2.7 * torch.tensor(off)[:, None])

    monkeypatch.setattr(type(policy), "score", off_where_nothing_is_said)
    check_scores(policy, source)
    (rows,) = asked
    for prompt, completion in zip(rows.prompts, rows.completions, strict=True):
        likeliest = policy.module(torch.tensor([prompt])).logits[0, -1].argmax()
        assert completion[0] == likeliest
