"""Output of `paceline check`."""

import json

import pytest

from paceline.cli.print_check import as_record, print_check
from paceline.errors import ConfigError
from paceline.preflight.preflight import check
from paceline.recipes import tiny
from paceline.tasks import Rows


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_with(tmp_path, reward):
    """Twenty rows, judged by this function of a file; there are no gold answers."""
    data = [{"prompt": f"say {i}", "answer": str(i)} for i in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
    (tmp_path / "mine.py").write_text(f"def mine(problem, completion):\n    {reward}\n")
    task = Rows("rows.jsonl", reward="mine.py:mine", heldout=5)
    return tiny().with_(task=task, rewards={"workers": 0}, **{"evaluation.problems": 5})


def test_every_finding_has_a_line_and_the_last_one_is_the_command(tmp_path, capsys):
    print_check(tiny().with_(steps=7), "paceline train tiny steps=7")
    lines = capsys.readouterr().out.splitlines()
    assert "  task       arithmetic: 14 problems, 11 held out" in lines
    assert "  model      tiny: 79,296 parameters, float32, cpu" in lines
    assert "  sandbox    not needed: nothing that a model writes is run" in lines
    (reward,) = [line for line in lines if line.startswith("  reward ")]
    assert "a gold answer earns 1, an empty one 0, junk 0; " in reward
    prompt = lines[lines.index("  tokenizer  renders the first prompt as") + 1 :]
    assert any("│ What is" in line for line in prompt)
    assert lines[-1] == "sound: `paceline train tiny steps=7`"
    assert list(tmp_path.iterdir()) == []


def test_without_gold_answers_the_empty_one_is_named_in_full(tmp_path, capsys):
    print_check(rows_with(tmp_path, "return 0.25 * (len(completion.text) > 0)"), "train")
    said = capsys.readouterr().out
    assert "reward     an empty answer earns 0, junk 0.25; " in said


def test_an_answer_without_a_verdict_earns_none_and_notes_are_told(tmp_path, capsys):
    config = rows_with(tmp_path, "return float(completion.text[0] == 'x')")
    print_check(config.with_(**{"rewards.on_error": "drop"}), "train")
    lines = capsys.readouterr().out.splitlines()
    assert any("an empty answer earns no verdict, junk 1; " in line for line in lines)
    assert any(line.startswith("  note: The reward 'mine' (mine.py") for line in lines)


def test_the_record_has_the_totals_beside_their_parts(tmp_path):
    found = check(tiny())
    record = json.loads(json.dumps(as_record(found, "paceline train tiny")))
    assert record["sound"] is True and record["command"] == "paceline train tiny"
    assert record["task"] == {"name": "arithmetic", "training": 14, "heldout": 11}
    assert (record["model"], record["dtype"], record["device"]) == ("tiny", "float32", "cpu")
    assert record["memory"]["total"] == found.estimate.memory.total
    assert record["disk"]["total"] == found.estimate.disk.total
    assert record["seconds"]["total"] == pytest.approx(found.estimate.seconds.total)
    kinds = {paid["kind"]: paid["rewards"] for paid in record["reward"]["paid"]}
    assert kinds == {"gold": [1.0, 1.0, 1.0], "empty": [0.0], "junk": [0.0]}


def test_as_json_nothing_else_is_printed(capsys):
    print_check(tiny(), "paceline train tiny", as_json=True)
    assert json.loads(capsys.readouterr().out)["parameters"] == 79_296


def test_a_directory_of_something_else_is_refused(tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        print_check(tiny().with_(out="taken"), "train")
    assert capsys.readouterr().out == ""
