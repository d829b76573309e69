"""The policy's log-probabilities against the model's own logits."""

import pytest
import torch
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from paceline.errors import ConfigError
from paceline.layout import Rows
from paceline.model import Policy

SMALL = {
    "vocab_size": 90, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
ROWS = Rows(
    prompts=((5, 6, 7), (8, 9), (5,) * 11),
    completions=((10, 11, 12, 2), (13,), (14, 15)),
)


def expected(module, prompt, completion, temperature):
    """Log-probability and entropy of each token of one row, unpadded, from the model's own
    logits."""
    ids = torch.tensor([[*prompt, *completion]])
    log_p = (module(ids).logits[0].float() / temperature).log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(completion) - 1)
    logp = [log_p[p, t].item() for p, t in zip(places, completion, strict=True)]
    return logp, [-(log_p[p].exp() * log_p[p]).sum().item() for p in places]


@pytest.mark.parametrize(
    "made",
    [
        lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL)),
        lambda: Gemma2ForCausalLM(Gemma2Config(**SMALL, final_logit_softcapping=2.0)),
        lambda: Gemma2ForCausalLM(Gemma2Config(**SMALL, sliding_window=4)),
        lambda: CohereForCausalLM(CohereConfig(**SMALL, logit_scale=0.3)),
    ],
    ids=["qwen2", "gemma2-softcap", "gemma2-window", "cohere-scale"],
)
def test_scores_equal_the_models_own_logits(made, policy):
    torch.manual_seed(0)
    module = made().eval()
    scores = Policy(module, policy.tokenizer, (2,)).score(ROWS, 0.8)
    for i, (prompt, completion) in enumerate(zip(ROWS.prompts, ROWS.completions, strict=True)):
        logp, entropy = expected(module, prompt, completion, 0.8)
        n = len(completion)
        torch.testing.assert_close(scores.logp_BT[i, :n], torch.tensor(logp), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            scores.entropy_BT[i, :n], torch.tensor(entropy), rtol=1e-4, atol=1e-4
        )
        assert not scores.logp_BT[i, n:].any()


def test_saved_it_is_a_folder_that_transformers_loads(policy, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    policy.save(tmp_path)
    module = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    torch.testing.assert_close(module(ids).logits, policy.module(ids).logits)
    messages = [{"role": "user", "content": "What is 1 + 2?"}]
    rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    assert tuple(rendered) == policy.render(messages)
    answer = pipeline("text-generation", model=str(tmp_path))(messages, max_new_tokens=3)
    assert answer[0]["generated_text"][-1]["role"] == "assistant"


def test_a_model_without_an_output_layer_is_refused(policy):
    backbone = LlamaForCausalLM(policy.module.config).model
    with pytest.raises((ConfigError, AttributeError), match=r"output layer|get_output_embeddings"):
        Policy(backbone, policy.tokenizer, (2,))
