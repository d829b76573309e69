"""Demonstrations and preferences as tasks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paceline import recipes
from paceline.config import apply, from_json, keys, to_json
from paceline.errors import ConfigError, DataError
from paceline.tasks import Demonstrations, Preferences
from paceline.types import Completion, Given
from paceline.verify import NumberIn, judge
from paceline.verify.calling.missing import Unjudged
from tests.helpers.jsonl import write_jsonl


def sums(count: int = 40) -> list[dict[str, Any]]:
    return [
        {"prompt": f"{i} + 1?", "completion": f"It is {i + 1}.\n#### {i + 1}"} for i in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write_jsonl(tmp_path / "sums.jsonl", sums())


def test_rows_become_a_task_that_brings_them(path: str) -> None:
    task = Demonstrations(path, heldout=10, system="Count.").load()
    assert (task.name, len(task.train), len(task.heldout)) == ("sums", 30, 10)
    assert task.forms == "40 rows of prompt and completion" and task.notes == ()
    problem = next(p for p in task.train + task.heldout if p.prompt == "7 + 1?")
    assert [turn["content"] for turn in task.messages(problem)] == ["Count.", "7 + 1?"]
    turns = ({"role": "assistant", "content": "It is 8.\n#### 8"},)
    assert task.brought(problem) == (Given(turns),)
    assert all(len(task.brought(p)) == 1 for p in task.heldout)
    assert not task.judged and task.gold is None and task.verifier == Unjudged()


def test_equal_prompts_stay_on_one_side(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i % 10}?", "completion": f"answer {i}"} for i in range(60)]
    task = Demonstrations(write_jsonl(tmp_path / "a.jsonl", rows), heldout=0.4).load()
    assert len(task.train) + len(task.heldout) == 60 and task.heldout
    assert not {p.prompt for p in task.train} & {p.prompt for p in task.heldout}


def test_the_limit_counts_from_the_start(path: str) -> None:
    task = Demonstrations(path, limit=3, heldout=0).load()
    assert [p.prompt for p in task.train] == ["0 + 1?", "1 + 1?", "2 + 1?"] and not task.heldout


def test_held_out_rows_may_lie_elsewhere(tmp_path: Path) -> None:
    train = write_jsonl(tmp_path / "train.jsonl", sums(4))
    test = write_jsonl(tmp_path / "test.jsonl", [{"text": "of another form"}, sums(4)[3]])
    beside = Demonstrations(train, heldout=0).load()
    assert beside.notes == (
        f"'{test}' is there too and is not read; task.heldout_path={test} holds it out.",
    )
    task = Demonstrations(train, heldout_path=test).load()
    assert len(task.train) == 3 and len(task.heldout) == 2
    assert all(task.brought(problem) for problem in task.heldout)
    assert task.forms == "5 rows of prompt and completion and 1 row of text"
    assert task.notes == ("Training problems left out because their prompt is held out too: 1.",)


def test_a_reward_judges_what_is_answered_to_held_out_prompts(path: str) -> None:
    task = Demonstrations(
        path, heldout=10, reward="hashes", answer="completion", answer_after="####"
    ).load()
    assert task.judged and task.verifier == NumberIn("hashes")
    problem = next(p for p in task.train + task.heldout if p.prompt == "7 + 1?")
    assert problem.answer == "8"
    for text, reward in (("#### 8", 1.0), ("#### 9", 0.0)):
        answered = Completion((), (), text, "stop")
        assert judge(task.verifier, problem, answered).reward == reward
    assert task.gold is not None and task.gold(problem) == "It is 8.\n#### 8"
    with pytest.raises(DataError, match=r"Rows 1, 2, .* the answer is not a plain number"):
        Demonstrations(path, reward="hashes", answer="completion").load()


def test_a_reward_of_ones_own_gets_the_other_columns(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def reward(completions, level, completion):\n    return [float(level[0])]\n"
    )
    rows = [{**row, "level": i} for i, row in enumerate(sums(4))]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    task = Demonstrations(path, reward=f"{tmp_path}/own.py:reward", heldout=0).load()
    answered = Completion((), (), "anything", "stop")
    assert [judge(task.verifier, p, answered).reward for p in task.train] == [0.0, 1.0, 2.0, 3.0]


def test_preferences_bring_two_or_more(tmp_path: Path) -> None:
    rows = [
        {"prompt": "q", "chosen": "a", "rejected": "b", "margin": 0.5},
        {"prompt": "p", "completions": ["a", "b", "c"], "scores": [3, 1, 2]},
    ]
    task = Preferences(write_jsonl(tmp_path / "a.jsonl", rows), heldout=0).load()
    assert [[one.reward for one in task.brought(p)] for p in task.train] == [[1, 0], [3, 1, 2]]
    assert task.brought(task.train[0])[0].margin == 0.5
    assert task.forms == "1 pair of completions and 1 ranking" and not task.judged
    with pytest.raises(
        DataError, match=r"\(the first: .*\): the columns fit none .*; task=prefere"
    ):
        Demonstrations(write_jsonl(tmp_path / "a.jsonl", rows[:1] * 2)).load()


def test_faults_stop_or_are_dropped(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [*sums(3), {"prompt": "q", "completion": " "}])
    with pytest.raises(DataError, match=r"Row 4 of '.*': an answer is empty\. Fix them, or leave"):
        Demonstrations(path).load()
    task = Demonstrations(path, on_error="drop", heldout=0).load()
    assert task.notes == (f"Left out: row 4 of '{path}': an answer is empty.",)


def test_a_plain_text_has_no_template(tmp_path: Path) -> None:
    texts = [{"text": f"Story {i}."} for i in range(4)]
    path = write_jsonl(tmp_path / "a.jsonl", texts)
    task = Demonstrations(path, heldout=1).load()
    assert [turn["role"] for turn in task.brought(task.train[0])[0].turns] == ["text"]
    with pytest.raises(ConfigError, match=r"task\.system would change nothing: all rows are plain"):
        Demonstrations(path, system="s").load()
    mixed = write_jsonl(tmp_path / "a.jsonl", [*texts, *sums(1)])
    assert Demonstrations(mixed, system="s", heldout=0).load().template.system == "s"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (Demonstrations(), r"task\.path is empty"),
        (Demonstrations("a.jsonl", form="hh"), r"task\.form is 'hh'; it is one of auto, m"),  # type: ignore[arg-type]
        (Preferences("a.jsonl", form="text"), r"task\.form is 'text'; it is one of auto, prefer"),  # type: ignore[arg-type]
        (Demonstrations("a.jsonl", answer="a"), r"task\.answer would change nothing: there is n"),
        (Demonstrations("a.jsonl", answer_after="#"), r"task\.answer_after would change nothing"),
        (Demonstrations("a.jsonl", reward="hashes"), r"task\.answer is none, and task\.reward=has"),
        (Demonstrations("a.jsonl", reward="hashs", answer="a"), "no reward 'hashs'. Did you mean"),
        (Preferences("a.jsonl", on_error="skip"), r"task\.on_error is 'skip'"),  # type: ignore[arg-type]
        (Preferences("a.jsonl", limit=0), r"task\.limit is 0"),
    ],
)  # fmt: skip
def test_options_are_checked_before_the_rows_are_read(source: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        source.load()


@pytest.mark.parametrize(
    "source",
    [
        Demonstrations(),
        Demonstrations("a.jsonl", "alpaca", reward="own.py:reward", answer="a", heldout=20),
        Preferences("owner/name", split="train_prefs", heldout_split="test_prefs"),
    ],
)
def test_a_config_keeps_them(source: Any) -> None:
    config = recipes.tiny().with_(task=source)
    assert from_json(to_json(config)).task == source


def test_their_options_are_keys() -> None:
    config = apply(
        recipes.tiny(),
        {"task.form": "hh", "task": "preferences", "task.path": "a.jsonl", "task.heldout": "20"},
    )
    assert config.task == Preferences("a.jsonl", "hh", heldout=20)
    assert all(key.help for key in keys(replace(config, task=Demonstrations())))
    with pytest.raises(ConfigError, match=r"task\.form takes one of auto, preference, hh"):
        apply(config, {"task.form": "messages"})
    assert apply(config, {"task": "demonstrations", "task.reward": "none"}).task == Demonstrations()
