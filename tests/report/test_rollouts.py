"""The rollouts on a report's page: which there are, and what is kept of each."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from paceline.report.page import json_text
from paceline.report.pieces import PieceTable
from paceline.report.rollouts import (
    HEAD,
    MOST_COMPLETIONS,
    MOST_ROUNDS,
    MOST_TOKENS,
    TAIL,
    RolloutData,
    parts_of,
    rollouts,
    row_of,
    sentence,
    spread,
    within,
)
from tests.helpers.fake_run import NASTY, fake_run, rollout_rows, write_rows


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> RolloutData:
    """The rollouts of a run of 80 steps, of which 21 rounds were kept."""
    return rollouts(fake_run(tmp_path_factory.mktemp("runs") / "sums", every=4))


def test_rollouts_are_whole_groups_of_rounds_spread_over_the_run(found: RolloutData) -> None:
    rounds = found.rounds
    assert len(rounds) == MOST_ROUNDS and (rounds[0].round, rounds[-1].round) == (1, 80)
    assert all(len(group.rows) == 8 for r in rounds for group in r.groups)
    # 33 rows a round hold four of its eight groups.
    assert sum(len(g.rows) for r in rounds for g in r.groups) == 384 <= MOST_COMPLETIONS
    assert {(r.of_groups, r.of_rows) for r in rounds} == {(8, 64)}
    # 21 files: round 1 and every fourth
    assert found.shown == (
        "Here: 384 completions of 12 of 21 rounds, which have 768; the run’s rollouts folder holds "
        "them"
        " all."
    )


def test_a_rollout_keeps_its_tokens_numbers_and_verdict(found: RolloutData) -> None:
    group = found.rounds[0].groups[0]
    row = group.rows[1]
    pieces = [found.pieces[i] for i in row.tokens]
    assert "".join(pieces).startswith(NASTY)
    assert row.text.startswith(NASTY) and row.length == len(pieces) == 8
    told = rollout_rows(1, 80, 8, 8)[1]
    assert row.old == [round(1000 * x) for x in told.old] and row.ref is None
    assert row.anchor == [round(1000 * x) for x in told.anchor or ()]
    assert row.advantage == [round(told.advantage[0], 4)]
    assert row.parts == {"answer": 0.0, "format": 0.2} and row.finish in ("stop", "length")
    assert (row.reward, row.reason, row.correct) == (told.reward, told.reason, False)
    assert group.prompt.startswith("<|im_start|>user\nWhat is ")
    special = [found.pieces[place] for place in found.special]
    assert special == ["<|im_end|>"]


def test_a_rollout_beside_a_critic_has_its_forecasts(tmp_path: Path) -> None:
    made = replace(rollout_rows(1, 80, 1, 2)[0], values=None)
    values = [0.25 * i for i in range(len(made.tokens))]
    rows = [replace(made, index=i, values=v) for i, v in enumerate((values, None))]
    write_rows(tmp_path / "rollouts/round-000001.parquet", rows)
    first, second = rollouts(tmp_path).rounds[0].groups[0].rows
    assert first.values == [250 * i for i in range(len(values))] and second.values is None


def test_a_group_knows_the_row_of_its_problem(found: RolloutData) -> None:
    first, *_, last = found.rounds[0].groups
    assert (first.problem_row, last.problem_row) == ("row 1", "row 8")


def test_the_choice_keeps_first_and_last_and_stays_within_its_budget() -> None:
    assert spread(list(range(80)), 4) == [0, 26, 53, 79]
    assert spread([1, 2], 12) == [1, 2] and spread([3, 4, 5], 1) == [3]
    groups = [list(range(8 * g, 8 * g + 8)) for g in range(16)]
    kept = within(groups, [100] * 128, rounds=12)
    assert [g[0] // 8 for g in kept] == [0, 5, 10, 15]  # 33 rows a round hold four groups of 8
    long = within(groups, [5000] * 128, rounds=12)  # 10,000 tokens a round hold two rows
    assert long == [[0, 7]]
    assert within([list(range(64))], [MOST_TOKENS] * 64, rounds=1) == [[0]]


def test_of_a_very_long_completion_the_middle_is_left_out(tmp_path: Path) -> None:
    n = 5000
    long = replace(
        rollout_rows(1, 80, 1, 2)[0],
        completion="x" * 50_000,
        token_ids=range(n),
        tokens=[f" {i}" for i in range(n)],
        special=[False] * n,
        old=[-0.5] * n,
        anchor=None,
        advantage=[float("nan")] * n,
    )
    rows = [replace(long, index=i) for i in range(300)]
    write_rows(tmp_path / "rollouts/round-000001.parquet", rows)
    data = rollouts(tmp_path)
    shown = data.rounds[0].groups[0].rows
    assert len(shown) == MOST_TOKENS // (HEAD + TAIL)
    pieces = [data.pieces[i] for i in shown[0].tokens]
    assert pieces[HEAD - 1 : HEAD + 1] == [" 499", " 4750"] and shown[0].gap == HEAD
    assert shown[0].length == n and shown[0].advantage == [None] * (HEAD + TAIL)
    assert shown[0].old == [-500] * (HEAD + TAIL) and shown[0].anchor is None
    assert "characters left out" in shown[0].text
    assert len(json_text(data)) < 4_000_000
    assert data.shown == (
        "Here: 160 completions of 1 round, which have 300; the run’s rollouts folder holds them "
        "all; of"
        " long ones the first 500 and last 250 tokens."
    )


def test_a_completion_of_the_most_tokens_has_no_gap() -> None:
    row, n = rollout_rows(1, 80, 1, 2)[0], HEAD + TAIL
    row = replace(row, tokens=["a"] * n, special=[False] * n, old=[-0.25] * n)
    shown = row_of(row, PieceTable())
    assert (shown.gap, shown.length, len(shown.tokens)) == (None, n, n)
    assert row_of(replace(row, advantage=[0.123456]), PieceTable()).advantage == [0.1235]


def test_rounds_of_earlier_versions_are_still_shown(tmp_path: Path) -> None:
    """They did not mark special tokens, and did not know where a problem was read."""
    folder = fake_run(tmp_path / "old", 1)
    (path,) = (folder / "rollouts").glob("*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["special", "problem_row"]), path)
    data = rollouts(folder)
    assert data.special == [] and "<|im_end|>" in data.pieces
    assert {group.problem_row for group in data.rounds[0].groups} == {""}


def test_a_round_that_is_being_written_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "rollouts/round-000001.parquet", rollout_rows(1, 80, 2, 8))
    (tmp_path / "rollouts/round-000002.parquet").write_bytes(b"PAR1 half")
    data = rollouts(tmp_path)
    assert [one.round for one in data.rounds] == [1]
    assert data.shown == (
        "Here: all 16 completions of 1 of 2 rounds; the run’s rollouts folder holds them all; not"
        " readable (still being written?): round-000002.parquet."
    )


def test_a_round_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rollouts/round-000001.parquet"
    write_rows(path, rollout_rows(1, 80, 1, 2))
    pq.write_table(pq.read_table(path).drop_columns(["reason"]), path)
    assert "being written?): round-000001.parquet." in rollouts(tmp_path).shown


def test_a_run_without_rollouts_says_why(tmp_path: Path) -> None:
    assert rollouts(tmp_path).shown == "No round has been sampled yet."
    write_rows(tmp_path / "rollouts/round-000001.parquet", [])
    assert rollouts(tmp_path).shown == "The rounds so far are empty."
    assert sentence([], 1, ["x.parquet"]).startswith("Here: all 0 completions of 0 of 1 round;")


def test_one_problem_drawn_twice_is_two_groups(tmp_path: Path) -> None:
    rows = [replace(row, problem_id="same") for row in rollout_rows(1, 80, 2, 2)]
    write_rows(tmp_path / "rollouts/round-000001.parquet", rows)
    (one,) = rollouts(tmp_path).rounds
    assert [[row.index for row in group.rows] for group in one.groups] == [[0, 1], [0, 1]]


def test_parts_of_a_reward_are_read_as_far_as_they_are_numbers() -> None:
    assert parts_of(json.dumps({"answer": 1, "form": 0.2})) == {"answer": 1.0, "form": 0.2}
    assert parts_of('{"answer": NaN, "form": "much", "length": 0.5}') == {"length": 0.5}
    for nothing in (None, "", "{broken", "[1, 2]"):
        assert parts_of(nothing) == {}
