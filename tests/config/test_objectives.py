"""Objectives as text."""

import json

import pytest

from paceline import recipes
from paceline.config import apply, from_json, to_json
from paceline.errors import ConfigError
from paceline.objective import KL, named


def test_objectives_take_their_arguments_from_text():
    changed = apply(recipes.tiny(), {"objective": "gspo(low=1e-3, kl=0.01)"})
    assert changed.objective == named.gspo(low=1e-3, kl=0.01)


@pytest.mark.parametrize("said", ["True", "true"])
def test_the_kl_of_an_objective_may_be_a_value_in_text(said):
    changed = apply(recipes.tiny(), {"objective": f"grpo(high=0.28, kl=KL(0.04, weighted={said}))"})
    assert changed.objective == named.grpo(high=0.28, kl=KL(0.04, weighted=True))
    reward = apply(recipes.tiny(), {"objective": 'grpo(kl=KL(0.1, "k1", "reward"))'}).objective
    assert reward.kl == KL(0.1, "k1", "reward") == named.rloo(kl=0.1).kl
    assert from_json(json.loads(json.dumps(to_json(changed)))) == changed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("grpo(kl=0.04, weighted=True)", r"belongs to the penalty: grpo\(kl=KL\(0.04, weighted=…"),
        ("grpo(kl=KL(0.04, weigthed=True))", "KL has no argument .* Did you mean 'weighted'"),
        ("grpo(kl=KL(0.04, 'k2', weighted=True))", "takes the form k3"),
        ("grpo(kl=KL())", "too few arguments"),
        ("grpo(low='a')", "of the wrong type"),
        ("grpo(low=x)", "'x' in .* is not a value; write a number"),
        ("grpo(kl=K1(0.1))", r"'K1\(0.1\)' in .* is not a value"),
    ],
)
def test_what_is_wrong_within_an_objective_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        apply(recipes.tiny(), {"objective": text})
