"""What a config names, loaded; all but the model's weights."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from paceline import recipes
from paceline.engine import Sampling
from paceline.errors import ConfigError
from paceline.objective import named
from paceline.preflight.load import (
    device_of,
    dtype_of,
    evaluation_sampling,
    load,
    model_size_of,
    sandbox_of,
)
from paceline.preflight.preflight import check
from paceline.types import Completion
from paceline.verify import NumberIn, Tags, Weighted
from paceline.verify.programs.code import PrintedAnswer
from tests.helpers.adapters import adapted_policy
from tests.helpers.made_tasks import Made, config_of
from tests.helpers.scorers import scorer_of

CPU = torch.device("cpu")
GPU = torch.cuda.is_available()


def test_everything_that_a_config_names_is_loaded():
    loaded = load(config_of(objective=named.dr_grpo(), rollouts={"max_tokens": 9}))
    assert (loaded.source.name, loaded.task.name, len(loaded.task.train)) == ("tiny", "made", 10)
    assert loaded.objective == named.dr_grpo().resolved(9) != named.dr_grpo().resolved(8)
    assert (loaded.device, loaded.dtype) == (CPU, torch.float32)
    assert loaded.first_prompt == ("<|im_start|>user\n0 + 1?<|im_end|>\n<|im_start|>assistant\n")


def test_a_reward_that_is_never_asked_is_not_looked_at():
    loaded = load(config_of(Made(verifier=PrintedAnswer())), reward=False)
    assert sandbox_of(loaded.task) is None and len(loaded.task.train) == 10
    with pytest.raises(AssertionError, match="a reward was asked where there was none"):
        loaded.task.verifier(loaded.task.train[0], Completion((1,), (0.0,), "1", "stop"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gpu!", "'gpu!' is not a device; use auto, cpu or cuda."),
        pytest.param(
            "cuda", "model.device is cuda, but torch sees no GPU; use auto or cpu.",
            marks=pytest.mark.skipif(GPU, reason="there is a GPU"),
        ),
    ],
)  # fmt: skip
def test_a_device_that_there_is_not_is_refused(name, says):
    with pytest.raises(ConfigError) as refused:
        device_of(name)
    assert str(refused.value) == says


def test_auto_is_a_gpu_where_there_is_one():
    assert device_of("cpu") == CPU
    assert device_of("auto") == torch.device("cuda" if GPU else "cpu")


def test_a_dtype_is_the_configs_or_the_best_of_the_device():
    assert dtype_of("bf16", CPU) == torch.bfloat16 and dtype_of("fp32", CPU) == torch.float32
    assert dtype_of("auto", CPU) in (torch.bfloat16, torch.float32)


def test_an_evaluation_samples_as_its_section_says():
    section = {"temperature": 0.7, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "max_tokens": 12}
    own = evaluation_sampling(config_of(evaluation=section, rollouts={"max_tokens": 4}))
    assert own == Sampling(12, 0.7, 0.9, 5, 0.1)
    like_training = config_of(evaluation={"max_tokens": None}, rollouts={"max_tokens": 4})
    assert evaluation_sampling(like_training).max_tokens == 4


def test_an_evaluation_at_temperature_0_is_refused():
    with pytest.raises(ConfigError, match="greedy accuracy is measured in any case"):
        evaluation_sampling(config_of(evaluation={"temperature": 0.0}))


def test_the_sandbox_is_found_in_any_part_of_a_reward():
    parts = Weighted((("form", Tags(), 0.1), ("program", PrintedAnswer(), 1.0)))
    assert sandbox_of(Made(verifier=parts).load()) == PrintedAnswer().running.sandbox.wall
    assert sandbox_of(Made(verifier=NumberIn("tag")).load()) is None


def test_an_adapter_that_does_not_fit_the_model_is_found_before_it_is_loaded(tmp_path):
    policy = adapted_policy()
    policy.save_adapter(tmp_path, "tiny")
    config = recipes.tiny().with_(lora={"start": str(tmp_path)})
    found = model_size_of(load(config))
    assert (found.adapted_layers, found.adapters) == (14, 8192)
    weights = tmp_path / "adapter_model.safetensors"
    tensors = load_file(weights)
    name = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"
    save_file({**tensors, name: torch.zeros(4, 128)}, weights)
    with pytest.raises(
        ConfigError, match=r"does not fit the model: .*up_proj.lora_A has the shape"
    ):
        check(config, timed=False)
    deeper = name.replace("layers.1", "layers.7")
    save_file({**tensors, deeper: torch.zeros(4, 64)}, weights)
    with pytest.raises(ConfigError, match=r"is for a layer 'model.layers.7.mlp.up_proj', which"):
        check(config, timed=False)


def test_layers_are_a_reward_models(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.layers is 1, but only a reward model can"):
        load(config_of(model={"layers": 1}))
    scores = config_of(model={"layers": 1}, objective=named.bradley_terry())
    size, whole = model_size_of(load(scores)), model_size_of(load(config_of()))
    # One of two layers of 36,864 weights and two norms of 64, and a head of 64 numbers.
    assert (size.layers, size.words) == (1, 1)
    assert whole.parameters - size.parameters == 36_864 + 2 * 64 - 64
    with pytest.raises(ConfigError, match="is 3, but the model has 2; set it between 1 and 2"):
        model_size_of(load(scores.with_(model={"layers": 3})))


def test_a_reward_model_cannot_answer(tmp_path):
    scorer_of("llama").save(tmp_path / "judge")
    config = config_of(model={"path": str(tmp_path / "judge")})
    with pytest.raises(ConfigError, match="is a reward model: it gives a score and cannot write"):
        load(config)
    assert load(config.with_(objective=named.bradley_terry())).source.path == config.model.path
