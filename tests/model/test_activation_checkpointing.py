"""Layers computed again in the backward pass."""

import pytest
import torch
from transformers import OPTConfig, OPTForCausalLM

from paceline.model import Policy
from tests.helpers.families import FAMILIES, family
from tests.helpers.rows import ROWS


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
