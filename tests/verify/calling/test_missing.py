"""A reward that only another Python session has."""

import pytest

from paceline.errors import ConfigError
from paceline.verify.calling.missing import NotHere
from paceline.verify.calling.verifier import check_verifier
from tests.helpers.verdicts import PROBLEM, completion


def test_it_can_be_held_and_neither_checked_nor_asked():
    reward = NotHere("mine")
    with pytest.raises(ConfigError, match=r"'mine' was written in a Python session"):
        check_verifier(reward)
    with pytest.raises(ConfigError, match=r"'mine' was written in a Python session"):
        reward(PROBLEM, completion("42"))
