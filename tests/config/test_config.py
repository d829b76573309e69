"""Configs: keys by path, as text, as TOML, as JSON."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from paceline import recipes
from paceline.config import Config, apply, from_json, keys, read_toml, renewed, to_json
from paceline.errors import ConfigError
from paceline.objective import KL, Objective, named
from paceline.settings import OptimizerConfig, Sampling
from paceline.tasks import Arithmetic, Rows
from paceline.verify import (
    Asserts,
    Cases,
    Choice,
    ExactAnswer,
    LastNumber,
    LengthTarget,
    NumberIn,
    NumberPrinted,
    Overlong,
    PrintedAnswer,
    Product,
    ProgramFailed,
    Repetition,
    SymbolicAnswer,
    TagCount,
    Tags,
    Weighted,
)  # fmt: skip


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
        ("seed", "99999999999999999999", r"^seed is 99999999999999999999; it takes a number below"),
        ("task.low", "99999999999999999999", r"^task\.low is 9+; it takes a number below 2\^63\.$"),
    ],
)
def test_what_is_wrong_is_one_sentence(key, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        apply(recipes.tiny(), {key: text})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_no_number_may_be_none(text):
    """Of a sweep that divided by 0: every key that takes a number, here of all recipes."""
    tried = 0
    for start in map(recipes.by_name, recipes.NAMES):
        for key in keys(start):
            if key.annotation is float:
                tried += 1
                with pytest.raises(ConfigError, match=rf"{key.path}|{key.path.partition('.')[0]}"):
                    apply(start, {key.path: text})
    assert tried > 20


def test_numbers_of_numpy_are_numbers():
    start = recipes.tiny().with_(**{"optimizer.lr": np.float32(0.5), "steps": np.int64(3)})
    data = json.loads(json.dumps(to_json(start)))
    assert data["optimizer"]["lr"] == 0.5 and repr(data["steps"]) == "3"
    with pytest.raises(ConfigError, match=r"^optimizer\.lr is nan; it takes a finite number\.$"):
        start.with_(**{"optimizer.lr": np.float32("nan")})
    with pytest.raises(ConfigError, match=r"^objective\.advantage\.scale is inf; it takes"):
        start.with_(objective=Objective(advantage=Own(math.inf)))


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


def reward_of_here(problem, completion):
    return 1.0


def columns_of_here(completions, **columns):
    return [1.0]


def with_reward(reward):
    return recipes.tiny().with_(task=Rows("rows.jsonl", reward=reward))


def kept(reward):
    return json.loads(json.dumps(to_json(with_reward(reward))))["task"]["reward"]


def test_a_function_as_a_reward_is_kept_by_the_name_that_a_command_line_takes():
    assert kept(reward_of_here) == f"{__name__}:reward_of_here"
    assert kept("mine.py:reward") == "mine.py:reward" and kept("exact") == "exact"


@pytest.mark.parametrize(
    "reward",
    [
        LastNumber(True), NumberIn("tag", units=("cm",)), ExactAnswer(), SymbolicAnswer("boxed"),
        Choice("tag"), PrintedAnswer(last_line=True), Cases(strict=False), Asserts(), Tags(),
        TagCount(("a", "b")), Overlong(512, 128), LengthTarget(50), Repetition(), NumberPrinted(),
        ProgramFailed(), Weighted((("a", LastNumber(), 1.0), ("b", Tags(), 0.2)), answer="a"),
        Product((("a", LastNumber()),)), Tags(strict=True) & NumberIn("tag"),
    ],
)  # fmt: skip
def test_our_own_verifiers_as_rewards_are_kept_as_they_are(reward):
    made = with_reward(reward)
    assert from_json(json.loads(json.dumps(to_json(made)))) == made


def test_a_verifier_is_named_without_its_file_and_read_with_one_too():
    reward = Weighted((("a", PrintedAnswer(), 1.0), ("b", SymbolicAnswer("tag"), 0.5)))
    today = json.dumps(to_json(with_reward(reward)))
    assert kept(reward)["type"] == "paceline.verify:Weighted"
    # As runs have it that began when verify/ had one folder.
    files = {
        "Weighted": "compose", "PrintedAnswer": "code", "SymbolicAnswer": "symbolic",
        "Running": "program", "Sandbox": "sandbox.sandbox",
    }  # fmt: skip
    old = today
    for name, file in files.items():
        old = old.replace(f"paceline.verify:{name}", f"paceline.verify.{file}:{name}")
    assert "paceline.verify:" not in old
    assert from_json(json.loads(old)) == with_reward(reward)
    assert renewed(json.loads(old), json.loads(today)) == json.loads(today), "a run goes on with it"
    with pytest.raises(ConfigError, match="verify:Gone', which this version"):
        from_json(json.loads(today.replace("verify:Weighted", "verify:Gone")))


def test_functions_in_a_sum_are_kept_by_their_names():
    reward = Weighted((("a", reward_of_here, 1.0), ("b", columns_of_here, 0.5)))
    (_, first, _), (_, second, _) = kept(reward)["parts"]
    assert first == {"function": f"{__name__}:reward_of_here"}
    assert second == {"function": f"{__name__}:columns_of_here"}
    assert to_json(from_json(to_json(with_reward(reward)))) == to_json(with_reward(reward))


def test_a_reward_that_no_file_holds_is_kept_as_one_of_the_session():
    def within(problem, completion):
        return 1.0

    assert kept(within) == "<python>:within"
    assert kept(lambda problem, completion: 1.0) == "<python>:<lambda>"
    assert kept(Weighted((("a", within, 1.0),))) == "<python>:Weighted"
    back = from_json(to_json(with_reward(within)))
    assert back.task.reward == "<python>:within"


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": "3"}, "steps takes a whole number, not '3'."),
        ({"steps": 2.5}, "steps takes a whole number, not 2.5."),
        ({"steps": True}, "steps takes a whole number, not True."),
        ({"name": None}, "name takes text, not None."),
        ({"out": Path("runs")}, f"out takes text or none, not {Path('runs')!r}."),
        ({"optimizer": {"lr": "1e-6"}}, "optimizer.lr takes a number, not '1e-6'."),
        ({"optimizer.decay": "slow"},
         "optimizer.decay takes one of constant, linear, cosine, not 'slow'."),
        ({"rollouts.mask_cut": 1}, "rollouts.mask_cut takes true or false, not 1."),
        ({"schedule.epochs": None}, "schedule.epochs takes a whole number, not None."),
        ({"reference.every": "2"}, "reference.every takes a whole number, not '2'."),
        ({"evaluation.max_tokens": "8"},
         "evaluation.max_tokens takes a whole number or none, not '8'."),
        ({"rewards.workers": 1.5}, "rewards.workers takes a whole number, not 1.5."),
        ({"model": "gpt2"}, "model takes ModelConfig(…), not 'gpt2'."),
        ({"model.path": 7}, "model.path takes text, not 7."),
        ({"task.low": "3"}, "task.low takes a whole number, not '3'."),
        ({"task.operators": "+"}, "task.operators takes a tuple of text, not '+'."),
    ],
)  # fmt: skip
def test_a_value_of_another_type_from_python_is_one_sentence(changes, message):
    with pytest.raises(ConfigError) as refused:
        recipes.tiny().with_(**changes)
    assert str(refused.value) == message


@pytest.mark.parametrize("name", recipes.NAMES)
def test_every_default_is_of_its_type(name):
    assert isinstance(recipes.by_name(name), Config)


def test_a_section_that_is_made_by_itself_is_held_to_its_types_too():
    with pytest.raises(ConfigError, match=r"^optimizer\.lr takes a number, not 'fast'\.$"):
        OptimizerConfig(lr="fast")
    with pytest.raises(ConfigError, match=r"^max_tokens takes a whole number, not 1\.5\.$"):
        Sampling(max_tokens=1.5)
