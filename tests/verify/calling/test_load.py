"""Functions from a user's file."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from paceline.errors import ConfigError
from paceline.verify import load_function
from paceline.verify.calling.load import loading, reference_of, refuse_while_loading


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
    with pytest.raises(ConfigError, match=r"does not name a function; write path/to/file\.py:name"):
        load_function(reference)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file '.*/nothing\.py'; give"):
        load_function(f"{tmp_path}/nothing.py:name")


def test_a_missing_name_brings_the_nearest(rewards: Path) -> None:
    with pytest.raises(ConfigError, match=r"no function 'lenght_reward'\. Did you mean 'length_re"):
        load_function(f"{rewards}:lenght_reward")


def test_what_is_no_function_is_refused(rewards: Path) -> None:
    with pytest.raises(ConfigError, match=r"'LIMIT' in .* is not a function: its type is int"):
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
    with pytest.raises(ConfigError, match=r"^There is no folder './gone'"):
        load_function(f"{tmp_path / 'mine.py'}:reward")


def test_a_file_that_exits_is_told(tmp_path):
    (tmp_path / "mine.py").write_text("import sys\nsys.exit(1)\n")
    with pytest.raises(ConfigError, match=r"mine\.py' raised SystemExit: 1\.$"):
        load_function(f"{tmp_path / 'mine.py'}:reward")


@pytest.mark.parametrize(
    "call", ["train(recipes.tiny())", "resume('r')", "compare(recipes.tiny())"]
)
@pytest.mark.parametrize("by_module", [True, False])
def test_a_file_that_starts_something_while_it_is_read_is_refused(
    tmp_path, monkeypatch, call, by_module
):
    """A script without a guard, whose functions are asked for: it would run itself again."""
    name = f"script_of_{call.partition('(')[0]}"
    (tmp_path / f"{name}.py").write_text(
        "import paceline\nfrom paceline import recipes\n"
        "def reward(problem, completion):\n    return 1.0\n"
        f"paceline.{call}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        load_function(f"{name}:reward" if by_module else f"{tmp_path / name}.py:reward")
    assert str(refused.value) == (
        f"'{name}.py' calls paceline.{call.partition('(')[0]} where it is only read for the "
        'functions in it; put that call behind `if __name__ == "__main__":`.'
    )
    assert list(tmp_path.glob("runs")) == []


def test_nothing_is_refused_once_it_is_read():
    with pytest.raises(ConfigError), loading():
        refuse_while_loading("paceline.train")
    refuse_while_loading("paceline.train")


# Under which name a thing is found again -------------------------------------------------------

TWICE = functools.partial(max, 2)
"""Does not say which module it is of."""


@dataclass(frozen=True)
class Own:
    weight: float = 1.0


def named(problem, completion):
    return 1.0


@functools.cache
def decorated(x):
    return x


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (named, "named"), (decorated, "decorated"), (Own, "Own"), (TWICE, None),
        (Path.cwd, None), (lambda x: x, None), (Own(), None), (Own().__init__, None),
    ],
)  # fmt: skip
def test_what_a_module_defines_at_its_top_has_a_name(thing, name):
    found = reference_of(thing)
    assert found == (None if name is None else f"{__name__}:{name}")
    if found:
        assert load_function(found) is thing


def test_a_scripts_own_values_have_the_files_name(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text(
        "from paceline.verify import LastNumber\n"
        "once = LastNumber(True)\ntwice = LastNumber()\ntwice = LastNumber()\n"
        "for looped in (LastNumber(),):\n    pass\n"
        "if True:\n    within = LastNumber()\n"
        "def reward(problem, completion):\n    return 1.0\n"
    )
    load_function(f"{script}:reward")
    (module,) = (m for n, m in sys.modules.items() if n.startswith("paceline_user_script_"))
    assert reference_of(module.reward) == f"{script}:reward"
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr(module, "__name__", "__main__")
    assert reference_of(module.once) == f"{script}:once"
    assert [reference_of(getattr(module, n)) for n in ("twice", "looped", "within")] == [None] * 3


def test_a_file_that_was_read_again_has_the_same_names(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("def reward(problem, completion):\n    return 1.0\n")
    first, second = load_function(f"{mine}:reward"), load_function(f"{mine}:reward")
    assert first is not second
    assert reference_of(first) == reference_of(second) == f"{mine}:reward"


def test_what_was_typed_in_has_no_name(monkeypatch):
    module = type(sys)("__main__")
    exec(compile("def reward(problem, completion): return 1.0", "<stdin>", "exec"), vars(module))
    module.__file__ = "script.py"  # as `python -i script.py` has it
    monkeypatch.setitem(sys.modules, "__main__", module)
    assert reference_of(module.reward) is None


def test_what_only_a_session_has_is_told():
    with pytest.raises(
        ConfigError, match=r"reward 'f' was written in a Python session.* paceline\.resume\("
    ):
        load_function("<python>:f")
