"""The recipes of a comparison, and the keys that are changed in them."""

import pytest

from paceline import recipes
from paceline.cli.comparing import changed_line
from paceline.errors import ConfigError


def test_the_keys_of_a_line_reach_all_that_they_are_for():
    line = recipes.LINES["gsm8k_line"]()
    made = changed_line(line, {"data": "rows/", "model": "x.gguf", "steps": "5"})
    (sft,), after, alone = made.stages, made.ways["sft, then grpo"], made.ways["grpo alone"]
    assert {type(c.task) for c in (sft, after, alone)} == {type(line.stages[0].task)}
    assert {c.task.data for c in (sft, after, alone)} == {"rows/"}
    assert (sft.model.path, alone.model.path) == ("x.gguf", "x.gguf")
    assert after.model.path == f"{sft.out}/model", "what a stage leaves is no other model"
    assert (after.steps, alone.steps, sft.epochs) == (5, 5, line.stages[0].epochs)
    judge = changed_line(recipes.LINES["line"](), {"task.low": "20"}).stages
    assert [getattr(stage.task, "low", None) for stage in judge] == [20, 20, None]
    for key in ("objective", "answers", "task"):
        with pytest.raises(ConfigError, match=f"so that {key} cannot be set for all of them"):
            changed_line(line, {key: "x"})
