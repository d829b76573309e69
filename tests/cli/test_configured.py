"""From the words of a command line to a config."""

from argparse import Namespace
from pathlib import Path

import pytest

from paceline import recipes
from paceline.cli import main
from paceline.cli.configured import changed, overrides, refuse_idle
from paceline.errors import ConfigError
from paceline.tasks import Demonstrations, Preferences, Rows, name_of
from tests.helpers.commands import failing
from tests.helpers.fake_run import fake_run


def test_a_recipe_from_a_file_and_from_toml(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "import paceline\n"
        "def small():\n"
        "    return paceline.recipes.tiny().with_(steps=1, name='own')\n"
    )
    assert main(["train", "mine.py:small", "--quiet"]) == 0
    assert Path("runs/own/summary.json").is_file()
    Path("mine.toml").write_text('recipe = "tiny"\nname = "toml"\nsteps = 1\n')
    assert main(["train", "mine.toml", "--quiet"]) == 0
    assert Path("runs/toml/summary.json").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["beta=0.04"], "and in ms-swift: `'grpo(kl=0.04)'`."),
        (["--num_generations", "8"], "here it is `rollouts.completions`."),
        (
            ["--max-completion-length=8"],
            "and `dr_grpo` divides by it there as here.",
        ),
        (["--use_vllm"], "of something that is not here yet."),
        (["actor_rollout_ref.rollout.n=5"], "verl's name; here it is `rollouts.completions`."),
    ],
)
def test_another_trainers_key_is_answered_with_ours(words, sentence, capsys):
    code, error = failing(capsys, "train", "demo", *words)
    assert code == 2 and error.endswith(sentence) and "Did you mean" not in error


@pytest.mark.parametrize("key", ["gamma", "foo", "epochs_total", "task.beta"])
def test_what_is_like_no_key_gets_no_nearest(key, capsys):
    code, error = failing(capsys, "train", "demo", f"{key}=1")
    assert code == 2 and error == (
        f"paceline: There is no key '{key}'. `paceline show RECIPE --keys` lists them."
    )


def test_the_last_word_of_a_key_is_enough_to_be_understood(capsys):
    for word in ("max_tokens", "max_token"):
        _, error = failing(capsys, "show", "demo", f"{word}=8")
        assert "Did you mean 'rollouts.max_tokens' or 'evaluation.max_tokens'?" in error


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (r"{prompt}\n{input}", "{prompt}\n{input}"),
        (
            r"{prompt}\nAnswer with digits.\n\nBe brief.",
            "{prompt}\nAnswer with digits.\n\nBe brief.",
        ),
        (r"{prompt}\nso say it", "{prompt}\nso say it"),
        (r"{prompt} \neq \nu\nabla \not", r"{prompt} \neq \nu\nabla \not"),
        (r"{prompt}\newest", "{prompt}\newest"),
    ],
)
def test_the_end_of_a_line_can_be_typed(typed, read):
    config = changed(recipes.tiny(), overrides(["task=rows", f"task.user={typed}"], Namespace()))
    assert isinstance(config.task, Rows) and config.task.user == read


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["eval", "tiny", "--steps", "3"], "steps"),
        (["eval", "tiny", "--optimizer.lr", "3"], "optimizer.lr"),
        (["eval", "tiny", "evaluation.every=3"], "evaluation.every"),
        (["eval", "tiny", "--model", "other"], "model"),
        (["sample", "tiny", "1 + 1?", "evaluation.problems=3"], "evaluation.problems"),
        (["sample", "tiny", "1 + 1?", "rollouts.temperature=0.5"], "rollouts.temperature"),
        (["tasks", "check", "arithmetic", "seed=3"], "seed"),
    ],
    ids=" ".join,
)
def test_a_key_that_would_change_nothing_is_refused(words, key, capsys):
    command = " ".join(words[: 2 if words[0] == "tasks" else 1])
    code, error = failing(capsys, *words)
    assert code == 2 and "task.KEY" in error
    assert f"`paceline {command}` takes no key '{key}', as it would change nothing; its" in error


def test_keys_of_a_section_and_short_flags_for_them_are_taken():
    refuse_idle("eval", {"task.low": "1", "data": "x.jsonl", "seed": "3"}, ["task.KEY", "seed"])
    with pytest.raises(ConfigError, match=r"key 'tasks\.low', .* its keys are task\.KEY, seed\.$"):
        refuse_idle("eval", {"tasks.low": "1"}, ["task.KEY", "seed"])


def test_data_for_a_task_that_reads_none_is_refused(capsys):
    code, error = failing(capsys, "train", "tiny", "--data", "x.jsonl")
    assert code == 2 and error == (
        "paceline: Task arithmetic reads no rows, so --data would change nothing; add --task rows "
        "to learn from rows of yours."
    )
    assert changed(recipes.tiny(), {"task": "rows", "data": "x.jsonl"}).task == Rows("x.jsonl")


def test_data_says_what_a_stage_learns_from(tmp_path):
    rows = str(tmp_path / "rows.jsonl")
    task = changed(recipes.sft(), {"data": rows}).task
    assert isinstance(task, Demonstrations) and task.path == rows
    for recipe in (recipes.reward_model(), recipes.dpo()):
        task = changed(recipe, {"data": rows}).task
        assert isinstance(task, Preferences) and task.path == rows
    # The directory of a run brings its own answers: one by one, or in pairs.
    fake_run(tmp_path / "run")
    for recipe, pairs in ((recipes.sft(), False), (recipes.dpo(), True)):
        task = changed(recipe, {"data": str(tmp_path / "run")}).task
        assert (name_of(type(task)), task.path, task.pairs) == (
            "kept",
            str(tmp_path / "run"),
            pairs,
        )
    # A task that is named keeps its own meaning, and so do its options.
    assert changed(recipes.sft(), {"task": "gsm8k", "data": rows}).task.data == rows
    mine = recipes.sft().with_(task=Demonstrations(system="Be brief."))
    assert changed(mine, {"data": rows}).task.system == "Be brief."
    assert isinstance(
        changed(recipes.demo(), {"answers": "given", "data": rows}).task, Demonstrations
    )


def test_a_mistake_in_a_file_names_the_file(tmp_path, capsys):
    mine = tmp_path / "mine.toml"
    mine.write_text('recipe = "tiny"\n[optimizer]\nlrr = 1\n')
    code, error = failing(capsys, "train", str(mine))
    assert code == 2 and error.startswith(
        f"paceline: In '{mine}': There is no key 'optimizer.lrr'. Did you mean 'optimizer.lr'?"
    )
    mine.write_text('recipe = "tinny"\n')
    assert f"In '{mine}': There is no recipe 'tinny'." in failing(capsys, "train", str(mine))[1]
