"""Programming tasks from rows."""

import json
import re

import pytest

from paceline.cli.print_task import check_task, print_task, refuse_failed
from paceline.errors import ConfigError, DataError
from paceline.tasks import Code
from paceline.verify.calling.reward_config import RewardConfig


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


ADD = "print(sum(map(int, input().split())))"


def rows(count=12):
    return [
        {"prompt": f"Print the sum of two numbers, variant {i}.", "code": ADD,
         "cases": [{"stdin": f"{i} 2", "stdout": f"{i + 2}"}]}
        for i in range(count)
    ]  # fmt: skip


def test_right_programs_score_and_a_wrong_row_is_named(tmp_path, capsys):
    path = write(tmp_path / "rows.jsonl", rows())
    right = check_task(Code(path), RewardConfig())
    refuse_failed(right)
    print_task(right)
    assert "12 of 12 gold answers score full marks" in capsys.readouterr().out
    wrong = rows()
    wrong[3]["cases"][0]["stdout"] = "999"
    checked = check_task(Code(write(tmp_path / "rows.jsonl", wrong)), RewardConfig())
    assert capsys.readouterr().out == ""
    found = checked.as_json()
    assert (found["checked"], found["without"], len(found["failed"])) == (12, 0, 1)
    (one,) = found["failed"]
    assert one["reason"] == "another output" and one["row"] == "row 4"
    with pytest.raises(DataError, match="1 of 12 gold answers"):
        refuse_failed(checked)
    print_task(checked)
    place = rf"{one['side']} problem {one['number']}, {one['id']} \(row 4\), '':"
    assert re.search(place, " ".join(capsys.readouterr().out.split()))


def test_mbpps_columns(tmp_path):
    made = [{"text": f"Write add, {i}.", "code": "def add(a, b):\n    return a + b",
             "test_list": [f"assert add({i}, 1) == {i + 1}"], "test_setup_code": ""}
            for i in range(10)]  # fmt: skip
    path = write(tmp_path / "rows.jsonl", made)
    source = Code(path, prompt="text", checks="asserts", column="test_list")
    checked = check_task(source, RewardConfig())
    assert checked.checked == 10 and not checked.failed


def test_rows_without_checks_are_named(tmp_path):
    made = rows()
    made[5]["cases"] = []
    with pytest.raises(DataError, match=r"Row 6 of .*: there are no checks in column 'cases'; set"):
        Code(write(tmp_path / "rows.jsonl", made)).load()
    task = Code(write(tmp_path / "rows.jsonl", made), on_error="drop").load()
    assert len(task.train) + len(task.heldout) == 11
    assert "row 6 of" in task.notes[0] and task.notes[0].startswith("Left out: ")
    with pytest.raises(DataError, match=r"column 'tests'; set task\.column .* of \[code, cases\]"):
        Code(str(tmp_path / "rows.jsonl"), column="tests").load()
    with pytest.raises(ConfigError, match=r"task\.checks is 'unit'"):
        Code(str(tmp_path / "rows.jsonl"), checks="unit").load()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("check", "bad", "said"),
    [
        ("cases", {"stdin": "1"}, "is not {stdin, stdout}"),
        ("asserts", "assert math.isclose(f(2), 4.19)", "is not `assert call == value`"),
    ],
)
def test_checks_that_cannot_be_used_are_told_before_training(tmp_path, check, bad, said):
    good = {"cases": {"stdin": "1", "stdout": "1"}, "asserts": "assert f(1) == 1"}[check]
    made = [{"prompt": f"Write it, {i}.", "cases": [good]} for i in range(10)]
    made[7]["cases"] = [good, bad]
    with pytest.raises(DataError, match=r"Row 8 of .* \(row 8\) .*" + said):
        Code(write(tmp_path / "rows.jsonl", made), checks=check).load()
