"""The policy's log-probabilities against the model's own logits."""

import pytest
import torch
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    StableLmConfig,
    StableLmForCausalLM,
)

from paceline.errors import ConfigError
from paceline.layout import PACKED, PADDED, Packed, TokenRows
from paceline.model import Policy
from tests.helpers.families import FAMILIES, SMALL, family

ROWS = TokenRows(
    prompts=((5, 6, 7), (8, 9), (5,) * 11, (5, 6, 7), (5, 6, 7), (8, 9)),
    completions=((10, 11, 12, 2), (13,), (14, 15), (16,) * 9, (17,), (18, 19, 20)),
)
"""Ragged, two groups and a group of one, completions of one token."""

BEGUN = TokenRows(tuple((30, 31, 32, 33, *p) for p in ROWS.prompts), ROWS.completions)
"""The same behind four tokens that all begin with; they are laid out once."""


def expected(module, prompt, completion, temperature):
    """Log-probability and entropy of each token of one row, unpadded, from the model's own
    logits."""
    ids = torch.tensor([[*prompt, *completion]])
    log_p = (module(ids).logits[0].float() / temperature).log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(completion) - 1)
    logp = [log_p[p, t].item() for p, t in zip(places, completion, strict=True)]
    return logp, [-(log_p[p].exp() * log_p[p]).sum().item() for p in places]


def their_loss(module, rows, pull, temperature):
    """Σ pull · log-probability over all rows, each alone through the model itself."""
    total = torch.zeros(())
    for pull_T, prompt, completion in zip(pull, rows.prompts, rows.completions, strict=True):
        ids = torch.tensor([[*prompt, *completion]])
        log_p = (module(ids).logits[0, len(prompt) - 1 : -1] / temperature).log_softmax(-1)
        chosen = log_p.gather(-1, ids[0, len(prompt) :, None])[:, 0]
        total = total + (pull_T[: len(completion)] * chosen).sum()
    return total


@pytest.mark.parametrize(
    ("layout", "rows"),
    [(PACKED, ROWS), (PACKED, BEGUN), (PADDED, ROWS)],
    ids=["packed", "one-beginning", "padded"],
)
@pytest.mark.parametrize("name", FAMILIES)
def test_scores_and_gradients_equal_the_models_own_eager_attention(name, layout, rows, policy):
    module = family(name)
    ours = Policy(module, policy.tokenizer, (2,))
    assert ours.layout is PACKED, "a model of plain attention takes the packed layout"
    assert Packed.of(BEGUN).prefix == 4 and Packed.of(ROWS).prefix == 0
    ours.layout = layout
    scores = ours.score(rows, 0.8)
    for i, (prompt, completion) in enumerate(zip(rows.prompts, rows.completions, strict=True)):
        logp, entropy = expected(module, prompt, completion, 0.8)
        n = len(completion)
        torch.testing.assert_close(scores.logp_BT[i, :n], torch.tensor(logp), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            scores.entropy_BT[i, :n], torch.tensor(entropy), rtol=1e-4, atol=1e-4
        )
        assert not scores.logp_BT[i, n:].any()
    pull = torch.randn(scores.logp_BT.shape, generator=torch.Generator().manual_seed(1))
    gradients = []
    for loss in (
        (pull * ours.scores(rows, 0.8).logp_BT).sum(),
        their_loss(module, rows, pull, 0.8),
    ):
        module.zero_grad()
        loss.backward()
        gradients.append({n: p.grad.clone() for n, p in module.named_parameters()})
    for parameter, theirs in gradients[1].items():
        difference = (gradients[0][parameter] - theirs).norm() / theirs.norm().clamp_min(1e-12)
        assert difference < 1e-5, parameter


@pytest.mark.parametrize("name", FAMILIES)
def test_layers_computed_again_give_the_same_gradient(name, policy):
    module = family(name)
    ours = Policy(module, policy.tokenizer, (2,))

    def gradient_and_bytes(recompute):
        module.zero_grad()
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
            total = ours.scores(ROWS, 1.0, recompute=recompute).logp_BT.sum()
        total.backward()
        flat = torch.cat([p.grad.flatten() for p in module.parameters()])
        return flat, sum(x.nbytes for x in saved)

    (plain, kept), (again, kept_again) = gradient_and_bytes(False), gradient_and_bytes(True)
    assert ((plain - again).norm() / plain.norm()).item() < 1e-6
    assert kept_again < 0.5 * kept
    assert not any(m.training for m in module.modules())


def test_layers_computed_again_wake_no_dropout(policy):
    # OPT drops out in the layer's own forward, if the layer is in training mode.
    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=90, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64, word_embed_proj_dim=32, dropout=0.5, pad_token_id=0,
    )  # fmt: skip
    ours = Policy(OPTForCausalLM(config).eval(), policy.tokenizer, (2,))
    plain, again = (ours.scores(ROWS, 1.0, recompute=r).logp_BT for r in (False, True))
    assert torch.equal(plain, again)


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
