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
