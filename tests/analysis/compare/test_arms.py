"""What is compared, from what a user writes."""

import pytest

from paceline.analysis.compare.arms import Arm, arms_of, varied
from paceline.config import labelled, split
from paceline.errors import ConfigError
from paceline.objective import KL, Center, Objective, named
from paceline.recipes import tiny


def test_objectives_by_name_argument_file_and_value(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from paceline.objective import *\n"
        "half = Objective(advantage=Center(), surrogate=Clip(0.1))\n"
    )
    found = labelled(["grpo", "gspo(low=1e-3)", f"{file}:half", named.rloo()])
    assert list(found) == ["grpo", "gspo(low=1e-3)", "half", "rloo"]
    assert found["gspo(low=1e-3)"] == named.gspo(low=1e-3) and found["rloo"] == named.rloo()
    assert found["half"].advantage == Center()


def test_a_kl_in_brackets_is_one_objective_with_its_text_as_its_label():
    weighted = "grpo(kl=KL(0.1, weighted=True))"
    found = labelled(split(f"grpo,{weighted},grpo(kl=0.1)"))
    assert list(found) == ["grpo", weighted, "grpo(kl=0.1)"]
    assert found[weighted].kl == KL(0.1, weighted=True) != found["grpo(kl=0.1)"].kl


def test_an_own_value_does_not_take_an_algorithms_name(tmp_path):
    (tmp_path / "mine.py").write_text("from paceline.objective import *\ngrpo = rloo()\n")
    found = labelled([f"{tmp_path}/mine.py:grpo", "grpo"])
    assert list(found) == ["mine.py:grpo", "grpo"] and found["grpo"] == named.grpo()


@pytest.mark.parametrize("text", ["grpo(0.5)", "grpo(low=0.5)(kl=0.1)", "grpo(low=0.5"])
def test_arguments_of_another_form_are_refused(text):
    with pytest.raises(ConfigError, match="is not an objective; write grpo"):
        labelled([text])


def test_a_function_that_wants_something_is_no_objective(tmp_path):
    (tmp_path / "mine.py").write_text("def advantage(round):\n    return round\n")
    with pytest.raises(ConfigError, match="takes no arguments"):
        labelled([f"{tmp_path}/mine.py:advantage"])


def test_the_length_of_heldout_answers_is_not_varied():
    vary = {"rollouts.max_tokens": [8, 16]}
    with pytest.raises(ConfigError, match=r"set evaluation\.max_tokens=16, say, for all"):
        arms_of(tiny(), {}, vary)
    assert len(arms_of(tiny().with_(evaluation={"max_tokens": 16}), {}, vary)) == 2


def test_a_label_of_signs_has_a_directory():
    assert Arm("…", tiny()).folder == "unnamed"


def test_a_mapping_gives_its_own_labels():
    mine = {"mine": Objective(advantage=Center()), "theirs": named.grpo()}
    assert labelled(mine) == mine


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["grpo", "grpo"], "'grpo' is named twice"),
        ([Objective(advantage=Center())], "give labels"),
        (["grop"], "Did you mean"),
    ],
)
def test_objectives_that_cannot_be_told_apart_are_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        labelled(given)


def test_commas_within_parentheses_do_not_split():
    assert split("grpo, gspo(low=1e-3,high=2e-3),x.py:y") == [
        "grpo", "gspo(low=1e-3,high=2e-3)", "x.py:y",
    ]  # fmt: skip
    assert split("") == []


def test_every_objective_meets_every_value():
    vary = varied(["optimizer.lr=1e-3,1e-2", "schedule.epochs=1,2"])
    arms = arms_of(tiny(), labelled(["grpo", "rloo"]), vary)
    assert len(arms) == 8
    assert arms[1].label == "grpo optimizer.lr=1e-3 schedule.epochs=2"
    assert arms[1].folder == "grpo-optimizer.lr=1e-3-schedule.epochs=2"
    assert arms[7].config.objective == named.rloo() and arms[7].config.optimizer.lr == 1e-2
    assert arms[7].config.schedule.epochs == 2


def test_values_alone_keep_the_recipes_objective():
    arms = arms_of(tiny(), {}, varied(["optimizer.lr=1e-3,1e-2"]))
    assert [a.label for a in arms] == ["optimizer.lr=1e-3", "optimizer.lr=1e-2"]
    assert {a.config.objective for a in arms} == {tiny().objective}


@pytest.mark.parametrize(
    ("objectives", "vary", "said"),
    [
        (["grpo"], [], "at least two things"),
        ([], [], "at least two things"),
        (["grpo", "grpo(low=0.2)"], [], "are the same"),
        (["grpo"], ["optimizer.lr=1e-3,0.001"], "are the same"),
        (["grpo"], ["optimizer.rl=1e-3,1e-2"], "no key 'optimizer.rl'"),
        (["grpo"], ["optimizer.lr=fast,slow"], "takes a number"),
    ],
)
def test_what_is_no_comparison_is_refused(objectives, vary, said):
    with pytest.raises(ConfigError, match=said):
        arms_of(tiny(), labelled(objectives), varied(vary))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimizer.lr"], "at least two values"),
        (["optimizer.lr=1"], "at least two values"),
        (["seed=1,2"], "seed cannot be varied"),
        (["evaluation.problems=5,10"], "cannot be varied: it says how all are measured"),
        (["steps=4,4", "steps=8,9"], "names steps twice"),
        (["steps=0,4"], "steps is 0"),
    ],
)
def test_what_cannot_be_varied_is_refused(words, said):
    with pytest.raises(ConfigError, match=said):
        arms_of(tiny(), {}, varied(words))


def test_values_may_be_values_from_python():
    arms = arms_of(
        tiny(), {}, {"optimizer.lr": [1e-3, 1e-2], "task.operators": [("+",), ("+", "-")]}
    )
    assert [a.config.optimizer.lr for a in arms] == [1e-3, 1e-3, 1e-2, 1e-2]
    assert arms[1].config.task.operators == ("+", "-")
    with pytest.raises(ConfigError, match="at least two values"):
        arms_of(tiny(), {}, {"optimizer.lr": "1e-3,1e-2"})


def test_evaluations_on_the_way_are_at_ends_of_each_arms_rounds():
    arms = arms_of(tiny(), {}, varied(["steps=8,80", "schedule.minibatches=1,4"]))
    assert [a.config.evaluation.every for a in arms] == [2, 4, 20, 20]


def test_two_files_may_have_objectives_of_one_name(tmp_path):
    for stem in ("a", "b"):
        (tmp_path / f"{stem}.py").write_text("from paceline.objective import rloo\ngrpo = rloo()\n")
    found = labelled(["grpo", f"{tmp_path}/a.py:grpo", f"{tmp_path}/b.py:grpo"])
    assert list(found) == ["grpo", "a.py:grpo", "b.py:grpo"]


def test_labels_that_share_a_directory_are_refused():
    both = {"a b": named.grpo(), "a-b": named.gspo()}
    with pytest.raises(ConfigError, match="would share the directory"):
        arms_of(tiny(), both, {})
