"""The one attention function through which the layers of a model attend."""

import pytest
import torch
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    GptOssConfig,
    GptOssForCausalLM,
    StableLmConfig,
    StableLmForCausalLM,
)

from paceline.errors import ConfigError
from paceline.layout import PADDED
from paceline.model import Policy
from tests.helpers.families import SMALL
from tests.helpers.rows import ROWS, expected


def test_a_model_of_text_and_images_is_looked_at_in_its_text_part(policy):
    torch.manual_seed(0)
    text = dict(SMALL, sliding_window=8)
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "image_size": 8, "patch_size": 4}  # fmt: skip
    module = Gemma3ForConditionalGeneration(
        Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    ).eval()
    ours = Policy(module, policy.tokenizer, (2,))
    logp, _ = expected(module, ROWS.prompts[3], ROWS.completions[3], 1.0)
    torch.testing.assert_close(ours.score(ROWS, 1.0).logp_BT[3, :9], torch.tensor(logp))
    assert module.config.vision_config._attn_implementation != "paceline"


def test_a_model_that_drops_the_layout_is_padded_and_right(policy):
    # StableLM does not hand the keyword on to its layers: the probe sees that nothing came.
    torch.manual_seed(0)
    config = StableLmConfig(**{k: v for k, v in SMALL.items() if k != "head_dim"})
    module = StableLmForCausalLM(config).eval()
    ours = Policy(module, policy.tokenizer, (2,))
    assert ours.layout is PADDED
    logp, _ = expected(module, ROWS.prompts[3], ROWS.completions[3], 1.0)
    torch.testing.assert_close(ours.score(ROWS, 1.0).logp_BT[3, :9], torch.tensor(logp))


def test_outside_our_passes_the_model_attends_as_it_did(policy):
    before = policy.module.config._attn_implementation
    policy.score(ROWS, 1.0)
    assert policy.module.config._attn_implementation == before != "paceline"


def test_attention_sinks_are_refused(policy):
    config = GptOssConfig(
        vocab_size=90, hidden_size=32, intermediate_size=48, num_hidden_layers=2, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, num_local_experts=1, num_experts_per_tok=1,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="attention sinks"):
        Policy(GptOssForCausalLM(config), policy.tokenizer, (2,))
