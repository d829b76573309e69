"""Weights in few bits under adapters: what they are made of, and that everything computes with the
same numbers."""

import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from paceline.errors import ConfigError
from paceline.layout import TokenRows
from paceline.model import load_policy, load_tokenizer, resolve
from paceline.model.load import blank
from paceline.model.lora import lora_layers, merged_state
from paceline.model.quantised import (
    BYTES,
    FrozenProduct,
    QuantisedLinear,
    bitsandbytes,
    dense,
    loading,
    parts,
    quantise,
    take_over,
)
from paceline.model.tiny import model as tiny_model
from paceline.settings import LoraConfig
from tests.helpers.adapters import fill
from tests.helpers.policies import tiny_policy
from tests.helpers.trainers import trainer_of

KINDS = ("nf4", "int8")
ROWS = TokenRows(((5, 6, 7), (9,)), ((8, 11, 2), (3, 4, 5, 2)))
BF16 = torch.bfloat16


def quantised_policy(kind, lora=None, *, source="tiny", dtype=BF16, train=True):
    found = resolve(str(source))
    lora = LoraConfig(rank=4) if lora is None else lora
    return load_policy(
        found, load_tokenizer(found), dtype=dtype, lora=lora, quantisation=kind, train=train
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tiny model as a folder."""
    path = tmp_path_factory.mktemp("base")
    tiny_policy(train=False).save(path)
    return path


def test_nf4_takes_about_half_a_byte_a_weight_and_int8_one():
    for kind in KINDS:
        layer = nn.Module()
        layer.inner = nn.Linear(1024, 2048, bias=False, dtype=BF16)
        layer.get_output_embeddings = lambda: None
        quantise(layer, kind)
        size = sum(part.nbytes for part in parts(layer.inner.weight).values())
        count = 1024 * 2048
        # Beside the scales of rows, and the one number by which nf4's scales are shifted.
        assert size == BYTES[kind] * count + (4 if kind == "nf4" else 4 * 2048)


NF4 = (
    -1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0, 0.0795803,
    0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0,
)  # fmt: skip
"""The values of the format, quantiles of a normal distribution (arXiv 2305.14314, appendix E)."""


def test_nf4_is_the_format_of_qlora():
    layer = nn.Module()
    layer.inner = nn.Linear(64, 256, bias=False, dtype=torch.float32)
    layer.get_output_embeddings = lambda: None
    quantise(layer, "nf4")
    numbers = dense(layer.inner.weight, torch.float32)
    shares = numbers / numbers.abs().amax(1, keepdim=True)  # a row is a block with a scale
    distance = (shares[..., None] - torch.tensor(NF4)).abs().amin(-1)
    assert distance.max() < 1e-5 and len(shares.unique().round(decimals=3).unique()) == 16


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_quantised_here_is_what_transformers_loads(kind, folder):
    here, there = quantised_policy(kind), quantised_policy(kind, source=folder)
    ours, theirs = here.frozen(), there.frozen()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    packed = [name for name in ours if name.endswith(".codes")]
    assert len(packed) == 14 and "model.embed_tokens.weight" in ours


@pytest.mark.parametrize("kind", KINDS)
def test_products_and_gradients_are_those_of_the_numbers(kind):
    module = tiny_model(0, torch.float32)
    quantise(module, kind)
    layer = module.model.layers[0].mlp.up_proj
    assert isinstance(layer, QuantisedLinear) and type(module.lm_head) is nn.Linear
    numbers = dense(layer.weight, torch.float32)
    x = torch.randn(2, 3, 64, requires_grad=True)
    slope = torch.randn(2, 3, 128)
    (mine,) = torch.autograd.grad(layer(x), x, slope)
    (theirs,) = torch.autograd.grad(nn.functional.linear(x, numbers), x, slope)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, numbers))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        FrozenProduct.apply(x, layer)
    assert not kept


@pytest.mark.parametrize("merge", ["yes", "no"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_while_the_codes_stay(kind, merge):
    lora = LoraConfig(rank=4, merge=merge)
    trainer = trainer_of(policy=quantised_policy(kind, lora), lr=0.02)
    frozen = {name: t.clone() for name, t in trainer.policy.frozen().items()}
    start = trainer.policy.score(ROWS, 1.0).logp_BT
    reports = [trainer.step() for _ in range(6)]
    assert all(report.update.grad_norm > 0 for report in reports)
    assert all(report.metrics.mismatch < 0.05 for report in reports)
    assert all(torch.equal(frozen[n], t) for n, t in trainer.policy.frozen().items())
    assert (trainer.policy.score(ROWS, 1.0).logp_BT - start).abs().max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_the_saved_folder_is_the_numbers_and_the_adapter_and_not_the_16_bit_original(
    kind, folder, tmp_path
):
    """Merging into the original instead leaves a model that was never trained."""
    policy = fill(quantised_policy(kind, LoraConfig(rank=4, layers="q_proj"), source=folder))
    policy.save(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {BF16}
    original = tiny_model(0, BF16).state_dict()
    for name, layer in policy.module.named_modules():
        if isinstance(layer, QuantisedLinear):
            wanted = dense(layer.weight, BF16)
        elif name in lora_layers(policy.module):
            A, B = layer.adapter
            wanted = torch.addmm(dense(layer.weight, BF16), B, A, alpha=layer.scale)
        else:
            continue
        assert torch.equal(stored[f"{name}.weight"], wanted)
        assert not torch.equal(wanted, original[f"{name}.weight"])
    again = load_policy(
        resolve(str(tmp_path)), policy.tokenizer, dtype=BF16, train=False
    )  # a model of 16 bits like any other
    state = again.module.state_dict()
    assert all(torch.equal(state[n], t) for n, t in merged_state(policy.module).items())
    assert again.score(ROWS, 1.0).logp_BT.allclose(policy.score(ROWS, 1.0).logp_BT, atol=0.05)


def test_a_folder_that_is_quantised_already_is_taken_as_it_is(folder, tmp_path):
    from transformers import AutoModelForCausalLM

    found = AutoModelForCausalLM.from_pretrained(folder, dtype=BF16, **loading("nf4", BF16, "cpu"))
    found.save_pretrained(tmp_path)
    tokenizer = tiny_policy().tokenizer
    tokenizer.save_pretrained(tmp_path)
    policy = load_policy(resolve(str(tmp_path)), tokenizer, dtype=BF16, lora=LoraConfig(rank=4))
    ours, wanted = policy.frozen(), quantised_policy("nf4").frozen()
    assert all(torch.equal(ours[name], wanted[name]) for name in wanted)
    with pytest.raises(ConfigError, match=r"are quantised \(nf4\), and such weights cannot be"):
        load_policy(resolve(str(tmp_path)), tokenizer, dtype=BF16)


def test_all_weights_of_a_quantised_model_cannot_be_trained():
    with pytest.raises(ConfigError, match="train adapters on them, with lora"):
        quantised_policy("nf4", LoraConfig())
    assert quantised_policy("nf4", LoraConfig(), train=False).score(ROWS, 1.0)


def test_a_model_that_another_library_quantised_is_told():
    module = blank(resolve("tiny"), dtype=BF16)

    class Gptq:
        quant_method = "gptq"

    module.config.quantization_config = Gptq()
    with pytest.raises(ConfigError, match="quantised by gptq, on which no adapters are trained"):
        take_over(module)


def test_without_bitsandbytes_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ConfigError, match="install it with `pip install bitsandbytes accelerate`"):
        bitsandbytes()
