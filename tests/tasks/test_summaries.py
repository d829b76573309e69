"""TL;DR: posts to be summed up in a given length."""

import json

import pytest

from paceline.cli.print_task import check_task
from paceline.errors import ConfigError, DataError
from paceline.tasks import Tldr
from paceline.types import Completion
from paceline.verify import judge
from paceline.verify.calling.reward_config import RewardConfig


@pytest.fixture
def path(tmp_path) -> str:
    rows = [{"prompt": f"POST: number {i}. TL;DR:", "completion": " short"} for i in range(30)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(file)


def test_length_alone_is_paid(path):
    task = Tldr(data=path, heldout=5, target=10, user="Sum up. {prompt}").load()
    assert (task.name, len(task.train), len(task.heldout)) == ("tldr", 25, 5)
    problem = task.train[0]
    assert task.messages(problem)[-1]["content"] == f"Sum up. {problem.prompt}"
    for text, reward in (("x" * 10, 0.0), ("x" * 7, -3.0), ("", -10.0)):
        assert judge(task.verifier, problem, Completion((), (), text, "stop")).reward == reward


@pytest.mark.parametrize(
    ("unit", "gold"), [("characters", "aaa"), ("words", "a a a"), ("tokens", None)]
)
def test_a_text_of_the_right_length_stands_for_the_gold(path, unit, gold):
    task = Tldr(data=path, heldout=5, target=3, unit=unit).load()
    assert task.gold(task.train[0]) == gold


def test_what_cannot_be_loaded_is_refused(path, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text('{"post": "a"}\n{"post": "b"}\n')
    with pytest.raises(DataError, match=r"columns \[post\], .* 'prompt'; rename the column that"):
        Tldr(data=str(other)).load()
    with pytest.raises(ConfigError, match="target >= 1"):
        Tldr(data=path, target=0).load()


@pytest.mark.parametrize("length", [{}, {"target": 7, "unit": "words"}])
def test_its_gold_texts_score_full_marks(path, length):
    checked = check_task(Tldr(data=path, heldout=5, **length), RewardConfig())
    assert checked.checked == 30 and not checked.failed
