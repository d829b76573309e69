"""A line of stages, and the ways to go on from them."""

import pytest

from paceline import recipes
from paceline.config import Line
from paceline.errors import ConfigError

TINY = recipes.tiny()


def test_each_stage_needs_a_directory_of_its_own():
    made = Line("mine", (TINY.with_(out="a"), TINY.with_(out="b")), {"one": TINY})
    assert [stage.out for stage in made.stages] == ["a", "b"]
    for stages in ((TINY,), (TINY.with_(out="a"), TINY.with_(out="a"))):
        with pytest.raises(ConfigError, match=r"^The stage 'tiny' of the line 'mine' needs a dir"):
            Line("mine", stages, {"one": TINY})
