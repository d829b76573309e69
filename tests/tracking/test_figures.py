"""What of a run's records trackers get."""

import json
import math
from dataclasses import asdict, replace

from paceline.tracking.figures import (
    COLUMNS,
    COLUMNS_READ,
    MOST_CHARACTERS,
    MOST_COMPLETIONS,
    completions_of,
    figures_of_evaluation,
    figures_of_step,
)
from tests.helpers.fake_run import BEFORE, fake_step, rollout_rows


def test_every_number_of_a_line_of_metrics_is_sent_under_its_name():
    record = fake_step(7, 80)
    found = dict(figures_of_step(record))
    line = record.to_json()
    for name, value in line.items():
        if name in ("step", "reasons", "evaluation"):
            assert f"train/{name}" not in found
        elif isinstance(value, dict):
            for key, inner in value.items():
                assert found.pop(f"train/{name}/{key}") == inner
        elif value is None:
            assert f"train/{name}" not in found
        else:
            assert found.pop(f"train/{name}") == value
    assert found == {}


def test_what_is_no_number_is_left_out_and_true_is_one():
    record = replace(fake_step(7, 80), entropy=math.nan, kl=math.inf, skipped=True)
    found = figures_of_step(record)
    assert "train/entropy" not in found and "train/kl" not in found
    assert found["train/skipped"] == 1


def test_an_evaluation_is_sent_with_its_intervals():
    found = figures_of_evaluation(BEFORE)
    assert found["eval/sampled_accuracy"] == 0.032 and found["eval/n"] == 500
    assert found["eval/sampled_accuracy_low"] == 0.0198
    assert found["eval/sampled_accuracy_high"] == 0.0514
    assert found["eval/pass_at/1"] == 0.032
    assert "eval/task" not in found


def table_of(rows):
    """The table of a round's rows, of which a follower reads some columns alone."""
    return completions_of([{name: asdict(row)[name] for name in COLUMNS_READ} for row in rows])


def test_the_table_has_the_first_problem_from_which_the_round_has_learned():
    rows = rollout_rows(1, 80, 3, 4)
    rows = [replace(row, reward=1.0 if row.draw == 0 else row.index % 2) for row in rows]
    table = table_of(rows)
    assert tuple(table.columns) == COLUMNS
    draw = [row for row in rows if row.draw == 1]
    assert [row[2] for row in table.rows] == [row.completion for row in draw]
    first = dict(zip(table.columns, table.rows[0], strict=True))
    assert first["verdict"] == draw[0].reason and first["answer"] == draw[0].answer
    assert first["advantage"] == float(f"{draw[0].advantage[0]:.4g}")


def test_a_round_without_signal_shows_its_first_problem_and_an_empty_one_none():
    rows = [replace(row, reward=1.0) for row in rollout_rows(1, 80, 3, 4)]
    assert table_of(rows).rows[0][2] == rows[0].completion
    assert table_of([]).rows == []


def test_large_groups_and_long_texts_are_bounded():
    rows = rollout_rows(1, 80, 1, 40)
    rows = [replace(row, completion="x" * 10**6, advantage=[0.5, 1.5]) for row in rows]
    table = table_of(rows)
    assert len(table.rows) == MOST_COMPLETIONS
    assert len(table.rows[0][2]) < MOST_CHARACTERS + 100
    assert table.rows[0][6] == 1.0  # the mean of one advantage a token
    assert json.dumps(table.rows)
