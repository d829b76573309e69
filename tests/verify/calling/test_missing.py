"""Rewards that are not there."""

import pytest

from paceline.errors import ConfigError
from paceline.verify.calling.missing import NotHere, Unjudged
from paceline.verify.calling.verifier import check_verifier
from tests.helpers.verdicts import PROBLEM, completion


def test_it_can_be_held_and_neither_checked_nor_asked():
    reward = NotHere("mine")
    with pytest.raises(ConfigError, match=r"'mine' was written in a Python session"):
        check_verifier(reward)
    with pytest.raises(ConfigError, match=r"'mine' was written in a Python session"):
        reward(PROBLEM, completion("42"))


def test_rows_without_a_reward_are_told_when_somebody_asks_for_one():
    for reward, said in (
        (
            Unjudged(),
            r"name one with task\.reward and task\.answer, or learn from the rows themselv",
        ),
        (
            Unjudged(option=False),
            r"nothing that is sampled can be judged; learn from the rows thems",
        ),
    ):
        with pytest.raises(ConfigError, match=said):
            check_verifier(reward)
        with pytest.raises(ConfigError, match=said):
            reward(PROBLEM, completion("42"))
