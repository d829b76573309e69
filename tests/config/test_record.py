"""Configs as records: changes by path, and values that are refused."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from paceline import recipes
from paceline.config import Config, apply, keys, to_json
from paceline.errors import ConfigError
from paceline.objective import Objective, named
from paceline.tasks import Arithmetic


@dataclass(frozen=True)
class Own:
    """A user's own part."""

    scale: float = 2.0

    def __call__(self, round):
        return self.scale * named.grpo().advantage(round)


def test_with_changes_a_copy():
    start = recipes.tiny()
    changed = start.with_(steps=3, objective=named.gspo(), optimizer={"lr": 0.5}, **{"task.low": 2})
    assert (changed.steps, changed.optimizer.lr) == (3, 0.5)
    assert changed.objective == named.gspo()
    assert isinstance(changed.task, Arithmetic) and changed.task.low == 2
    assert start == recipes.tiny() and start.optimizer.clip == changed.optimizer.clip


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("optimizer.lrr", "1", r"no key 'optimizer.lrr'.* 'optimizer.lr'"),
        ("lr", "1", r"Did you mean 'optimizer.lr'"),
        ("max_tokens", "1", r"'rollouts.max_tokens' or 'evaluation.max_tokens'"),
        ("evaluation.completions", "0", r"^evaluation\.completions is 0; it must be at least 1\.$"),
        ("evaluation.problems", "-1", r"^evaluation\.problems is -1; it must not be negative\.$"),
        ("evaluation.max_tokens", "0", r"^evaluation\.max_tokens is 0; .* at least 1, or none\.$"),
        ("reference.alpha", "0", r"^reference\.alpha is 0\.?0?; it must be in \(0, 1\]\.$"),
        ("optimizer.beta1", "1.5", r"^optimizer\.beta1 is 1\.5; it must be in \[0, 1\)\.$"),
        ("rewards.seconds", "0", r"^rewards\.seconds is 0\.?0?; it must be above 0\.$"),
        ("save_every", "-1", "at least 0"),
        ("optimizer.lr", "fast", "optimizer.lr takes a number, not 'fast'"),
        ("steps", "1.5", "steps takes a whole number"),
        ("optimizer.decay", "cos", "one of constant, linear, cosine"),
        ("rollouts.mask_cut", "maybe", "true or false"),
        ("objective", "grop", "Did you mean 'grpo'"),
        ("objective", "gspo(lo=1)", "no argument 'lo'.* 'low'"),
        ("objective", "gspo(__import__('os'))", "is not an objective"),
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
