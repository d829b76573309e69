"""The config section `reference`: a teacher that is needed, read, and of the same tokens."""

import pytest

from paceline import recipes
from paceline.errors import ConfigError
from paceline.objective import Sum, Teacher, ZScore, named
from paceline.preflight.load import load
from paceline.preflight.preflight import check
from paceline.preflight.reference import check_reference, teacher_size
from tests.helpers.policies import tiny_policy
from tests.helpers.work import TINY


def config_of(objective, **reference):
    return recipes.tiny().with_(
        objective=objective, reference=reference, evaluation={"problems": 0}
    )


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (config_of(named.distil()), r"^Teacher\(\) learns from another model; name it, such as "),
        (
            config_of(named.Objective(advantage=Sum(Teacher(), ZScore()))),
            r"^Sum\(.*\) learns from another model; name it",
        ),
        (config_of(named.grpo(), path="tiny"), r"^reference\.path is 'tiny', but .* no reference"),
        (config_of(named.sft(), path="tiny"), r"^reference\.path is 'tiny', but .* no reference"),
    ],
)
def test_a_teacher_that_is_missing_or_not_read_is_one_sentence(config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        check_reference(config)


@pytest.mark.parametrize(
    "config",
    [
        config_of(named.distil(), path="tiny"),
        config_of(named.grpo(kl=0.04), path="tiny"),
        config_of(named.dpo(), path="tiny"),
        config_of(named.grpo(kl=0.04)),
        config_of(named.grpo()),
    ],
)
def test_what_changes_something_is_taken(config):
    check_reference(config)


def test_the_whole_check_refuses_it_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr("paceline.preflight.preflight.load", lambda _: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match="learns from another model"):
        check(config_of(named.distil()))


def test_a_teacher_of_other_tokens_is_told_before_the_model_is_loaded(tmp_path):
    teacher = tiny_policy()
    teacher.save(tmp_path / "own")
    found = check(config_of(named.distil(), path=str(tmp_path / "own")), timed=False)
    assert found.estimate.memory.reference == 4 * TINY
    teacher.tokenizer.add_tokens(["paceline"])
    teacher.save(tmp_path / "other")
    with pytest.raises(
        ConfigError, match=r"reference\.path is .* other tokens than that of 'tiny'"
    ):
        check(config_of(named.distil(), path=str(tmp_path / "other")), timed=False)


def test_the_size_of_a_teacher_is_that_of_its_file():
    assert teacher_size(load(config_of(named.grpo(kl=0.04)))) is None
    taught = teacher_size(load(config_of(named.distil(), path="tiny")))
    assert taught is not None and (taught.parameters, taught.adapters) == (TINY, 0)
