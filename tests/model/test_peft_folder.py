"""Adapters in PEFT's folders: written here and read by PEFT, written by PEFT and read here."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from paceline.errors import ConfigError
from paceline.layout import TokenRows
from paceline.model.lora import adapter_of, lora_layers
from paceline.model.peft_folder import CONFIG_FILE, WEIGHTS_FILE, find_adapter
from paceline.settings import LoraConfig
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.policies import tiny_policy

ROWS = TokenRows(((5, 6, 7), (9,)), ((8, 11, 2), (3, 4, 5, 2)))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The tiny model as a folder, which both sides read."""
    folder = tmp_path_factory.mktemp("base")
    tiny_policy(train=False).save(folder)
    return folder


@pytest.fixture
def written(tmp_path, base):
    """The folder of an adapter that was trained, and its policy."""
    policy = fill(adapted_policy(lora=LoraConfig(rank=4, alpha=12.0), source=base))
    policy.save_adapter(tmp_path / "adapter", str(base))
    return tmp_path / "adapter", policy


def changed(folder, **changes):
    """Change keys of the adapter's config."""
    path = folder / CONFIG_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def logits(module):
    return module(input_ids=torch.tensor([[5, 6, 7, 8, 11, 2]]), use_cache=False).logits


# Written here


def test_peft_reads_what_is_written_here_and_answers_alike(written, base):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder, policy = written
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    theirs = PeftModel.from_pretrained(model, folder)
    assert not theirs.peft_config["default"].use_rslora
    with torch.no_grad():
        plain, mine = logits(tiny_policy().module), logits(policy.module)
        torch.testing.assert_close(logits(theirs), mine, rtol=1e-4, atol=1e-4)
        # PEFT merges to what is exported as a whole model.
        torch.testing.assert_close(logits(theirs.merge_and_unload()), mine, rtol=1e-4, atol=1e-4)
    assert (mine - plain).abs().max() > 0.01


def test_gradients_are_those_of_peft(written, base):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder, policy = written
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    theirs = PeftModel.from_pretrained(model, folder, is_trainable=True)
    for module in (theirs, policy.module):
        logits(module).logsumexp(-1).sum().backward()
    grads = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    assert len(grads) == len(policy.trained()) == 28
    for name, parameter in policy.trained().items():
        found = grads[f"base_model.model.{name}.default.weight"]
        torch.testing.assert_close(parameter.grad, found, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(
    ("layers", "targets"),
    [
        ("all", ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]),
        ("q_proj|v_proj", ["q_proj", "v_proj"]),
        # The last word alone would name a layer that has no adapter.
        (r"1\.mlp\.up", ["model.layers.1.mlp.up_proj"]),
    ],
)
def test_the_layers_are_named_so_that_readers_find_them_and_no_other(
    tmp_path, base, layers, targets
):
    policy = adapted_policy(lora=LoraConfig(rank=4, layers=layers), source=base)
    policy.save_adapter(tmp_path, "org/base")
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    assert config["target_modules"] == targets
    assert config["base_model_name_or_path"] == "org/base"


def test_the_scale_of_rslora_is_written_as_alpha(tmp_path, base):
    lora = LoraConfig(rank=4, alpha=12.0, stabilised=True)
    adapted_policy(lora=lora, source=base).save_adapter(tmp_path, "x")
    found = find_adapter(LoraConfig(start=str(tmp_path)))
    assert (found.lora.rank, found.lora.alpha, found.lora.scale) == (4, 24.0, lora.scale)
    assert found.base == "x"


def test_the_file_has_the_numbers_that_computed_in_their_dtype(tmp_path, base):
    policy = fill(adapted_policy(torch.bfloat16, source=base))
    policy.save_adapter(tmp_path, "x")
    tensors = load_file(tmp_path / WEIGHTS_FILE)
    assert {t.dtype for t in tensors.values()} == {torch.bfloat16}
    for name, part in adapter_of(policy.module).items():
        assert torch.equal(tensors[f"base_model.model.{name}.weight"], part)


# Read here


def test_an_adapter_is_gone_on_from(written, base):
    folder, policy = written
    again = adapted_policy(lora=LoraConfig(start=str(folder)), source=base)
    assert torch.equal(again.score(ROWS, 1.0).logp_BT, policy.score(ROWS, 1.0).logp_BT)
    assert {layer.scale for layer in lora_layers(again.module).values()} == {3.0}
    half = adapted_policy(torch.bfloat16, LoraConfig(start=str(folder)), source=base)
    for name, master in half.exact_parameters().items():  # not rounded on the way
        assert torch.equal(master, policy.trained()[name])


def test_what_peft_wrote_is_read_here(tmp_path, base):
    import peft
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    settings = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=["q_proj", "up_proj"], use_rslora=True,
        init_lora_weights=False, task_type="CAUSAL_LM",
    )  # fmt: skip
    theirs = peft.get_peft_model(model, settings)
    theirs.save_pretrained(tmp_path)
    mine = adapted_policy(lora=LoraConfig(start=str(tmp_path)), source=base)
    assert len(lora_layers(mine.module)) == 4
    with torch.no_grad():
        torch.testing.assert_close(logits(mine.module), logits(theirs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"use_dora": True}, r"has DoRA \(use_dora=True\)"),
        ({"modules_to_save": ["lm_head"]}, "has whole layers beside the adapter"),
        ({"lora_dropout": 0.05}, r"has dropout, .* \(lora_dropout=0.05\)"),
        ({"bias": "all"}, "has trained biases"),
        ({"peft_type": "LOHA"}, r"is no LoRA \(peft_type='LOHA'\)"),
        ({"alora_invocation_tokens": [5]}, "has the part alora_invocation_tokens"),
        ({"r": 0}, "has the rank 0"),
        ({"init_lora_weights": "pissa_niter_16"}, "has a start that changes the base model"),
        ({"rank_pattern": {"q_proj": 8}}, "has another rank in some layers"),
    ],
)
def test_parts_that_are_not_trained_here_are_refused_by_name(written, changes, told):
    folder, _ = written
    changed(folder, **changes)
    with pytest.raises(ConfigError, match=told):
        find_adapter(LoraConfig(start=str(folder)))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"rank": 8}, "lora.rank is 8, but the adapter at '.*' has 4"),
        ({"alpha": 16.0}, r"lora.alpha is 16.0, but the adapter at '.*' has 12.0"),
        ({"stabilised": True}, "lora.stabilised is True, but"),
        ({"layers": "q_proj"}, "lora.layers is 'q_proj', but the layers are those of the adapter"),
    ],
)
def test_settings_that_are_not_the_adapters_are_refused(written, asked, told):
    folder, _ = written
    with pytest.raises(ConfigError, match=told):
        find_adapter(LoraConfig(start=str(folder), **asked))
    assert find_adapter(LoraConfig(start=str(folder), rank=4, alpha=12.0)).lora.rank == 4


def test_a_folder_without_an_adapter_and_one_that_is_broken_are_told(written, base, tmp_path):
    folder, _ = written
    with pytest.raises(ConfigError, match=r"There is no adapter at 'nowhere' \(adapter_config"):
        find_adapter(LoraConfig(start="nowhere"))
    (folder / WEIGHTS_FILE).write_bytes(b"half")
    with pytest.raises(ConfigError, match=r"safetensors' cannot be read"):
        adapted_policy(lora=LoraConfig(start=str(folder)), source=base)
    (folder / CONFIG_FILE).write_text('{"peft_type": "LORA"}')
    with pytest.raises(ConfigError, match=r"adapter_config.json' cannot be read \('r'\)"):
        find_adapter(LoraConfig(start=str(folder)))


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("model.layers.0.mlp.up_proj.lora_A", (4, 65), "has the shape (4, 65), and it would be"),
        ("model.layers.9.mlp.up_proj.lora_A", (4, 64), "is for a layer 'model.layers.9.mlp.up"),
        ("model.layers.0.mlp.up_proj.lora_B", None, "lora_B is missing"),
        ("lm_head.lora_A", (4, 64), "is for a layer 'lm_head'"),
        ("model.embed_tokens.lora_embedding_A", (4, 64), "has a part 'base_model.model.model.em"),
        ("m.lora_magnitude_vector", (4,), "has a part 'base_model.model.m.lora_magnitude"),
    ],
)
def test_tensors_that_do_not_fit_the_model_are_refused(written, base, name, shape, told):
    folder, _ = written
    tensors = load_file(folder / WEIGHTS_FILE)
    tensors.pop(f"base_model.model.{name}.weight", None)
    if shape is not None:
        tensors[f"base_model.model.{name}.weight"] = torch.zeros(shape)
    save_file(tensors, folder / WEIGHTS_FILE)
    with pytest.raises(ConfigError) as error:
        adapted_policy(lora=LoraConfig(start=str(folder)), source=base)
    assert told in str(error.value)
