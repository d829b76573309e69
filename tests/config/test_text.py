"""Text as values: what a command line or a TOML file writes, by the type of the key."""

from typing import Any, Literal

import pytest

from paceline import recipes
from paceline.config import apply, keys, read_toml
from paceline.config.text import parse
from paceline.errors import ConfigError
from paceline.tasks import Rows


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (bool, "true", True), (bool, "False", False), (int, " 1_000 ", 1000), (int, "-1", -1),
        (float, "1e-6", 1e-6), (float, "2", 2.0), (str, " 'a' b", " 'a' b"), (str, "none", "none"),
        (str | None, "None", None), (str | None, "", ""), (int | None, "none", None),
        (int | None, "7", 7), (Literal["a", "none"], "none", "none"), (Literal["a"], " a ", "a"),
        (Literal["a"] | None, "none", None), (tuple[str, ...], "", ()),
        (tuple[str, ...], "+ -, '* /'", ("+", "-", "* /")), (tuple[int, ...], "1,2 3", (1, 2, 3)),
        (tuple[int, float], "1 2", (1, 2.0)), (list[int], "1", [1]),
        (tuple[float, ...] | None, "none", None), (tuple[float, ...] | None, "1,2", (1.0, 2.0)),
    ],
)  # fmt: skip
def test_a_value_of_each_type(annotation: Any, text: str, value: Any) -> None:
    found = parse("key", annotation, text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "type_in_words"),
    [
        (bool, "1", "true or false"), (int, "1.0", "a whole number"), (int, "", "a whole number"),
        (float, "fast", "a number"), (int | None, "no", "a whole number or none"),
        (Literal["a", "b"], "A", "one of a, b"), (int, "1 2", "a whole number"),
        (tuple[str, ...], "it's", "words with spaces or commas between"),
        (tuple[int, int], "1", "words with spaces or commas between"),
    ],
)  # fmt: skip
def test_other_text_is_one_sentence(annotation: Any, text: str, type_in_words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("key", annotation, text)
    assert str(refused.value) == f"key takes {type_in_words}, not '{text}'."


def test_some_types_cannot_be_written() -> None:
    with pytest.raises(ConfigError, match=r"^key cannot be set as text, as it takes .*in Python"):
        parse("key", dict[str, int], "a 1")


def test_values_from_text_take_the_fields_type():
    changed = apply(
        recipes.tiny(),
        {
            "optimizer.lr": "1e-6", "steps": "7", "rollouts.mask_cut": "true", "out": "runs/x",
            "optimizer.decay": "cosine", "task.operators": "+ -", "evaluation.max_tokens": "none",
        },
    )  # fmt: skip
    assert changed.optimizer.lr == 1e-6 and changed.steps == 7 and changed.rollouts.mask_cut is True
    assert changed.optimizer.decay == "cosine" and changed.task.operators == ("+", "-")
    assert changed.evaluation.max_tokens is None and changed.out == "runs/x"


@pytest.mark.parametrize("text", ["+ -", "+,-", "+, -", "'+' '-'"])
def test_several_words_stand_with_spaces_or_commas(text):
    assert apply(recipes.tiny(), {"task.operators": text}).task.operators == ("+", "-")


def test_the_task_comes_first_whatever_the_order():
    changed = apply(recipes.tiny(), {"task.path": "rows.jsonl", "task": "rows"})
    assert changed.task == Rows(path="rows.jsonl")


def test_every_key_has_help_and_can_be_set_to_its_own_value():
    for name in recipes.NAMES:
        start = recipes.by_name(name)
        for key in keys(start):
            assert key.help, f"{key.path} has no help"
            if key.path in ("task", "objective") or isinstance(key.value, tuple):
                continue
            assert apply(start, {key.path: str(key.value)}) == start, key.path


def test_toml_names_a_recipe_and_changes_keys(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'recipe = "demo"\nsteps = 5\n[optimizer]\nlr = 1e-6\n[task]\noperators = ["+", "-"]\n'
    )
    recipe, changes = read_toml(path)
    made = apply(recipes.by_name(recipe), changes)
    assert recipe == "demo" and made.steps == 5 and made.optimizer.lr == 1e-6
    assert made.task.operators == ("+", "-")
    path.write_text('recipe = "tiny"\n[task]\ntype = "rows"\npath = "my rows.jsonl"\n')
    task = apply(recipes.tiny(), read_toml(path)[1]).task
    assert isinstance(task, Rows) and task.path == "my rows.jsonl"
    path.write_text("steps = 5")
    with pytest.raises(ConfigError, match="does not name a recipe"):
        read_toml(path)
    path.write_text("steps = = 5")
    with pytest.raises(ConfigError, match="not a TOML file"):
        read_toml(path)
