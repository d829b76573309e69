"""The recipe of summaries, on posts made up here."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import paceline
from paceline import recipes
from paceline.cli import main
from paceline.errors import DataError
from paceline.objective import named
from paceline.types import Completion
from paceline.verify import judge

SMALL = {"steps": 2, "rollouts": {"problems": 2, "completions": 3, "max_tokens": 8}}


@pytest.fixture(scope="module")
def posts(tmp_path_factory) -> str:
    """A parquet file in the form of trl-lib/tldr, thirty posts."""
    rows = [
        {"prompt": f"SUBREDDIT r/pets\n\nPOST My {i} cats sleep.\n\nTL;DR:", "completion": " Cats."}
        for i in range(30)
    ]
    file = tmp_path_factory.mktemp("tldr") / "posts.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return str(file)


def test_model_and_posts_are_its_arguments():
    recipe = recipes.tldr_length("some/model", "some/posts.jsonl")
    assert (recipe.model.path, recipe.task.data) == ("some/model", "some/posts.jsonl")
    assert recipes.tldr_length().task.data is None and recipe.objective == named.grpo()
    assert (recipe.task.target, recipe.task.unit) == (50, "characters")


@pytest.mark.parametrize(
    ("text", "reward", "right"),
    [
        ("a" * 50, 0, True),
        ("a" * 45, -5, True),
        ("a" * 55, -5, True),
        ("a" * 44, -6, False),
        ("a" * 56, -6, False),
        ("My cats sleep all day and all night, and I do not.", 0, True),
        ("猫" * 50, 0, True),
        ("", -50, False),
        ("\n\t \0 ###", -42, False),
        ("no " * 100, -250, False),
    ],
)
def test_the_length_is_paid_and_nothing_else(posts, text, reward, right):
    task = recipes.tldr_length(data=posts).with_(**{"task.heldout": 5}).task.load()
    verdict = judge(task.verifier, task.train[0], Completion((), (), text, "stop"))
    assert (verdict.reward, verdict.correct) == (reward, right)


def test_a_cut_summary_has_a_length_like_any_other(posts):
    task = recipes.tldr_length(data=posts).with_(**{"task.heldout": 5}).task.load()
    cut = judge(task.verifier, task.train[0], Completion((), (), "a" * 400, "length"))
    assert (cut.reward, cut.reason, cut.correct) == (-350, "too long", False)


def test_held_out_posts_depend_on_their_content_alone(posts):
    config = recipes.tldr_length(data=posts).with_(**{"task.heldout": 5})
    task, fewer = config.task.load(), config.with_(**{"task.heldout": 3}).task.load()
    assert (len(task.train), len(task.heldout), len(fewer.heldout)) == (25, 5, 3)
    assert {p.prompt for p in fewer.heldout} < {p.prompt for p in task.heldout}
    assert not {p.prompt for p in task.heldout} & {p.prompt for p in task.train}


def test_two_steps_and_an_evaluation(posts, tmp_path):
    # Five held-out answers of at most eight characters: none is within 45 and 55.
    recipe = recipes.tldr_length("tiny", posts)
    small = recipe.with_(out=str(tmp_path / "r"), **{"task.heldout": 5}, **SMALL)
    run = paceline.train(small, quiet=True)
    assert len(list(run.metrics())) == 2
    assert (run.summary["after"]["n"], run.summary["after"]["sampled_accuracy"]) == (5, 0)
    rows = pq.read_table(run.rollouts_of(0)).to_pylist()
    assert len(rows) == 6
    for row in rows:
        assert row["reward"] == len(row["completion"]) - 50


def test_check_finds_it_sound(posts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["check", "tldr_length", "--model", "tiny", "--data", posts, "task.heldout=5"]
    assert main([*words, "rollouts.max_tokens=60"]) == 0
    text = capsys.readouterr().out
    assert "25 problems, 5 held out" in text and "a gold answer earns 0, an empty one -50" in text


def test_posts_that_cannot_be_used_are_one_sentence(posts, tmp_path):
    with pytest.raises(DataError, match=r"heldout is 500, .* 30 problems nothing is left to train"):
        recipes.tldr_length(data=posts).task.load()
    with pytest.raises(DataError, match="There is no file or folder"):
        recipes.tldr_length(data=str(tmp_path / "none.jsonl")).task.load()
    (tmp_path / "empty.jsonl").write_text('{"prompt": " "}\n{"prompt": "a"}\n')
    with pytest.raises(DataError, match=r"Row 1 of .*: the prompt in column 'prompt' is empty"):
        recipes.tldr_length(data=str(tmp_path / "empty.jsonl")).task.load()
