"""The user's own rows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paceline.errors import ConfigError, DataError
from paceline.tasks import Rows
from paceline.types import Completion
from paceline.verify import ExactAnswer, LastNumber, NumberIn, Weighted, judge
from paceline.verify.calling.verifier import check_verifier


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def sums(tmp_path: Path) -> str:
    rows = [{"question": f"{i} + 1?", "answer": i + 1, "level": i % 3} for i in range(100)]
    return write(tmp_path / "sums.jsonl", rows)


def test_rows_become_a_task(sums: str) -> None:
    task = Rows(sums, prompt="question", heldout=10, system="Count.", user="Q: {prompt}").load()
    assert (task.name, len(task.train), len(task.heldout)) == ("sums", 90, 10)
    problem = next(p for p in task.train + task.heldout if p.prompt == "7 + 1?")
    assert (problem.answer, dict(problem.data)) == ("8", {"answer": 8, "level": 1})
    assert [m["content"] for m in task.messages(problem)] == ["Count.", "Q: 7 + 1?"]
    assert judge(task.verifier, problem, Completion((), (), "It is 8", "stop")).solved
    assert task.notes == ()


def test_the_limit_counts_from_the_start(sums: str) -> None:
    task = Rows(sums, prompt="question", limit=5, heldout=0).load()
    assert [p.answer for p in task.train] == ["1", "2", "3", "4", "5"]
    assert task.heldout == ()


def test_a_split_key_keeps_rows_together(sums: str) -> None:
    task = Rows(sums, prompt="question", split_key="level", heldout=0.4).load()
    assert not {p.data["level"] for p in task.train} & {p.data["level"] for p in task.heldout}
    with pytest.raises(DataError, match=r"but no 'levels'\. Did you mean 'level'"):
        Rows(sums, prompt="question", split_key="levels").load()


def test_held_out_rows_may_be_a_file_or_a_split(tmp_path: Path) -> None:
    row = [{"prompt": f"{i}?", "answer": i} for i in range(6)]
    train = write(tmp_path / "train.jsonl", row[:4])
    test = write(tmp_path / "test.jsonl", row[3:])
    for rows in (Rows(train, heldout_path=test), Rows(str(tmp_path), heldout_split="test")):
        task = rows.load()
        assert [p.prompt for p in task.train] == ["0?", "1?", "2?"]
        assert sorted(str(p.prompt) for p in task.heldout) == ["3?", "4?", "5?"]
        assert task.notes == (
            "Training problems left out because their prompt is held out too: 1.",
        )
    with pytest.raises(ConfigError, match="one file, so it has no split 'test'"):
        Rows(train, heldout_split="test").load()


def test_repeated_rows_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"prompt": p, "answer": 1} for p in "abab"])
    task = Rows(path, heldout=0).load()
    assert len(task.train) == 2
    assert task.notes == (f"Rows 3 and 4 of '{path}': left out, the same as an earlier row.",)


@pytest.mark.parametrize(
    ("reward", "verifier"),
    [
        ("last_number", LastNumber(True)),
        ("exact", ExactAnswer(allow_cut=True)),
        ("tag", NumberIn("tag", allow_cut=True)),
        ("boxed", NumberIn("boxed", allow_cut=True)),
        ("hashes", NumberIn("hashes", allow_cut=True)),
    ],
)
def test_rewards_by_name(sums: str, reward: str, verifier: Any) -> None:
    assert Rows(sums, "question", reward=reward, allow_cut=True).load().verifier == verifier


def test_a_reward_of_ones_own_gets_the_other_columns(sums: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def reward(completions, answer, level):\n"
        "    return [0.25 if a == 8 and n == 1 else 0.5 for a, n in zip(answer, level)]\n"
    )
    task = Rows(sums, prompt="question", reward=f"{tmp_path}/own.py:reward").load()
    problem = next(p for p in task.train + task.heldout if p.answer == "8")
    assert judge(task.verifier, problem, Completion((), (), "", "stop")).reward == 0.25


def test_a_reward_of_ones_own_may_need_no_answer(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def reward(problem, completion):\n    return 1\n")
    path = write(tmp_path / "a.jsonl", [{"prompt": p} for p in "abc"])
    rows = Rows(path, answer=None, reward=f"{tmp_path}/own.py:reward")
    assert len(rows.load().train) == 2


def test_a_verl_function_gets_the_columns_own_value(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def number(data_source, solution_str, ground_truth, extra_info):\n"
        "    return float(ground_truth == int(solution_str))\n"
        "def target(data_source, solution_str, ground_truth, extra_info):\n"
        "    return float(ground_truth['target'] == int(solution_str))\n"
        "def text(data_source, solution_str, ground_truth, extra_info):\n"
        "    return float(ground_truth == solution_str)\n"
    )
    said = Completion((), (), "4", "stop")
    for truth, name in ((4, "number"), ({"target": 4}, "target"), ("4", "text")):
        rows = [{"prompt": f"{i}?", "reward_model": {"ground_truth": truth}} for i in range(3)]
        path = write(tmp_path / "verl.jsonl", rows)
        reward = f"{tmp_path}/own.py:{name}"
        task = Rows(path, answer="reward_model.ground_truth", reward=reward, heldout=1).load()
        assert judge(task.verifier, task.train[0], said).reward == 1.0


def test_columns_are_filled_into_the_users_turn(tmp_path: Path) -> None:
    rows = [{"instruction": "Add.", "input": f"{i} and 1", "output": i + 1} for i in range(9)]
    path = write(tmp_path / "alpaca.jsonl", rows)
    alpaca = Rows(path, "instruction", "output", heldout=2)
    with pytest.raises(DataError, match=r'All rows .* task\.user="\{prompt\}\\n\{input\}" asks'):
        alpaca.load()
    task = replace(alpaca, user="{prompt}\n{input} =").load()
    assert len(task.train) == 7 and len(task.heldout) == 2 and task.notes == ()
    first = next(p for p in task.train + task.heldout if p.row == "row 1")
    assert task.messages(first) == ({"role": "user", "content": "Add.\n0 and 1 ="},)
    for user, said in (
        ("{prompt} {imput}", r"task\.user has \{imput\}, and the rows have .* mean 'input'"),
        ("{prompt} {output}", "the model would read them"),
    ):
        with pytest.raises(ConfigError, match=said):
            replace(alpaca, user=user).load()


def test_an_option_that_does_nothing_is_refused(tmp_path: Path) -> None:
    user, system = {"role": "user", "content": "1 + 1?"}, {"role": "system", "content": "Be brief."}
    asked = [{"prompt": [{**user, "content": f"{i} + 1?"}], "answer": i + 1} for i in range(4)]
    told = [{**row, "prompt": [system, *row["prompt"]]} for row in asked]
    path = write(tmp_path / "a.jsonl", asked)
    with pytest.raises(ConfigError, match=r"task\.user would change nothing: all prompts are mess"):
        Rows(path, user="{prompt} In digits.").load()
    assert Rows(path, system="In digits.").load().notes == ()
    path = write(tmp_path / "a.jsonl", told)
    with pytest.raises(ConfigError, match=r"task\.system would change nothing: all prompts bring"):
        Rows(path, system="In digits.").load()
    mixed = write(tmp_path / "a.jsonl", [*asked, {"prompt": "9 + 1?", "answer": 10}, told[0]])
    task = Rows(mixed, system="In digits.", user="{prompt} In digits.").load()
    assert task.notes == (
        "task.user leaves 5 of 6 prompts as they are: they are messages already.",
        "task.system leaves 1 of 6 prompts as they are: they bring a system message of their own.",
    )


def test_files_that_lie_beside_are_named(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "answer": i} for i in range(6)]
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    write(train, rows[:4])
    write(test, rows[4:])
    unread = f"'{test}' is there too and is not read"
    (note,) = Rows(str(train)).load().notes
    assert note == f"{unread}; task.heldout_path={test} holds it out."
    (note,) = Rows(str(tmp_path)).load().notes
    assert note == f"{unread}; task.heldout_split=test holds it out."
    for used in (Rows(str(train), heldout_path=str(test)), Rows(str(tmp_path), split="test")):
        assert used.load().notes == ()
    assert Rows(write(tmp_path / "mine.jsonl", rows)).load().notes == ()


def test_held_out_rows_of_their_own_say_where_they_are(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "answer": i} for i in range(4)]
    train = write(tmp_path / "train.jsonl", rows[:2])
    test = write(tmp_path / "test.jsonl", rows[2:])
    task = Rows(train, heldout_path=test).load()
    assert [p.row for p in task.train] == ["row 1", "row 2"]
    assert sorted(p.row for p in task.heldout) == [f"row {i} of '{test}'" for i in (1, 2)]
    task = Rows(str(tmp_path), heldout_split="test").load()
    assert task.heldout[0].row.endswith(f" of '{tmp_path}' (test)")


@pytest.mark.parametrize(
    ("reward", "answer", "said"),
    [
        ("choice", "Paris", r"'Paris', is not a letter of an option"),
        ("symbolic", "1+" * 100 + "1", r"earns 0 of 1 \("),
        ("symbolic", "6+\\foo{3}", r"'6\+\\foo\{3\}', cannot be read as an expression"),
        ("exact", "<think>5", r"'<think>5', earns 0 of 1 \(the reasoning was never closed\)"),
        ("cases", "5", r"has no column 'cases'; it has \[answer\]"),
    ],
)
def test_answers_that_nobody_could_be_paid_for_are_refused(
    tmp_path: Path, reward: str, answer: str, said: str
) -> None:
    right = {"choice": "B", "symbolic": "\\frac{1}{2}"}.get(reward, "5")
    rows = [{"prompt": f"{i}?", "answer": right} for i in range(4)]
    if reward != "cases":
        Rows(write(tmp_path / "a.jsonl", rows), reward=reward).load()
    rows[2]["answer"] = answer
    first = "Rows 1, 2, 3 and 4 of" if reward == "cases" else "Row 3 of"
    with pytest.raises(DataError, match=rf"{first} .*: no answer could be judged\. .*{said}"):
        Rows(write(tmp_path / "a.jsonl", rows), reward=reward).load()


def test_parts_of_ones_own_reward_check_the_answers_too(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from paceline.verify import NumberIn, Tags, Weighted\n"
        "reward = Weighted((('answer', NumberIn('tag'), 1.0), ('form', Tags(), 0.2)))\n"
    )
    path = write(tmp_path / "a.jsonl", [{"prompt": f"{i}?", "answer": "x"} for i in range(3)])
    with pytest.raises(
        DataError, match=r"Rows 1, 2 and 3 .* \(row 1\), 'x', is not a plain number"
    ):
        Rows(path, reward=f"{tmp_path}/own.py:reward").load()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": ""}, ConfigError, "task.path is empty"),
        ({"limit": 0}, ConfigError, "task.limit is 0"),
        ({"on_error": "skip"}, ConfigError, "task.on_error is 'skip'; it is stop or drop"),
        ({"answer": None}, ConfigError, "task.answer is none, and task.reward=last_number compar"),
        ({"answer": "none"}, DataError, r"or task.answer=none \(in Python answer=None\) where"),
        (
            {"answer": None, "answer_after": "####", "reward": "near_fifty"},
            ConfigError,
            "task.answer_after would change nothing",
        ),
        ({"split": "test"}, ConfigError, "task.split would change nothing: a file has no splits"),
        ({"subset": "main"}, ConfigError, "task.subset would change nothing"),
        ({"reward": "a.py:f", "allow_cut": True}, ConfigError, "task.allow_cut would change not"),
        (
            {"reward": "last_numbr"},
            ConfigError,
            "no reward 'last_numbr'. Did you mean 'last_number'",
        ),
        ({"reward": "nothing.py:f"}, ConfigError, "There is no file 'nothing.py'; give"),
        ({"user": "Hello."}, ConfigError, "has no {prompt}"),
        ({"prompt": "prompt"}, DataError, r"set task.prompt=question"),
        ({"answer": "solution"}, DataError, r"set task.answer=answer"),
        ({"answer": "question"}, DataError, "the answer is not a plain number"),
        ({"heldout": 100}, DataError, r"heldout is 100, .* problems nothing is left to train on"),
    ],
)
def test_mistakes_are_one_sentence(
    sums: str, options: dict[str, Any], error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        Rows(**{"path": sums, "prompt": "question", **options}).load()


def test_options_are_checked_before_the_rows_are_read() -> None:
    with pytest.raises(ConfigError, match="no reward 'x'"):
        Rows("owner/never-fetched", reward="x").load()


# Functions as rewards -----------------------------------------------------------------------------


def right(completion, problem):
    return 1.0 if completion.text == problem.answer else 0.0


def columns(completions, level, **rest):
    return [float(level[0])]


def test_a_function_or_a_verifier_is_a_reward(sums: str) -> None:
    answer = Completion((), (), "8", "stop")
    for reward, expected in (
        (right, 1.0), (columns, 1.0), (lambda p, c: 0.5, 0.5), (NumberIn("boxed"), 0.0),
        (Weighted((("right", right, 2.0), ("level", columns, 3.0))), 5.0),
    ):  # fmt: skip
        task = Rows(sums, prompt="question", heldout=0, reward=reward).load()
        problem = next(p for p in task.train if p.prompt == "7 + 1?")
        assert judge(task.verifier, problem, answer).reward == expected
        assert task.gold is None and task.full == 1.0


@pytest.mark.parametrize(
    ("reward", "sentence"),
    [
        (lambda text, label: 1.0, r"takes \(text, label\), and the names decide"),
        (NumberIn, "'NumberIn' is a class"),
        (3, "A reward is a function or a verifier, not a value of type int"),
        ("none", "There is no reward 'none'"),
    ],
)
def test_what_is_no_reward_is_refused(sums: str, reward: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Rows(sums, prompt="question", reward=reward).load()


def test_no_answer_needs_to_be_a_number_for_a_function(tmp_path: Path) -> None:
    rows = write(tmp_path / "r.jsonl", [{"prompt": "Which way?", "answer": "left"}])
    assert Rows(rows, heldout=0, reward=right).load().train[0].answer == "left"
    with pytest.raises(DataError, match="not a plain number"):
        Rows(rows, heldout=0).load()


def test_a_reward_of_another_session_is_missed_where_it_is_asked_and_not_before(sums: str) -> None:
    task = Rows(sums, prompt="question", reward="<python>:right").load()
    assert task.messages(task.train[0])
    with pytest.raises(ConfigError, match="The reward 'right' was written in a Python session"):
        check_verifier(task.verifier)
