"""Adapters: the merged weight, its gradients, the layers that have one, and how they begin."""

import math
from statistics import fmean

import pytest
import torch
from torch import nn

from paceline import rng
from paceline.engine import LocalEngine
from paceline.errors import ConfigError
from paceline.layout import TokenRows
from paceline.model import lora as room
from paceline.model.lora import (
    LoraLinear,
    adapt,
    adaptable,
    adapter_of,
    adapter_replaced,
    draw,
    lora_layers,
    merged_state,
    named_by,
)
from paceline.model.tiny import model as tiny_model
from paceline.settings import LoraConfig
from tests.helpers.adapters import adapted_policy, fill, merged_weights
from tests.helpers.families import FAMILIES, family
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import trainer_of, weights

ROWS = TokenRows(((5, 6, 7), (5, 6, 7), (9,)), ((8, 11, 2), (12, 2), (3, 4, 5, 2)))


def made(rows=48, columns=32, rank=4, scale=2.0, dtype=torch.float32, bias=True):
    """A layer with an adapter that is not 0."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(columns, rows, bias=bias)
    one = LoraLinear(layer, rank, scale)
    with torch.no_grad():
        for parameter in (*layer.parameters(), one.lora_A, one.lora_B):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / math.sqrt(columns))
    return one.to(dtype).requires_grad_(True)


# The merged weight


def test_the_merged_weight_is_the_sum_in_fp32_rounded_once():
    layer = made(256, 192, rank=16, dtype=torch.bfloat16)
    exact = layer.weight.double() + 2.0 * layer.lora_B.double() @ layer.lora_A.double()
    once = exact.to(torch.bfloat16)
    twice = layer.weight + (2.0 * (layer.lora_B @ layer.lora_A))
    # fp32 itself rounds, so at the middle between two bf16 numbers it may go the other way.
    assert (layer.merged() != once).float().mean() < 1e-3 < (twice != once).float().mean()


@pytest.mark.parametrize("stabilised", [False, True])
def test_the_scale_is_alpha_by_rank_or_by_its_root(stabilised):
    lora = LoraConfig(rank=4, alpha=24.0, stabilised=stabilised)
    module = tiny_model()
    adapt(module, lora)
    assert {layer.scale for layer in lora_layers(module).values()} == {12.0 if stabilised else 6.0}


def test_rank_and_alpha_of_twice_the_size_are_the_same_adapter():
    small, large = made(rank=4, scale=16 / 4), made(rank=8, scale=32 / 8)
    with torch.no_grad():
        large.weight.copy_(small.weight)
        large.lora_A.zero_()[:4].copy_(small.lora_A)
        large.lora_B.zero_()[:, :4].copy_(small.lora_B)
    torch.testing.assert_close(large.merged(), small.merged(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(7, 32), (1, 7, 32), (2, 3, 32)])
def test_products_and_gradients_are_those_of_the_written_out_weight(shape, bias):
    layer = made(dtype=torch.float64, bias=bias)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    A, B = (p.detach().clone().requires_grad_() for p in (layer.lora_A, layer.lora_B))
    plain = nn.functional.linear(x, layer.weight.detach() + 2.0 * B @ A, layer.bias)
    slope = torch.randn_like(plain)
    wanted = torch.autograd.grad(plain, (x, A, B), slope)
    out = layer(x)
    torch.testing.assert_close(out, plain)
    found = torch.autograd.grad(out, (x, layer.lora_A, layer.lora_B), slope)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_two_products_where_nothing_is_merged():
    layer, x = made(dtype=torch.float64), torch.randn(2, 7, 32, dtype=torch.float64)
    x.requires_grad_()
    merged = layer(x)
    slope = torch.randn_like(merged)
    wanted = torch.autograd.grad(merged, (x, layer.lora_A, layer.lora_B), slope)
    layer.merges = False
    apart = layer(x)
    torch.testing.assert_close(apart, merged)
    found = torch.autograd.grad(apart, (x, layer.lora_A, layer.lora_B), slope)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_no_tensor_of_the_weights_size_is_kept_for_the_backward_pass():
    layer, kept = made(), []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        layer(torch.randn(3, 32, requires_grad=True))
    assert layer.weight.numel() not in {x.numel() for x in kept}
    # Input, A and B: nothing in fp32 beside them, which other implementations keep.
    assert [tuple(x.shape) for x in kept] == [(3, 32), (4, 32), (48, 4)]


# In a model


def test_a_fresh_adapter_leaves_the_model_as_it_is_bit_for_bit():
    plain, adapted = tiny_policy(torch.bfloat16), adapted_policy(torch.bfloat16)
    one, other = (p.score(ROWS, 1.0) for p in (plain, adapted))
    assert torch.equal(one.logp_BT, other.logp_BT) and torch.equal(one.entropy_BT, other.entropy_BT)
    assert not torch.equal(fill(adapted).score(ROWS, 1.0).logp_BT, one.logp_BT)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_linear_layer_but_the_output_layer_has_an_adapter(name):
    module = family(name)
    head, embedding = module.get_output_embeddings(), module.get_input_embeddings()
    adapt(module, LoraConfig(rank=2))
    assert type(head) is nn.Linear and module.get_input_embeddings() is embedding
    for inner, one in module.named_modules():
        if isinstance(one, nn.Linear) and one is not head:
            assert isinstance(one, LoraLinear), inner
    assert {n.rpartition(".")[2] for n, p in module.named_parameters() if p.requires_grad} == {
        "lora_A",
        "lora_B",
    }


def test_some_layers_by_an_expression():
    module = tiny_model()
    assert named_by(module, "q_proj|v_proj") == [
        f"model.layers.{i}.self_attn.{kind}_proj" for i in range(2) for kind in "qv"
    ]
    assert named_by(module, r"layers\.1\.mlp") == [
        f"model.layers.1.mlp.{kind}_proj" for kind in ("gate", "up", "down")
    ]
    assert named_by(module, "all") == list(adaptable(module)) and len(adaptable(module)) == 14


@pytest.mark.parametrize(
    ("lora", "told"),
    [
        (LoraConfig(rank=4, layers="q_porj"), r"'q_porj', which no linear .* mean q_proj\?"),
        (LoraConfig(rank=4, layers="embed"), "which no linear layer of LlamaForCausalLM has"),
        (LoraConfig(rank=4, layers="head|q_proj"), "names the output layer lm_head too"),
        (LoraConfig(rank=33), r"lora.rank is 33, but .*k_proj is a matrix of 32 × 64, of rank 32"),
    ],
)
def test_what_cannot_have_an_adapter_is_refused(lora, told):
    with pytest.raises(ConfigError, match=told):
        adapt(tiny_model(), lora)


def test_a_model_without_linear_layers_is_refused():
    module = tiny_model()
    module.model.layers = nn.ModuleList()
    with pytest.raises(ConfigError, match="has no linear layers for adapters"):
        adapt(module, LoraConfig(rank=4))


# The start


def test_the_first_numbers_are_hashes_of_seed_and_layer_and_torchs_generator_has_no_part():
    torch.manual_seed(3)
    first = adapted_policy(seed=5)
    torch.manual_seed(4)
    again, other = adapted_policy(seed=5), adapted_policy(seed=6)
    name = "model.layers.1.mlp.down_proj"
    parts = [f"{name}.lora_A", f"{name}.lora_B"]
    a, b, c = ([adapter_of(p.module)[part] for part in parts] for p in (first, again, other))
    assert torch.equal(a[0], b[0]) and not torch.equal(a[0], c[0]) and not a[1].any()
    stream, bound = rng.key(5, "adapter", name), 1 / math.sqrt(128)
    expected = [(2 * rng.uniform(stream, i) - 1) * bound for i in range(4 * 128)]
    assert torch.equal(a[0].flatten(), torch.tensor(expected, dtype=torch.float64).float())
    assert bound * 0.98 < a[0].abs().max() < bound


def test_masters_keep_the_first_numbers_in_fp32():
    exact, rounded = adapted_policy(torch.float32), adapted_policy(torch.bfloat16)
    for name, master in rounded.exact_parameters().items():
        assert torch.equal(master, exact.trained()[name])
        assert torch.equal(rounded.trained()[name], master.bfloat16())
    assert exact.masters is None


def test_drawing_again_gives_the_same_adapter():
    policy = adapted_policy(torch.float32, seed=2)
    before = {name: part.clone() for name, part in adapter_of(policy.module).items()}
    draw(policy.module, 2)
    assert all(torch.equal(part, before[n]) for n, part in adapter_of(policy.module).items())


# Training


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_weights_under_the_adapters_never_change_and_cost_the_optimizer_nothing(dtype):
    trainer = trainer_of(lora=LoraConfig(rank=4), dtype=dtype)
    frozen = {name: tensor.clone() for name, tensor in trainer.policy.frozen().items()}
    start = merged_weights(trainer.policy)
    for _ in range(50):
        trainer.step()
    assert all(torch.equal(frozen[n], t) for n, t in trainer.policy.frozen().items())
    assert all(not torch.equal(start[n], w) for n, w in merged_weights(trainer.policy).items())
    module, trained = trainer.policy.module, trainer.policy.trained()
    assert all(p.grad is None for n, p in module.named_parameters() if n not in trained)
    moments = trainer.learner.optimizer.moments().values()
    numbers = sum(p.numel() for p in trained.values())
    assert sum(m.nbytes for m in moments if m.ndim) == 8 * numbers


def test_the_reward_rises():
    trainer = trainer_of(lr=0.02, lora=LoraConfig(rank=4))
    rounds = [trainer.step().sampled.round for _ in range(30)]
    rewards = [fmean(r.verdict.reward for r in round.rollouts) for round in rounds]
    assert fmean(rewards[-5:]) > 1.5 * fmean(rewards[:5])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_engine_decodes_with_the_bits_that_the_trainer_differentiates(dtype, monkeypatch):
    trainer = trainer_of(lora=LoraConfig(rank=4), dtype=dtype)
    for _ in range(3):
        trainer.step()
    used, inner = [], room.LoraLinear.merged

    def merged(layer, out=None):
        weight = inner(layer, out)
        used.append((layer, weight.clone()))
        return weight

    monkeypatch.setattr(room.LoraLinear, "merged", merged)
    trainer.source.next_round(9, trainer.clock)
    decoded = dict(used)
    assert len(used) == len(decoded) == 14  # once a round, however many tokens it has
    used.clear()
    trainer.policy.score(ROWS, 1.0)
    assert used and all(torch.equal(weight, decoded[layer]) for layer, weight in used)


@pytest.mark.parametrize("merge", ["yes", "no"])
def test_in_fp32_engine_and_trainer_agree_after_updates(merge):
    trainer = trainer_of(lora=LoraConfig(rank=4, merge=merge))
    reports = [trainer.step() for _ in range(4)]
    assert all(report.metrics.mismatch < 1e-5 for report in reports)


def test_a_run_repeats_bit_for_bit():
    one, other = (trainer_of(lora=LoraConfig(rank=4)) for _ in range(2))
    for _ in range(3):
        torch.manual_seed(one.steps)
        one.step()
        other.step()
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_an_older_engine_would_not_see_a_step():
    policy = fill(adapted_policy())
    engine = LocalEngine(policy)
    with torch.inference_mode(), engine.weights.ready(policy.module, 4):
        before = policy.module.model.layers[0].mlp.up_proj(torch.ones(1, 64))
    fill(policy, seed=2)
    with torch.inference_mode(), engine.weights.ready(policy.module, 4):
        after = policy.module.model.layers[0].mlp.up_proj(torch.ones(1, 64))
    assert not torch.equal(before, after)


# For a while


def test_another_adapter_is_computed_with_for_a_while_also_where_that_raises():
    policy = fill(adapted_policy(torch.bfloat16))
    plain, own = tiny_policy(torch.bfloat16).score(ROWS, 1.0), policy.score(ROWS, 1.0)
    zero = {
        name: torch.zeros_like(part) if name.endswith("lora_B") else part
        for name, part in adapter_of(policy.module).items()
    }
    with pytest.raises(KeyError), adapter_replaced(policy.module, zero):
        assert torch.equal(policy.score(ROWS, 1.0).logp_BT, plain.logp_BT)
        raise KeyError
    assert torch.equal(policy.score(ROWS, 1.0).logp_BT, own.logp_BT)


# The merged model


def test_the_merged_state_has_the_names_of_the_model_and_the_weights_that_computed():
    policy = fill(adapted_policy(torch.bfloat16))
    state, plain = merged_state(policy.module), tiny_policy(torch.bfloat16).module.state_dict()
    assert list(state) == list(plain)
    for name, weight in merged_weights(policy).items():
        assert torch.equal(state[f"{name}.weight"], weight)
        assert not torch.equal(weight, plain[f"{name}.weight"])
    kept = [n for n in plain if n.removesuffix(".weight") not in lora_layers(policy.module)]
    assert kept and all(torch.equal(state[n], plain[n]) for n in kept)


@pytest.mark.parametrize("name", ["llama", "llama-tied", "qwen2"])
def test_the_saved_folder_is_the_policy_bit_for_bit(tmp_path, name):
    import transformers
    from safetensors.torch import load_file

    folder = tmp_path / "base"
    family(name).save_pretrained(folder)
    tiny_policy().tokenizer.save_pretrained(folder)
    policy = fill(adapted_policy(torch.bfloat16, LoraConfig(rank=2), source=folder))
    policy.save(tmp_path / "model")
    loaded = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "model", dtype=torch.bfloat16
    )
    state = loaded.state_dict()
    assert all(torch.equal(state[n], tensor) for n, tensor in merged_state(policy.module).items())
    tied = loaded.get_output_embeddings().weight is loaded.get_input_embeddings().weight
    assert tied == (name == "llama-tied")
    stored = load_file(tmp_path / "model" / "model.safetensors")
    assert ("lm_head.weight" in stored) == (not tied) and not any("lora" in key for key in stored)
