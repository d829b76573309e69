"""The distance of a policy from its start, from the rounds on disk."""

import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paceline.analysis.compare.kl import ESTIMATOR, KL_FILE, MEASURED_ROWS, kl_of, measure_kl
from paceline.report.rollouts import spread
from paceline.run.screen import Screen
from paceline.run.signals import Interrupts
from paceline.store.comparison import KlPoint, KlRecord


@pytest.fixture
def one(trained, tmp_path):
    """A trained run of two rounds, on a copy that has not been measured."""
    copy = replace(trained[0], path=tmp_path / "seed-0")
    shutil.copytree(trained[0].path, copy.path)
    (copy.path / KL_FILE).unlink(missing_ok=True)
    return copy


def measure(*runs):
    measure_kl(runs, Screen(0), Interrupts())


def with_columns(path, **columns):
    """A round's file with other log-probabilities in it."""
    table = pq.read_table(path)
    for name, values in columns.items():
        place, kind = table.schema.get_field_index(name), table.schema.field(name).type
        table = table.set_column(place, name, pa.array(values, type=kind))
    pq.write_table(table, path)


def test_a_run_that_was_not_measured_has_no_points(one):
    assert kl_of(one.run) == ()


def test_the_start_itself_is_at_distance_zero(one):
    measure(one)
    first, second = kl_of(one.run)
    assert (first.step, second.step) == (0, 2)
    assert first.kl == pytest.approx(0, abs=1e-5)
    lengths = [len(ids) for ids in pq.read_table(one.run.rollouts_of(0))["token_ids"].to_pylist()]
    assert first.tokens == sum(spread(lengths, MEASURED_ROWS))


def test_the_figure_is_the_mean_log_ratio_of_the_tokens(one):
    rows = pq.read_table(one.run.rollouts_of(0))
    # As if the policy of round 0 had found every token e^¼ times as probable as the start.
    moved = [[p + 0.25 for p in old] for old in rows["old"].to_pylist()]
    with_columns(one.run.rollouts_of(0), old=moved, anchor=[None] * rows.num_rows)
    measure(one)
    assert kl_of(one.run)[0].kl == pytest.approx(0.25, abs=1e-5)


def test_the_trainers_own_log_probabilities_are_taken_where_a_round_has_them(one):
    rows = pq.read_table(one.run.rollouts_of(0))
    moved = [[p + 0.5 for p in old] for old in rows["old"].to_pylist()]
    with_columns(one.run.rollouts_of(0), anchor=moved)
    measure(one)
    assert kl_of(one.run)[0].kl == pytest.approx(0.5, abs=1e-5)


def test_a_round_that_cannot_be_read_is_a_point_less(one):
    damaged = one.run.rollouts_of(0)
    damaged.write_bytes(damaged.read_bytes()[:100])
    measure(one)
    assert [point.step for point in kl_of(one.run)] == [2]


def test_a_measured_run_is_not_measured_again_but_one_of_another_estimator_is(one, capsys):
    point = KlPoint(step=0, kl=5.0, tokens=1)
    for of, points in ((ESTIMATOR, 1), ("KL(policy | start), k3", 0)):
        one.run.write_json(KL_FILE, KlRecord(of=of, points=(point,)).to_json())
        assert len(kl_of(one.run)) == points
        measure(one)
        said = capsys.readouterr().out
        assert ("measuring how far 1 run moved" in said) == (points == 0)
    assert [found.step for found in kl_of(one.run)] == [0, 2]


def test_an_error_is_told_once_and_costs_the_figure_alone(one, capsys):
    arm = replace(one.arm, config=one.arm.config.with_(**{"model.path": "gone"}))
    measure(replace(one, arm=arm), one)
    said = capsys.readouterr().out
    assert said.count("note: how far runs moved could not be measured (") == 1
    assert len(kl_of(one.run)) == 2
