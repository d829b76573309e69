"""The two sides of rows, by their places."""

from pathlib import Path
from typing import Any

import pytest

from paceline.errors import ConfigError, DataError
from paceline.tasks.columns import ProblemSet
from paceline.tasks.row import Row
from paceline.tasks.sides import Places, refuse_idle
from paceline.types import Problem
from tests.helpers.jsonl import write_jsonl


def made(rows: list[Row], where: str, of: str) -> ProblemSet:
    """A problem a row, named after it."""
    problems = [Problem(f"{r['q']}{of}", r["q"], row=f"row {i}{of}") for i, r in enumerate(rows, 1)]
    return ProblemSet(problems, [f"{len(rows)} rows of {where}."])


def numbered(path: Path, *numbers: int) -> str:
    return write_jsonl(path, [{"q": f"{i}?"} for i in numbers])


def test_some_of_the_rows_are_held_out(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.jsonl", *range(50))
    sides = Places(path, heldout=10).sides(made)
    assert (len(sides.train), len(sides.heldout), len(sides.sets)) == (40, 10, 1)
    assert sides.notes == (f"50 rows of '{path}'.",)
    assert [p.prompt for p in Places(path, limit=2).sides(made).train] == ["0?", "1?"]
    together = Places(path, heldout=10).sides(made, lambda problem: problem.id[0])
    assert not {p.id[0] for p in together.train} & {p.id[0] for p in together.heldout}
    with pytest.raises(DataError, match=r"heldout is 50, so that of '.*' with 50 problems nothing"):
        Places(path, heldout=50).sides(made)


def test_held_out_rows_may_have_a_place_of_their_own(tmp_path: Path) -> None:
    train = numbered(tmp_path / "train.jsonl", 0, 1, 2)
    test = numbered(tmp_path / "test.jsonl", 2, 3)
    for places, there in (
        (Places(train, heldout_path=test), f"'{test}'"),
        (Places(str(tmp_path), heldout_split="test"), f"'{tmp_path}' (test)"),
    ):
        sides = places.sides(made)
        assert [p.prompt for p in sides.train] == ["0?", "1?"]
        assert sorted(p.row for p in sides.heldout) == [f"row 1 of {there}", f"row 2 of {there}"]
        assert sides.notes[1:] == (
            f"2 rows of {there}.",
            "Training problems left out because their prompt is held out too: 1.",
        )
        assert len(sides.sets) == 2 and not places.holds_out_its_own and places.unread() == []


def test_files_beside_that_are_not_read_are_told(tmp_path: Path) -> None:
    train, test = numbered(tmp_path / "train.jsonl", 0), numbered(tmp_path / "test.jsonl", 1)
    assert Places(train).unread() == [
        f"'{test}' is there too and is not read; task.heldout_path={test} holds it out."
    ]
    assert Places(train).name == "train"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"path": ""}, r"task\.path is empty; set it to a file, a folder or a hub name\."),
        ({"limit": 0}, r"task\.limit is 0; it must be at least 1\."),
        ({"heldout_split": "test"}, "one file, so it has no split 'test'"),
        ({"split": "test"}, r"task\.split would change nothing: a file has no splits; leave it"),
        ({"subset": "main"}, r"task\.subset would change nothing: a file has no subsets"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    path = numbered(tmp_path / "a.jsonl", 1)
    Places(path).check()
    with pytest.raises(ConfigError, match=sentence):
        Places(**{"path": path, **options}).check()


def test_the_first_option_that_is_idle_is_told() -> None:
    refuse_idle((False, "a", "why"))
    with pytest.raises(ConfigError, match=r"^task\.b would change nothing: of this; leave it out"):
        refuse_idle((False, "a", "why"), (True, "b", "of this"), (True, "c", "of that"))
