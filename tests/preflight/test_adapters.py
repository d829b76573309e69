"""Settings of adapters that are likely to be mistakes."""

from dataclasses import replace

import pytest

from paceline import recipes
from paceline.preflight.adapters import remarks
from paceline.preflight.load import load
from tests.helpers.adapters import adapted_policy


def remarks_on(**changes):
    return remarks(load(recipes.tiny().with_(**changes)))


def test_a_learning_rate_of_full_weights_is_told_and_not_changed():
    (said,) = remarks_on(lora={"rank": 16}, optimizer={"lr": 1e-6})
    assert said.startswith("optimizer.lr is 1e-06, a rate for all weights; adapters take about 10")
    assert "(scale 2 here): try optimizer.lr=1e-05 or more" in said
    assert not remarks_on(lora={"rank": 16}, optimizer={"lr": 1e-4})
    assert not remarks_on(lora={"rank": 16}, optimizer={"lr": 0.0})  # nothing is to be learned
    assert not remarks_on(optimizer={"lr": 1e-6})


def test_the_rate_of_a_recipe_for_all_weights_is_told_where_it_was_left_as_it_is():
    demo = recipes.demo().with_(model={"path": "tiny"}, lora={"rank": 16})
    (said,) = remarks(load(demo))
    assert said.startswith("optimizer.lr is 1.5e-05, a rate for all weights")
    assert said.endswith("try optimizer.lr=0.00015 or more.")
    assert not remarks(load(demo.with_(optimizer={"lr": 1.5e-4})))
    assert not remarks(load(demo.with_(name="mine")))  # nobody knows what it was made for
    assert not remarks_on(lora={"rank": 16})  # the tiny model's rate is high for anything


@pytest.mark.parametrize("key", [{"alpha": 16.0}, {"stabilised": True}, {"layers": "q_proj"}])
def test_settings_of_adapters_that_none_are_trained_with_are_told(key):
    (said,) = remarks_on(lora=key)
    assert said.startswith(f"lora.{next(iter(key))} is set, but lora.rank is 0, so all weights")
    assert not remarks_on(lora={"rank": 4, **key})


def test_an_adapter_that_was_made_for_another_model_is_told(tmp_path):
    policy = adapted_policy()
    policy.save_adapter(tmp_path / "a", "org/other")
    (said,) = remarks_on(lora={"start": str(tmp_path / "a")})
    assert f"at '{tmp_path / 'a'}' says that it was made for 'org/other', and the model" in said
    policy.save_adapter(tmp_path / "b", "tiny")
    assert not remarks_on(lora={"start": str(tmp_path / "b")})


def test_products_one_after_the_other_are_told():
    (said,) = remarks_on(lora={"rank": 4, "merge": "no"})
    assert said.startswith("weights and adapters are multiplied one after the other: sampling is")
    assert not remarks_on(lora={"rank": 4, "merge": "yes"}) and not remarks_on(lora={"merge": "no"})
    decided = load(recipes.tiny().with_(lora={"rank": 4}))
    (said,) = remarks(replace(decided, lora=replace(decided.lora, merge="no")))
    assert "the other, because memory has no room for both: sampling" in said
