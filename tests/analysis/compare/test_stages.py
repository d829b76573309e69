"""A line of tiny stages, made and compared by the command, stopped by a stage that fails."""

import json
import sys
from dataclasses import replace

import pytest

from paceline import compare, recipes
from paceline.cli import main
from paceline.config import Line
from paceline.errors import ConfigError, RunsFailedError
from paceline.objective import named
from paceline.run import Run
from paceline.tasks import by_name

MEASURED = {"problems": 6, "completions": 2, "every": 2}


def tiny_line(place) -> Line:
    """SFT, samples of its model, a reward model of their pairs; then rewards, the reward model's
    score, or the pairs."""
    sft, samples, judge = (str(place / name) for name in ("sft", "samples", "judge"))
    kept = {"task.path": samples, "task.pairs": True}
    tiny = recipes.tiny().with_(
        steps=4, evaluation=MEASURED, show_every=0, model={"path": f"{sft}/model"},
        rollouts={"problems": 4, "completions": 8, "max_tokens": 24}, optimizer={"lr": 1e-3},
        **{"task.allow_cut": False},
    )  # fmt: skip
    given = tiny.with_(answers="given", rollouts={"completions": 8})
    pairs = given.with_(task=by_name("kept")(), rollouts={"problems": 2}).with_(**kept)
    return Line(
        "tiny-line",
        (
            given.with_(
                name="sft", objective=named.sft(), steps=60, out=sft, model={"path": "tiny"},
                optimizer={"lr": 1e-2},
            ),
            tiny.with_(
                name="samples", steps=3, out=samples, optimizer={"lr": 0.0},
                evaluation={"problems": 0}, rollouts={"problems": 12, "completions": 16},
            ),
            pairs.with_(
                name="judge", objective=named.bradley_terry(), out=judge, steps=2,
                **{"task.heldout": 2, "evaluation.every": 0},
            ),
        ),
        {
            "grpo": tiny,
            "ppo": tiny.with_(objective=named.ppo(), rewards={"model": f"{judge}/model"}),
            "dpo": pairs.with_(objective=named.dpo(), steps=2),
        },
    )  # fmt: skip


def test_a_line_is_made_once_and_its_ways_are_compared(tmp_path, capsys):
    line = tiny_line(tmp_path)
    result = compare(line, seeds=1, out=tmp_path / "c")
    told = capsys.readouterr().out
    assert "stage 1 of 3, sft" in told and "stage 3 of 3, judge" in told
    data = result.data
    assert list(data["objectives"]) == ["grpo", "ppo", "dpo"] and data["name"] == "tiny-line"
    assert data["same_test"], "a reward model's score changes nothing of what is right"
    starts = {one["initial_accuracy"]["mean"] for one in data["objectives"].values()}
    assert len(starts) == 1
    assert set(data["differences"]["final_accuracy"]) == {"ppo", "dpo"}
    assert (tmp_path / "c" / "compare.html").is_file()
    judge = Run(tmp_path / "judge").outcome
    assert judge.after.pairs and judge.after.sampled is None
    compare(line, seeds=1, out=tmp_path / "c")
    again = capsys.readouterr().out
    assert again.count("is finished already") == 3 and "3 runs finished" in again


def test_another_run_in_a_stages_place_and_a_stage_that_is_missing_are_told(tmp_path):
    line = tiny_line(tmp_path)
    short = Line(line.name, (line.stages[0].with_(steps=1),), line.ways)
    with pytest.raises(ConfigError, match="There is no folder"):  # nobody trained the others
        compare(short, seeds=1, out=tmp_path / "c")
    with pytest.raises(ConfigError, match="is a run with steps=1"):
        compare(Line(line.name, line.stages[:1], line.ways), seeds=1, out=tmp_path / "c")


def test_a_stage_that_fails_ends_the_line_and_says_why(tmp_path):
    line = tiny_line(tmp_path)
    wild = line.stages[0].with_(steps=40, optimizer={"lr": 1e30, "clip": 0.0})
    with pytest.raises(RunsFailedError, match=r"^The stage 'sft' failed: .*not finite.* goes on"):
        compare(replace(line, stages=(wild,)), seeds=1, out=tmp_path / "c")
    assert not (tmp_path / "c").exists() and (tmp_path / "sft.log").is_file()


def test_recipes_are_compared_with_each_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.py").write_text(
        "from paceline import recipes\n"
        "from paceline.objective import named\n"
        "def slow(): return recipes.tiny().with_(steps=2, optimizer={'lr': 1e-4})\n"
        "def fast(): return recipes.tiny().with_(steps=3, objective=named.rloo())\n"
        "def unlike(): return recipes.tiny().with_(steps=2, **{'evaluation.problems': 3})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    keys = ["evaluation.every=2", "--seeds", "1", "--out", "c", "--json"]
    assert main(["compare", "two.py:slow", "two.py:fast", *keys]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["objectives"]) == ["two.py:slow", "two.py:fast"]
    assert [one["steps"] for one in found["objectives"].values()] == [2, 3]
    for words, said in (
        (["two.py:slow", "two.py:unlike"], "are measured in different ways"),
        (["two.py:slow", "two.py:slow"], "is named twice among the recipes"),
        (["two.py:slow", "two.py:fast", "--objectives", "grpo"], "each with its own objective"),
    ):
        assert main(["compare", *words, *keys[:3], "--out", "d"]) == 2
        error = capsys.readouterr().err
        assert said in error and len(error.strip().splitlines()) == 1
    sys.modules.pop("two", None)


def test_a_line_is_no_recipe_of_one_run(capsys):
    for command in ("train", "check", "show"):
        assert main([command, "line"]) == 2
        assert "`paceline compare line` makes all of it" in capsys.readouterr().err
