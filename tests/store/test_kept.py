"""Rollouts of a run as rows to learn from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from paceline import recipes
from paceline.config import apply, from_json, keys, to_json
from paceline.errors import ConfigError, DataError
from paceline.store.kept import Kept
from paceline.store.rollout_row import RolloutRow
from paceline.tasks import Arithmetic
from paceline.types import Given
from tests.helpers.fake_run import write_rows
from tests.helpers.rollout_rows import row_with

TASK = Arithmetic(low=10, high=12, heldout=2)
PROBLEMS = TASK.load().train


@dataclass(frozen=True)
class Said:
    """An answer in a group."""

    text: str
    correct: bool
    cut: bool = False


def row(problem: int, draw: int, said: Said, **changes: Any) -> RolloutRow:
    return row_with(
        problem_id=PROBLEMS[problem].id, draw=draw, completion=said.text, correct=said.correct,
        finish="length" if said.cut else "stop", **changes,
    )  # fmt: skip


def run_of(path: Path, *rounds: Sequence[RolloutRow]) -> str:
    """A run of the task, with the files of these rounds."""
    path.mkdir()
    config = to_json(recipes.tiny().with_(task=TASK, name=path.name))
    # Nothing but the task is loaded: this objective is nowhere.
    config["objective"] = {"type": "gone.py:Objective"}
    (path / "config.json").write_text(json.dumps({"config": config}))
    for number, rows in enumerate(rounds):
        write_rows(path / f"rollouts/round-{number:06d}.parquet", rows)
    return str(path)


def texts(given: Sequence[Given]) -> list[str]:
    return [one.turns[0]["content"] for one in given]


YES, NO = (lambda text: Said(text, True)), (lambda text: Said(text, False))
ROUNDS = (
    [row(1, 0, s) for s in (YES("a"), NO("b"), YES("a"), YES("c"), NO("d"))]
    + [row(0, 1, s) for s in (NO("x"), NO("y"))],
    [row(1, 2, s) for s in (YES("e"), NO("b"), YES("a"))] + [row(0, 3, s) for s in (YES("z"),)],
)


def test_solved_answers_are_demonstrations(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", *ROUNDS)
    task, own = Kept(path).load(), TASK.load()
    assert [p.id for p in task.train] == [PROBLEMS[0].id, PROBLEMS[1].id]
    assert [texts(task.brought(p)) for p in task.train] == [["z"], ["a", "c", "e"]]
    assert all(one.reward == 1.0 for p in task.train for one in task.brought(p))
    assert task.forms == f"4 answers of '{path}'" and task.notes == () and task.judged
    assert (task.heldout, task.verifier, task.template) == (own.heldout, own.verifier, own.template)
    held = task.heldout[0]
    assert own.gold is not None and texts(task.brought(held)) == [own.gold(held)]


def test_how_many_of_a_problem_and_how_often_a_text(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", *ROUNDS)
    few = Kept(path, per_problem=2).load()
    assert texts(few.brought(few.train[1])) == ["a", "c"]
    again = Kept(path, distinct=False).load()
    assert texts(again.brought(again.train[1])) == ["a", "a", "c", "e"]


def test_solved_against_unsolved_answers_of_one_group_are_pairs(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", *ROUNDS)
    task = Kept(path, pairs=True).load()
    # Solved a, a, c meet b, d, b; then, in another group, e and a meet b.
    pairs = [["a", "b"], ["a", "d"], ["c", "b"], ["e", "b"]]
    assert [texts(task.brought(p)) for p in task.train] == pairs
    assert [p.id for p in task.train] == [f"{PROBLEMS[1].id}.{i}" for i in (1, 2, 3, 4)]
    assert {p.prompt for p in task.train} == {PROBLEMS[1].prompt}
    assert [one.reward for one in task.brought(task.train[0])] == [1.0, 0.0]
    assert task.forms == f"4 pairs of '{path}'"
    assert len(Kept(path, per_problem=3, pairs=True).load().train) == 3


def test_rows_are_held_out_in_the_place_of_the_runs_own_problems(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", *ROUNDS, [row(2, 9, s) for s in (YES("p"), NO("q"))])
    every = Kept(path, pairs=True).load()
    held = Kept(path, pairs=True, heldout=1).load()
    assert every.heldout == TASK.load().heldout
    assert {p.id for p in held.train} | {p.id for p in held.heldout} == {p.id for p in every.train}
    asked = [{p.prompt for p in side} for side in (held.train, held.heldout)]
    assert held.heldout and asked[0].isdisjoint(asked[1]), "rows of one problem stay together"
    assert all(held.brought(p) == every.brought(p) for p in held.heldout)


def test_what_there_is_of_a_held_out_problem_is_its_gold_answer_alone(tmp_path: Path) -> None:
    task = Kept(run_of(tmp_path / "run", *ROUNDS)).load()
    assert task.of_rows(task.train[0]) == task.brought(task.train[0])
    assert task.brought(task.heldout[0]) and not task.of_rows(task.heldout[0])


def test_a_pair_has_the_gold_answer_of_its_problem(tmp_path: Path) -> None:
    task, own = Kept(run_of(tmp_path / "run", *ROUNDS), pairs=True).load(), TASK.load()
    known = {problem.prompt: own.gold(problem) for problem in own.train if own.gold}
    assert task.gold is not None
    assert [task.gold(p) for p in task.train] == [known[p.prompt] for p in task.train]


def test_answers_that_cannot_be_learned_from_are_left_out(tmp_path: Path) -> None:
    rows = [
        row(0, 0, YES("kept")), row(0, 0, Said("cut", True, cut=True)),
        row(0, 0, Said("cut", False, cut=True)), row(0, 0, YES("tool"), sampled=[True, False]),
        row(0, 0, YES("alone"), sampled=[True, True]), row(0, 0, YES(" ")),
        row_with(problem_id="gone"),
    ]  # fmt: skip
    path = run_of(tmp_path / "run", rows)
    (tmp_path / "run" / "rollouts" / "round-000001.parquet").write_bytes(b"PAR1 half")
    task = Kept(path).load()
    assert texts(task.brought(task.train[0])) == ["kept", "alone"]
    left = f"Left out of '{path}': 1"
    assert task.notes == (
        f"{left} answer cut before the end.",
        f"{left} answer not written by the model alone.",
        f"{left} answer without text.",
        f"{left} answer to problems that the task does not train on now.",
        f"{left} round whose file cannot be read.",
    )


def test_tags_that_the_prompt_opened_belong_to_the_answer(tmp_path: Path) -> None:
    prompt = "<|im_start|>assistant\n<think>\n"
    rows = [row(0, 0, YES("so</think>4"), prompt=prompt)]
    task = Kept(run_of(tmp_path / "run", rows)).load()
    assert texts(task.brought(task.train[0])) == ["<think>\nso</think>4"]


def test_a_run_of_which_nothing_can_be_learned(tmp_path: Path) -> None:
    wrong = run_of(tmp_path / "wrong", [row(0, 0, NO("a")), row(0, 0, NO("b"))])
    right = run_of(tmp_path / "right", [row(0, 0, YES("a")), row(0, 1, NO("b"))])
    empty = run_of(tmp_path / "empty")
    for source, error, said in (
        (Kept(), ConfigError, "task.path is empty; it must be the directory of a run."),
        (Kept("a", per_problem=0), ConfigError, "task.per_problem is 0; it must be at least 1."),
        (Kept(str(tmp_path / "none")), ConfigError, f"There is no folder '{tmp_path}/none'; give"),
        (Kept(str(tmp_path)), ConfigError, f"'{tmp_path}' is not a run directory: it has no conf"),
        (Kept(empty), DataError, f"'{empty}' has kept no rollouts that can be read; name a run th"),
        (Kept(wrong), DataError,
         f"None of the 2 rollouts that '{wrong}' has kept is solved, so there is nothing to imitate"
         "; train that run for longer, or name another with task.path."),
        (Kept(right, pairs=True), DataError,
         f"Among the 2 rollouts that '{right}' has kept is no group with a solved and an unsolved "
         "answer, so there are no pairs; train that run"),
    ):  # fmt: skip
        with pytest.raises(error) as refused:
            source.load()
        assert str(refused.value).startswith(said)


def test_a_config_names_it_and_keeps_it() -> None:
    source = Kept("runs/demo", per_problem=2, distinct=False, pairs=True)
    config = recipes.tiny().with_(task=source)
    stored = to_json(config)
    assert stored["task"]["type"] == "paceline.store.kept:Kept"
    assert from_json(json.loads(json.dumps(stored))).task == source
    typed = {"task.pairs": "true", "task": "kept", "task.path": "runs/demo"}
    config = apply(recipes.tiny(), {**typed, "task.per_problem": "2", "task.distinct": "false"})
    assert config.task == source
    told = {key.path: key.help for key in keys(config) if key.path.startswith("task.")}
    assert set(told) == {f"task.{name}" for name in (
        "path", "per_problem", "distinct", "pairs", "heldout",
    )}  # fmt: skip
    assert all(text.endswith(".") for text in told.values())


def test_values_of_another_type_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"task\.pairs takes true or false, not 'yes'"):
        replace(Kept("runs/demo"), pairs="yes").load()  # type: ignore[arg-type]
