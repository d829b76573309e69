"""The policy's log-probabilities against the model's own logits."""

import pytest
import torch
from transformers import LlamaForCausalLM

from paceline.errors import ConfigError
from paceline.layout import PACKED, PADDED, Packed
from paceline.model import Policy
from tests.helpers.families import FAMILIES, family
from tests.helpers.policies import tiny_policy
from tests.helpers.rows import BEGUN, ROWS, expected


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


def test_saved_it_is_a_folder_that_transformers_loads(policy, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    policy.save(tmp_path)
    module = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    torch.testing.assert_close(module(ids).logits, policy.module(ids).logits)
    messages = [{"role": "user", "content": "What is 1 + 2?"}]
    rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    assert tuple(rendered) == policy.render(messages).token_ids
    answer = pipeline("text-generation", model=str(tmp_path))(messages, max_new_tokens=3)
    assert answer[0]["generated_text"][-1]["role"] == "assistant"


def test_a_model_without_an_output_layer_is_refused(policy):
    backbone = LlamaForCausalLM(policy.module.config).model
    with pytest.raises((ConfigError, AttributeError), match=r"output layer|get_output_embeddings"):
        Policy(backbone, policy.tokenizer, (2,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_learns_is_named_once_and_in_the_models_order(dtype):
    policy = tiny_policy(dtype)
    names = list(policy.trained())
    # The tiny model's output layer is its embedding: nine matrices and norms a layer, and a norm.
    assert names[0] == "model.embed_tokens.weight" and "lm_head.weight" not in names
    assert len(names) == 1 + 2 * 9 + 1 == len({id(p) for p in policy.trained().values()})
    assert list(policy.exact_parameters()) == names
    for name, exact in policy.exact_parameters().items():
        assert exact.dtype == torch.float32
        assert (exact is policy.trained()[name]) == (dtype == torch.float32)


def test_what_is_frozen_is_not_among_what_learns(policy):
    policy.module.model.embed_tokens.requires_grad_(False)
    assert "model.embed_tokens.weight" not in policy.trained()
    taken = {name: x.detach() + 1 for name, x in policy.exact_parameters().items()}
    before = policy.module.model.embed_tokens.weight.clone()
    policy.restore(taken)
    assert torch.equal(policy.module.model.embed_tokens.weight, before)
    assert all(torch.equal(x, taken[name]) for name, x in policy.trained().items())
