"""Engines by name."""

import pytest

from paceline.engine import LocalEngine, make_engine
from paceline.errors import ConfigError


def test_an_engine_by_its_name(policy):
    engine = make_engine("local", policy, rows_at_once=3)
    assert isinstance(engine, LocalEngine) and engine.rows_at_once == 3


def test_an_unknown_name_is_told_with_those_that_there_are(policy):
    with pytest.raises(ConfigError, match=r"There is no engine 'vlm'; take one of: local\."):
        make_engine("vlm", policy)
