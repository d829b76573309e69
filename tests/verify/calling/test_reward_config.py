"""The section `rewards` of a config."""

import pytest

from paceline.errors import ConfigError
from paceline.verify.calling.reward_config import RewardConfig


def test_settings_have_to_make_sense():
    for wrong in ({"workers": -1}, {"seconds": 0}, {"on_error": "ignore"}):
        with pytest.raises(ConfigError):
            RewardConfig(**wrong)
