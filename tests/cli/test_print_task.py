"""Output of `paceline tasks check`."""

import json

from paceline.cli import main


def test_rows_are_named_by_their_numbers(tmp_path, capsys):
    rows = [{"prompt": f"{i} + 1?", "answer": str(i + 1), "code": f"print({i})"} for i in range(9)]
    for row in rows:
        row["cases"] = [{"stdin": "", "stdout": row["answer"]}]
        row["code"] = f"print({row['answer']})"
    rows[6]["code"] = "print('?')"
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code = main(["tasks", "check", "code", "--json", f"task.path={tmp_path}/a.jsonl"])
    found = json.loads(capsys.readouterr().out)
    assert code == 3 and [failed["row"] for failed in found["failed"]] == ["row 7"]
    assert main(["tasks", "check", "code", f"task.path={tmp_path}/a.jsonl"]) == 3
    assert f"{found['failed'][0]['id']} (row 7), '" in capsys.readouterr().out


def test_notes_are_marked_as_notes(tmp_path, capsys):
    rows = [{"prompt": f"{i} + 1?", "answer": str(i + 1)} for i in range(9)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, [*rows, rows[0]])))
    assert main(["tasks", "check", "rows", f"task.path={tmp_path}/a.jsonl"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert f"  note: Row 10 of '{tmp_path}/a.jsonl': left out, the same as an earlier row." in said
