"""Recipes by name."""

import pytest

from paceline import recipes
from paceline.config import Config
from paceline.errors import ConfigError


def test_every_recipe_says_what_it_is():
    for name, recipe in recipes.NAMES.items():
        config = recipe()
        assert isinstance(config, Config) and config.name == name and recipe.__doc__


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean 'gsm8k'"):
        recipes.by_name("gsm8")
