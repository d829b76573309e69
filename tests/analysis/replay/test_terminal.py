"""`paceline replay`: its output, its JSON, its mistakes."""

import json

import pytest

from paceline.analysis.replay import Redone
from paceline.analysis.replay.conclusions import agreement, meaning
from paceline.analysis.replay.replay import OWN_LABEL
from paceline.analysis.replay.terminal import as_record, cosine_table, objectives_table
from paceline.cli import main
from paceline.run import Run
from tests.helpers.replays import a_measure, a_replay, an_effect, line_of


def test_the_command_tells_and_writes_a_page(copy, capsys):
    words = ["replay", str(copy), "--step", "8", "--objective", "gspo(low=1e-3,high=2e-3),dapo"]
    assert main([*words, "--objective", "sapo"]) == 0
    said = capsys.readouterr().out
    assert "step 8 of" in said and "part 4 of 4 of round 1, under grpo, gspo(low=1e-3" in said
    assert "4 steps have to be redone from the checkpoint of step 3" in said
    assert "save_keep=0 keeps all its checkpoints" in said
    assert "the run's bit for bit at all of the 5 steps up to 8" in said
    assert "cosine between the gradients" in said and "differs most" in said
    page = copy / "replay-step-000008.html"
    assert f"page     {page}" in said and page.is_file()


def test_the_command_as_json(copy, tmp_path, capsys):
    page = tmp_path / "p.html"
    words = ["replay", str(copy), "--step", "7", "--page", str(page), "--json"]
    assert main([*words, "--objective", "gspo"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["step"], found["round"], found["part"], found["parts"]) == (7, 1, 2, 4)
    assert found["redone"]["difference"] == 0 and found["redone"]["from"] == 3
    own, other = found["objectives"]
    line = line_of(Run(copy), 7)
    assert own["grad_norm"] == line["grad_norm"] and other["name"] == "gspo"
    assert len(found["cosine"]) == 2 and len(found["completions"]) == line["rows"] == 32
    weights = [c["effects"]["grpo"]["weight"] for c in found["completions"] if c["effects"]]
    assert sum(weights) == pytest.approx(1)
    assert page.is_file() and not list(copy.glob("replay-*"))


def test_the_commands_mistakes_are_one_sentence(copy, capsys):
    for words, said in (
        (["--step", "99"], "no step 99"),
        (["--step", "3", "--page", "/nowhere/x.html"], "The folder '/nowhere' of the page"),
        (["--step", "3", "--page", "."], "The page '.' is a folder; name a file"),
        (["--step", "3", "optimizer.lr=1"], "takes no key 'optimizer.lr'"),
        (["--step", "3", "--objective", "pppo"], "no objective 'pppo'"),
        (["--step", "3", "--objective", "ppo"], "needs a critic's values"),
    ):
        assert main(["replay", str(copy), *words]) == 2
        error = capsys.readouterr().err
        assert said in error and len(error.strip().splitlines()) == 1


def test_the_tables_have_a_row_for_each_objective():
    own, other = a_measure("grpo", grad_norm=2.0, clip_fraction=0.25), a_measure("gspo")
    found = a_replay(own, other, cosine=((1.0, None), (None, -0.5)))
    figures = [list(column.cells) for column in objectives_table(found).columns]
    assert figures == [
        ["grpo, the run's", "gspo"], ["2", "1"], ["1", "0.5"], ["0 of 4", "0 of 4"],
        ["25 %", "0 %"], ["1.5", "1.5"],
    ]  # fmt: skip
    cosines = [list(column.cells) for column in cosine_table(found).columns]
    assert cosines == [["grpo", "gspo"], ["1.000", "–"], ["–", "-0.500"]]


def test_without_a_gradient_of_the_runs_own_no_length_is_relative():
    found = a_replay(a_measure(OWN_LABEL, grad_norm=0.0), a_measure("gspo"))
    name, _, relative, *_ = objectives_table(found).columns
    assert list(name.cells) == [OWN_LABEL, "gspo"] and list(relative.cells) == ["–", "–"]
    assert [o["norm_ratio"] for o in as_record(found)["objectives"]] == [None, None]


def test_the_record_has_each_completion_with_the_effects_on_it():
    effect = an_effect(1, (0.2, 0.4), weight=0.6, clipped=1)
    found = a_replay(a_measure("grpo", effect), a_measure("gspo"))
    record = json.loads(json.dumps(as_record(found)))
    assert [c["row"] for c in record["completions"]] == [0, 1, 4, 5]
    assert record["completions"][1] == {
        "row": 1, "problem": "p0", "problem_row": "row 1", "reward": 1.0, "correct": True,
        "tokens": 2, "finish": "stop",
        "effects": {
            "grpo": {"advantage": 1.0, "weight": 0.6, "push": pytest.approx(0.6), "ratio": 1.0,
                     "ratio_max": 1.0, "clipped": 1},
        },
    }  # fmt: skip
    assert record["completions"][0]["effects"] == {}
    assert record["redone"] == {
        "from": 3, "steps": 2, "difference": 0.0, "agreement": agreement(found), "notes": [],
    }  # fmt: skip
    assert record["meaning"] == meaning(found)


def test_numbers_that_are_not_finite_are_none_in_the_record():
    inf, nan = float("inf"), float("nan")
    broken = an_effect(0, (inf, 0.1), push=nan, weight=nan, advantage=-inf, ratio=inf,
                       ratio_max=nan)  # fmt: skip
    found = a_replay(a_measure("grpo", broken, grad_norm=nan), a_measure("gspo"),
                     redone=Redone(0, 5, inf, 2))  # fmt: skip
    record = json.loads(json.dumps(as_record(found), allow_nan=False))
    assert record["objectives"][0]["grad_norm"] is record["objectives"][1]["norm_ratio"] is None
    shown = record["completions"][0]["effects"]["grpo"]
    assert {shown[key] for key in ("advantage", "weight", "push", "ratio", "ratio_max")} == {None}
    assert record["redone"]["difference"] is None
