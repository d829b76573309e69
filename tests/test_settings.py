"""Settings as records."""

import pytest

from paceline.errors import ConfigError
from paceline.settings import OptimizerConfig, Sampling


def test_a_section_that_is_made_by_itself_is_held_to_its_types_too():
    with pytest.raises(ConfigError, match=r"^optimizer\.lr takes a number, not 'fast'\.$"):
        OptimizerConfig(lr="fast")
    with pytest.raises(ConfigError, match=r"^max_tokens takes a whole number, not 1\.5\.$"):
        Sampling(max_tokens=1.5)
