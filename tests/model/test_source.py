"""The places of models, from their names."""

import subprocess
import sys

import pytest
import torch

from paceline.errors import ConfigError
from paceline.model import load_policy, resolve, tiny


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
        ("./gone", "There is no folder './gone'; give"),
        ("gone", "There is no folder 'gone'; give"),
        ("a/b/c", "There is no folder 'a/b/c'; give"),
        ("runs/x/model", "where the run 'runs/x' leaves its model; train that first, or give"),
        ("gone.gguf", "There is no file 'gone.gguf'; give"),
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


@pytest.mark.parametrize("name", ["some_model", "some-model", "some.model"])
def test_a_package_has_the_name_that_pip_writes_too(package, name):
    assert resolve(f"package:{name}").path.endswith("some_model/m.gguf")


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


def test_an_adapter_is_told_from_a_model(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"holds an adapter and no model; .* with lora.start="):
        resolve(str(tmp_path))
