"""Configs as JSON, and back."""

import json
from dataclasses import dataclass

import pytest

from paceline import recipes
from paceline.config import as_typed, from_json, renewed, to_json
from paceline.errors import ConfigError
from paceline.objective import KL, Objective, named
from paceline.tasks import Rows
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


@dataclass(frozen=True)
class Own:
    """A user's own part."""

    scale: float = 2.0

    def __call__(self, round):
        return self.scale * named.grpo().advantage(round)


def test_a_kl_that_an_earlier_version_recorded_is_the_unweighted_one():
    start = recipes.tiny().with_(objective=named.grpo(kl=0.1))
    recorded = json.loads(json.dumps(to_json(start)))
    del recorded["objective"]["kl"]["weighted"]
    assert from_json(recorded) == start


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


def test_a_value_is_typed_as_the_command_line_takes_it():
    assert as_typed("objective", to_json(named.gspo())) == "gspo"
    assert as_typed("task.type", "MultipleChoice") == "multiple_choice"
    assert as_typed("task.type", "mine.py:Own") == "…"
    assert as_typed("evaluation.max_tokens", None) == "none"
    assert as_typed("task.operators", ["+", "*"]) == "+,*"
