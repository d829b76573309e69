"""Configs: keys by path, as text, as TOML, as JSON."""

import json
from dataclasses import dataclass

import pytest

from paceline import config as configuration
from paceline import recipes
from paceline.config import Config, apply, from_json, keys, read_toml, to_json
from paceline.errors import ConfigError
from paceline.objective import KL, Objective, named
from paceline.tasks import Arithmetic, Rows


def test_with_changes_a_copy():
    start = recipes.tiny()
    changed = start.with_(steps=3, objective=named.gspo(), optimizer={"lr": 0.5}, **{"task.low": 2})
    assert (changed.steps, changed.optimizer.lr) == (3, 0.5)
    assert changed.objective == named.gspo()
    assert isinstance(changed.task, Arithmetic) and changed.task.low == 2
    assert start == recipes.tiny() and start.optimizer.clip == changed.optimizer.clip


def test_values_from_text_take_the_fields_type():
    changed = apply(
        recipes.tiny(),
        {
            "optimizer.lr": "1e-6", "steps": "7", "rollouts.mask_cut": "true", "out": "runs/x",
            "optimizer.decay": "cosine", "task.operators": "+ -", "evaluation.max_tokens": "none",
        },
    )  # fmt: skip
    assert changed.optimizer.lr == 1e-6 and changed.steps == 7 and changed.rollouts.mask_cut is True
    assert changed.optimizer.decay == "cosine" and changed.task.operators == ("+", "-")
    assert changed.evaluation.max_tokens is None and changed.out == "runs/x"


@pytest.mark.parametrize("text", ["+ -", "+,-", "+, -", "'+' '-'"])
def test_several_words_stand_with_spaces_or_commas(text):
    assert apply(recipes.tiny(), {"task.operators": text}).task.operators == ("+", "-")


def test_the_task_comes_first_whatever_the_order():
    changed = apply(recipes.tiny(), {"task.path": "rows.jsonl", "task": "rows"})
    assert changed.task == Rows(path="rows.jsonl")


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("optimizer.lrr", "1", r"no key 'optimizer.lrr'.* 'optimizer.lr'"),
        ("lr", "1", r"Did you mean 'optimizer.lr'"),
        ("max_tokens", "1", r"'rollouts.max_tokens' or 'evaluation.max_tokens'"),
        ("evaluation.completions", "0", "at least 1"),
        ("evaluation.problems", "-1", "not be negative"),
        ("optimizer.beta1", "1.5", "in .0, 1"),
        ("save_every", "-1", "at least 0"),
        ("optimizer.lr", "fast", "optimizer.lr takes a number, not 'fast'"),
        ("steps", "1.5", "steps takes a whole number"),
        ("optimizer.decay", "cos", "one of constant, linear, cosine"),
        ("rollouts.mask_cut", "maybe", "true or false"),
        ("objective", "grop", "Did you mean 'grpo'"),
        ("objective", "gspo(lo=1)", "no argument 'lo'.* 'low'"),
        ("objective", "gspo(__import__('os'))", "is no objective"),
        ("task", "arithmetics", "Did you mean 'arithmetic'"),
        ("steps", "-1", "at least 0"),
        ("rollouts.temperature", "0", "above 0"),
        ("schedule.minibatches", "9", "only 8 problems"),
    ],
)
def test_what_is_wrong_is_one_sentence(key, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        apply(recipes.tiny(), {key: text})


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
        ("grpo(low='a')", "of another type than it takes"),
        ("grpo(low=x)", "'x' in .* is no value; write a number"),
        ("grpo(kl=K1(0.1))", r"'K1\(0.1\)' in .* is no value"),
    ],
)
def test_what_is_wrong_within_an_objective_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        apply(recipes.tiny(), {"objective": text})


def test_a_kl_that_an_earlier_version_recorded_is_the_unweighted_one():
    start = recipes.tiny().with_(objective=named.grpo(kl=0.1))
    recorded = json.loads(json.dumps(to_json(start)))
    del recorded["objective"]["kl"]["weighted"]
    assert from_json(recorded) == start


def test_every_key_has_help_and_can_be_set_to_its_own_value():
    for name in recipes.NAMES:
        start = recipes.by_name(name)
        for key in keys(start):
            assert key.help, f"{key.path} has no help"
            if key.path in ("task", "objective") or isinstance(key.value, tuple):
                continue
            assert apply(start, {key.path: str(key.value)}) == start, key.path


@dataclass(frozen=True)
class Own:
    """A user's own part."""

    scale: float = 2.0

    def __call__(self, round):
        return self.scale * named.grpo().advantage(round)


@pytest.mark.parametrize("name", sorted(named.NAMES))
def test_json_brings_back_an_equal_config(name):
    start = recipes.tiny().with_(objective=named.by_name(name), **{"task.operators": ("+", "*")})
    assert from_json(json.loads(json.dumps(to_json(start)))) == start


def test_json_keeps_kl_corrections_and_a_users_own_parts():
    from paceline.objective import Truncate

    objective = Objective(advantage=Own(3.0), kl=KL(0.1, "k2"), correction=Truncate(2.0))
    data = to_json(recipes.tiny().with_(objective=objective))
    back = from_json(json.loads(json.dumps(data))).objective
    assert back.kl == objective.kl and back.correction == objective.correction
    # Under pytest this file may be loaded twice, under two names: compare what it says.
    assert repr(back.advantage) == repr(objective.advantage)


def test_json_with_an_unknown_key_or_part_is_refused():
    data = to_json(recipes.tiny())
    with pytest.raises(ConfigError, match=r"stepps.*'steps'"):
        from_json({**data, "stepps": 3})
    data["objective"]["advantage"]["type"] = "NoSuchAdvantage"
    with pytest.raises(ConfigError, match="NoSuchAdvantage"):
        from_json(data)


def test_what_cannot_be_recorded_is_told():
    start = recipes.tiny().with_(objective=Objective(advantage=lambda round: None))
    with pytest.raises(ConfigError, match="frozen dataclass"):
        to_json(start)
    with pytest.raises(ConfigError, match=r"paceline\.gspo"):
        recipes.tiny().with_(objective="gspo")


def test_toml_names_a_recipe_and_changes_keys(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'recipe = "demo"\nsteps = 5\n[optimizer]\nlr = 1e-6\n[task]\noperators = ["+", "-"]\n'
    )
    recipe, changes = read_toml(path)
    made = apply(recipes.by_name(recipe), changes)
    assert recipe == "demo" and made.steps == 5 and made.optimizer.lr == 1e-6
    assert made.task.operators == ("+", "-")
    path.write_text('recipe = "tiny"\n[task]\ntype = "rows"\npath = "my rows.jsonl"\n')
    task = apply(recipes.tiny(), read_toml(path)[1]).task
    assert isinstance(task, Rows) and task.path == "my rows.jsonl"
    path.write_text("steps = 5")
    with pytest.raises(ConfigError, match="names no recipe"):
        read_toml(path)
    path.write_text("steps = = 5")
    with pytest.raises(ConfigError, match="no TOML file"):
        read_toml(path)


def test_type_names_in_words():
    assert configuration.type_name(int | None) == "a whole number or none"
    assert isinstance(recipes.demo(), Config)
