"""docs/rewards.md says what is: every class can be imported, every signature is known."""

import re

import pytest

import paceline.verify
from paceline.errors import ConfigError
from paceline.tasks import REWARDS
from paceline.types import BatchVerifier, Verifier
from paceline.verify import adapt
from paceline.verify.calling.signatures import SIGNATURES
from tests.helpers.markdown import Page

TEXT = Page.of("docs/rewards.md").text
THERE = TEXT.partition("## What there is")[2].partition("**reward model**")[0]


def test_every_class_comes_from_where_the_page_says():
    named = set(re.findall(r"`([A-Z][a-z]+[A-Za-z]*)`", THERE))
    assert len(named) == 18 and "from `paceline.verify`" in THERE
    for name in named:
        kind = getattr(paceline.verify, name)
        assert isinstance(kind, type) and issubclass(kind, Verifier | BatchVerifier), name
        assert name in paceline.verify.__all__


def test_every_reward_by_name_is_listed():
    rows = re.findall(r"^\| (`[a-z][^|]*) \|", THERE, re.M)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    sets = set(re.findall(r"`(\w+)`", TEXT.partition("Sets that people know")[2].split("\n\n")[0]))
    assert listed | (sets - {"verify"}) == set(REWARDS)


def test_every_signature_is_in_the_table():
    shown = re.findall(r"^\| `(\(.*?\))", TEXT, re.M)
    assert shown == list(SIGNATURES)


def test_what_the_page_says_of_names():
    assert adapt(lambda completion, problem: 1.0)
    with pytest.raises(ConfigError):
        adapt(lambda completion, answer: 1.0)
    assert adapt(lambda solution_str, ground_truth, method="strict": 1.0)


def test_the_functions_of_the_page_are_rewards():
    for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S):
        if "def reward" in block:
            found: dict = {"__name__": "mine"}
            exec(block, found)
            assert adapt(found["reward"]) is found["reward"]
