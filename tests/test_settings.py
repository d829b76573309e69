"""Settings as records."""

import pytest

from paceline.errors import ConfigError
from paceline.settings import (
    CriticConfig,
    OptimizerConfig,
    RolloutConfig,
    Sampling,
    ScheduleConfig,
)


def test_a_section_that_is_made_by_itself_is_held_to_its_types_too():
    with pytest.raises(ConfigError, match=r"^optimizer\.lr takes a number, not 'fast'\.$"):
        OptimizerConfig(lr="fast")
    with pytest.raises(ConfigError, match=r"^max_tokens takes a whole number, not 1\.5\.$"):
        Sampling(max_tokens=1.5)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"problems": 0}, "at least 1"),
        ({"completions": 0}, "at least 1"),
        ({"temperature": 0.0}, "above 0"),
        ({"temperature": -1.0}, "above 0"),
    ],
)
def test_rollouts_refuse(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        RolloutConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"body": "both"}, r"^critic\.body takes one of shared, own, not 'both'\.$"),
        ({"layers": 0}, r"^critic\.layers is 0; it must be at least 1\.$"),
        ({"lr": 0.0}, r"^critic\.lr is 0\.0; it must be above 0\.$"),
        ({"head_lr": -1.0}, r"^critic\.head_lr is -1\.0; it must be above 0\.$"),
        ({"coef": -0.1}, r"^critic\.coef is -0\.1; it must not be negative\.$"),
        ({"lam": 1.1}, r"^critic\.lam is 1\.1; it must be in \[0, 1\]\.$"),
        ({"clip": 0.0}, r"^critic\.clip is 0\.0; it must be above 0\.$"),
        ({"warmup": -1}, r"^critic\.warmup is -1; it must not be negative\.$"),
    ],
)
def test_a_critic_refuses(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        CriticConfig(**settings)


def test_training_has_no_way_to_cut_the_support():
    # top-p, top-k and min-p are settings of evaluation alone: what a round samples with is always
    # full.
    assert RolloutConfig(temperature=0.7).sampling.full_support
    assert not {"top_p", "top_k", "min_p"} & set(RolloutConfig.__dataclass_fields__)


def test_sampling_refuses_what_makes_no_sense():
    for wrong in (
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"min_p": 2.0},
        {"top_k": -1},
        {"temperature": -1},
    ):
        with pytest.raises(ConfigError):
            Sampling(5, **wrong)
    with pytest.raises(ConfigError, match="at least 1"):
        Sampling(0)


def test_parts_are_minibatches_times_epochs():
    assert ScheduleConfig(minibatches=4, epochs=2).parts == 8
    with pytest.raises(ConfigError):
        ScheduleConfig(minibatches=0)
