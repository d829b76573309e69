"""The config section `critic`: keys without effect, warm-ups without end, models of other words."""

import pytest
import torch

from paceline import recipes
from paceline.errors import ConfigError
from paceline.model import critic_of
from paceline.objective import named
from paceline.preflight.critic import check_critic, critic_size
from paceline.preflight.load import load, model_size_of
from paceline.preflight.preflight import check
from tests.helpers.policies import tiny_policy
from tests.helpers.work import LAYER, TINY


def config_of(objective="ppo", **critic):
    made = named.by_name(objective)
    return recipes.tiny().with_(objective=made, critic=critic, evaluation={"problems": 0})


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (config_of("grpo", coef=0.5), r"^critic\.coef is 0\.5, but Obj.* has no critic; leave"),
        (config_of("grpo", body="own"), r"^critic\.body is own, but .* such as ppo\.$"),
        (config_of(layers=1), r"^critic\.layers is 1, but it is for critic\.body=own alone; set"),
        (config_of(path="x"), r"^critic\.path is x, but it is for critic\.body=own alone"),
        (config_of(lr=1e-3), r"^critic\.lr is 0\.001, but it is for critic\.body=own alone"),
        (config_of(body="own", coef=0.5), r"^critic\.coef is 0\.5, .* critic\.body=shared alone"),
        (config_of(warmup=60), r"^critic\.warmup is 60, and its rounds take all 60 steps"),
        (config_of().with_(answers="given"), r"leave answers=given out, or take objective=sft\.$"),
    ],
)  # fmt: skip
def test_what_would_change_nothing_is_one_sentence(config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_critic(config)


@pytest.mark.parametrize(
    "config",
    [
        config_of("grpo"),
        config_of(coef=0.0, head_lr=1e-3, lam=0.9, clip=0.2, warmup=59),
        config_of("a2c", body="own", layers=1, lr=1e-3, head_lr=1e-2),
    ],
)
def test_what_changes_something_is_taken(config):
    check_critic(config)


def test_the_whole_check_refuses_it_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr("paceline.preflight.preflight.load", lambda _: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match=r"critic\.coef"):
        check(config_of("grpo", coef=0.5))


def test_more_layers_than_there_are_and_other_words_are_told_before_the_model_is_loaded(tmp_path):
    with pytest.raises(ConfigError, match=r"is 3, but the model has 2; set it between 1 and 2"):
        check(config_of(body="own", layers=3), timed=False)
    critic = critic_of(tiny_policy())
    critic.save(tmp_path / "own")
    check(config_of(body="own", path=str(tmp_path / "own")), timed=False)
    critic.tokenizer.add_tokens(["paceline"])
    critic.save(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"critic\.path is .* other tokens than that of 'tiny'"):
        check(config_of(body="own", path=str(tmp_path / "other")), timed=False)


def test_the_size_of_a_critic_is_that_of_its_body_and_a_head_of_one_number(tmp_path):
    def size(**critic):
        loaded = load(config_of(**critic))
        return critic_size(loaded, model_size_of(loaded))

    assert size() is None and size(head_lr=1e-3) is None
    # The output layer of the tiny model is its embedding.
    assert size(body="own").parameters == TINY + 64
    assert size(body="own", layers=1).parameters == TINY + 64 - (LAYER + 2 * 64)
    made = critic_of(tiny_policy(), layers=1)
    assert size(body="own", layers=1).trained == sum(p.numel() for p in made.trained().values())
    made.save(tmp_path)
    assert size(body="own", path=str(tmp_path)).parameters == TINY + 64 - (LAYER + 2 * 64)
    assert critic_size(load(config_of("grpo")), size(body="own")) is None
    assert torch.float32 == load(config_of()).dtype
