"""Rounds on disk by themselves."""

from array import array
from dataclasses import replace

import pyarrow.parquet
import pytest

from paceline.objective import named
from paceline.report.rollouts import rollouts
from paceline.store.rounds import read_round, write_round
from paceline.types import Round
from tests.helpers.kinds import KINDS
from tests.helpers.rounds import group_of


def written(folder, kind, *rows):
    """The file of a round of one group with these tokens, read back."""
    tokenizer = KINDS[kind]()
    ids = [tuple(tokenizer.convert_tokens_to_ids(list(row))) for row in rows]
    group = group_of((3, 4), [(row, (-0.5,) * len(row), float(i)) for i, row in enumerate(ids)])
    told = tuple(
        replace(r, completion=replace(r.completion, text=tokenizer.decode(row, True)))
        for r, row in zip(group.rollouts, ids, strict=True)
    )
    folder.mkdir()
    path = folder / "round-000000.parquet"
    write_round(path, Round(0, (replace(group, rollouts=told),)), named.rloo(), tokenizer, step=1)
    return pyarrow.parquet.read_table(path).to_pylist()


@pytest.mark.parametrize(
    ("kind", "rows", "texts"),
    [
        ("byte-level", [("Ġso", "ä¸", "Ń", "<|im_end|>"), ("s", "ä")],
         [[" so", "", "中", "<|im_end|>"], ["s", "�"]]),
        ("unigram", [("▁Hello", "▁world", "<0xC3>", "<0xA9>"), ("▁so", "</s>", "▁world")],
         [["Hello", " world", "", "é"], ["so", "</s>", " world"]]),
    ],
)  # fmt: skip
def test_tokens_are_what_each_adds_to_the_completion(tmp_path, kind, rows, texts):
    read = written(tmp_path / "rollouts", kind, *rows)
    assert [row["tokens"] for row in read] == texts
    for row, tokens in zip(read, rows, strict=True):
        assert row["special"] == [token in ("<|im_end|>", "</s>") for token in tokens]
        told = zip(row["tokens"], row["special"], strict=True)
        assert "".join(text for text, special in told if not special) == row["completion"]
    # The report's page has the same, each piece once.
    data = rollouts(tmp_path)
    shown = data.rounds[0].groups[0].rows
    assert [[data.pieces[i] for i in row.tokens] for row in shown] == texts
    assert [[i in data.special for i in row.tokens] for row in shown] == [
        row["special"] for row in read
    ]
    assert len(set(data.pieces)) == len(data.pieces)


def test_a_round_knows_the_rows_of_its_problems_and_older_ones_are_read_without(tmp_path):
    group = group_of((3, 4), [((5,), (-0.5,), 0.0), ((6,), (-0.5,), 1.0)])
    problem = replace(group.problem, row="row 17")
    rollouts = tuple(replace(r, problem=problem) for r in group.rollouts)
    told = Round(0, (replace(group, problem=problem, rollouts=rollouts),))
    path = tmp_path / "round-000000.parquet"
    write_round(path, told, named.rloo(), KINDS["byte-level"](), step=1)
    table = pyarrow.parquet.read_table(path)
    assert table["problem_row"].to_pylist() == ["row 17", "row 17"]
    pyarrow.parquet.write_table(table.drop_columns("problem_row"), path)
    assert read_round(path, lambda draw: problem).rewards == (0.0, 1.0)


def test_a_critics_forecasts_are_kept_number_for_number_and_older_files_have_none(tmp_path):
    group = group_of((3, 4), [((5, 6), (-0.5, -0.1), 0.0), ((6,), (-0.5,), 1.0)])
    tokenizer, path = KINDS["byte-level"](), tmp_path / "round-000000.parquet"
    values = (array("f", [0.1, 1 / 3]), array("f", [-2.5e-8]))
    write_round(path, Round(0, (group,), values=values), named.ppo(), tokenizer, step=1)
    assert read_round(path).values == values
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.drop(["values"]), path)
    assert read_round(path).values is None


def test_letters_that_spell_a_special_token_are_another_piece_than_the_token(tmp_path):
    written(tmp_path / "rollouts", "byte-level", ("<|im_end|>", *"<|im_end|>"), ("s",))
    data = rollouts(tmp_path)
    (row, _) = data.rounds[0].groups[0].rows
    special, *letters = row.tokens
    assert data.special == [special] and data.pieces[special] == "<|im_end|>"
    assert [data.pieces[i] for i in letters] == list("<|im_end|>")
