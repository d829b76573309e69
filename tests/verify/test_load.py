"""Functions from a user's file."""

import sys
from pathlib import Path

import pytest

from paceline.errors import ConfigError
from paceline.verify import load_function


@pytest.fixture
def rewards(tmp_path: Path) -> Path:
    (tmp_path / "my_helper_of_rewards.py").write_text("BONUS = 0.25\n")
    path = tmp_path / "rewards.py"
    path.write_text(
        "from dataclasses import dataclass\n"
        "from my_helper_of_rewards import BONUS\n"
        "LIMIT = 3\n"
        "@dataclass(frozen=True)\n"
        "class Own:\n"
        "    weight: float = 1.0\n"
        "def length_reward(problem, completion):\n"
        "    return BONUS\n"
    )
    return path


def test_a_function_of_a_file_is_loaded_with_its_neighbours(rewards: Path) -> None:
    before = list(sys.path)
    function = load_function(f"{rewards}:length_reward")
    assert function(None, None) == 0.25
    assert sys.path[: len(before)] == before  # The folder is last, and hides no package.


def test_a_function_of_a_package_is_loaded() -> None:
    import textwrap

    assert load_function("textwrap:dedent") is textwrap.dedent


@pytest.mark.parametrize("reference", ["rewards.py", "", ":name", "rewards.py:"])
def test_a_reference_needs_a_place_and_a_name(reference: str) -> None:
    with pytest.raises(ConfigError, match=r"names no function; write path/to/file\.py:name"):
        load_function(reference)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The file '.*/nothing\.py' does not exist"):
        load_function(f"{tmp_path}/nothing.py:name")


def test_a_missing_name_brings_the_nearest(rewards: Path) -> None:
    with pytest.raises(ConfigError, match=r"no function 'lenght_reward'\. Did you mean 'length_re"):
        load_function(f"{rewards}:lenght_reward")


def test_what_is_no_function_is_refused(rewards: Path) -> None:
    with pytest.raises(ConfigError, match=r"'LIMIT' in .* is no function but of type int"):
        load_function(f"{rewards}:LIMIT")


def test_a_file_that_fails_to_load_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    with pytest.raises(ConfigError, match="raised SyntaxError: invalid syntax") as failed:
        load_function(f"{tmp_path}/broken.py:f")
    assert isinstance(failed.value.__cause__, SyntaxError)
    with pytest.raises(ConfigError, match="Importing 'no_such_package' raised ModuleNotFound"):
        load_function("no_such_package:f")


def test_what_a_users_file_says_itself_is_told_as_it_is(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from paceline.model.reward_model import RewardModel\nreward = RewardModel('./gone')\n"
    )
    with pytest.raises(ConfigError, match=r"^There is no model folder at './gone'"):
        load_function(f"{tmp_path / 'mine.py'}:reward")
