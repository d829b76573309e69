"""The data of the page's reader."""

from dataclasses import replace

import pytest

from paceline.analysis.replay import token_data
from paceline.analysis.replay.page import write_page
from paceline.analysis.replay.token_data import reader_data
from paceline.model import Pieces
from tests.helpers.browser import Page
from tests.helpers.replays import a_measure, a_replay, an_effect


def test_the_page_holds_every_number(later, tmp_path):
    write_page(later, tmp_path / "x.html")
    page = Page(tmp_path / "x.html")
    data = page.data("replay")
    assert data["names"] == ["grpo", "dr_grpo", "gspo", "dapo", "cispo", "rloo"]
    assert f"{later.own.grad_norm:.3g}" in page.text and f"{later.cosine[0][1]:.3f}" in page.text
    for group in data["groups"]:  # the problem "say 4" stands in the data's row 5
        assert group["problem_row"] == f"row {int(group['answer']) + 1}"
    rows = {row["row"]: row for group in data["groups"] for row in group["rows"]}
    for which, m in enumerate(later.measured):
        for e in m.effects:
            shown = rows[e.row]["effects"][which]
            assert shown["weight"] == pytest.approx(e.weight, rel=1e-5)
            assert [i for i, c in enumerate(e.clipped_T) if c] == shown["bound"]
            part = data["largest"][which] / data["scale"]
            assert [p * part for p in shown["pushes"]] == pytest.approx(list(e.push_T), abs=part)
            told = [(data["pieces"][i], i in data["special"]) for i in rows[e.row]["tokens"]]
            pieces = later.pieces[e.row]
            assert told == list(zip(pieces.texts, pieces.special, strict=True))
            completion = later.round.rollouts[e.row].completion
            assert "".join(text for text, special in told if not special) == completion.text
            assert [special for _, special in told] == [
                t in (0, 1, 2, 3) for t in completion.token_ids
            ]
    bars = [a for tag, a in page.elements if tag == "rect"]
    assert len(bars) == sum(e.weight > 0 for m in later.measured for e in m.effects)


def test_a_large_part_is_cut_to_what_weighs_most(later, monkeypatch):

    whole = reader_data(later)
    assert len(whole.groups) == 2 and whole.shown == (
        "Here: 32 completions of 2 of the part’s 2 problems."
    )
    monkeypatch.setattr(token_data, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(token_data, "MOST_ROWS", 3)
    cut = reader_data(later)
    assert len(cut.groups) == 1 and len(cut.groups[0].rows) == 3
    assert "the ones that weigh most of" in cut.shown
    assert "of large groups the 3 that weigh most" in cut.shown


UP = an_effect(1, (0.2, 0.4), weight=0.6, logp_T=(-1.0, -0.5), anchor_T=(-1.25, -0.5))
DOWN = an_effect(4, (-0.1, 0.0), weight=0.4, advantage_T=(-1.0, -0.5), clipped_T=(False, True),
                 clipped=1)  # fmt: skip


def test_a_completions_numbers_are_whole_parts_of_their_units():
    data = reader_data(a_replay(a_measure("grpo", UP, DOWN), a_measure("gspo")))
    assert (data.names, data.largest, data.scale) == (["grpo", "gspo"], [0.4, 0.0], 10_000)
    first, last = data.groups
    assert (first.problem, first.problem_row, first.prompt, first.answer) == (
        "p0", "row 1", "say 0", "0",
    )  # fmt: skip
    row = first.rows[1]
    assert (row.row, row.index, row.reward, row.correct, row.length) == (1, 1, 1.0, True, 2)
    assert (row.old, row.logp, row.moved) == ([-1500, -500], [-1000, -500], [25_000, 0])
    effect, none = row.effects
    # 0.2 is half of the largest push.
    assert none is None and effect is not None and effect.pushes == [5000, 10_000]
    assert effect.advantages is None and effect.bound == []
    (effect, _) = last.rows[0].effects
    assert effect is not None and effect.advantages == [-1.0, -0.5] and effect.bound == [1]
    # Without an effect there is no policy's log-probability to show.
    assert first.rows[0].logp is first.rows[0].moved is None
    # Each piece stands once: w0, the stop token, w1, w4, w5.
    assert data.pieces == ["w0", "<|im_end|>", "w1", "w4", "w5"] and data.special == [1]
    assert [r.tokens for g in data.groups for r in g.rows] == [[0, 1], [2, 1], [3, 1], [4, 1]]


def test_the_sentence_says_what_is_left_out(monkeypatch):
    both = a_replay(a_measure("grpo", UP, DOWN))
    assert reader_data(both).shown == "Here: 4 completions of 2 of the part’s 2 problems."
    one = reader_data(a_replay(a_measure("grpo", UP)))
    assert one.shown.endswith("of 1 of the part’s 2 problems; no objective here pushes the others.")
    monkeypatch.setattr(token_data, "HEAD", 1)
    monkeypatch.setattr(token_data, "TAIL", 0)
    assert "; of long completions the first 1 and last 0 tokens" in reader_data(both).shown


def test_of_a_long_completion_the_first_and_last_tokens_are_held(monkeypatch):
    monkeypatch.setattr(token_data, "HEAD", 2)
    monkeypatch.setattr(token_data, "TAIL", 1)
    pushes = (0.1, 0.2, 0.3, 0.4)
    long = an_effect(0, pushes, weight=1.0, clipped_T=(False, True, True, True), clipped=3)
    found = a_replay(a_measure("grpo", long), groups=(0,))
    found = replace(found, pieces=found.pieces | {0: Pieces(tuple("abcd"), (False,) * 4)})
    row = reader_data(found).groups[0].rows[0]
    assert (row.length, row.gap) == (4, 2)
    effect = row.effects[0]
    # Tokens a, b and d; of those b and d are clipped.
    assert effect is not None and effect.pushes == [2500, 5000, 10_000] and effect.bound == [1, 2]


def test_numbers_that_are_not_finite_are_none_and_come_first():
    inf, nan = float("inf"), float("nan")
    broken = an_effect(4, (inf, 0.1), push=nan, weight=nan, advantage=-inf, logp_T=(nan, -1.0))
    data = reader_data(a_replay(a_measure("grpo", UP, broken)))
    assert data.largest == [0.4]
    row = data.groups[1].rows[0]
    (effect,) = row.effects
    assert effect is not None and effect.weight is effect.push is effect.advantage is None
    assert effect.pushes == [None, 2500] and row.logp == [None, -1000]
    assert row.moved == [None, 0]


def test_groups_of_most_weight_are_kept_where_not_all_fit(monkeypatch):
    monkeypatch.setattr(token_data, "MOST_CHARACTERS", 10)
    heavier = an_effect(4, (0.5, 0.5), weight=0.7)
    cut = reader_data(a_replay(a_measure("grpo", UP), a_measure("gspo", heavier)))
    assert [group.problem for group in cut.groups] == ["p2"]
    assert "the ones that weigh most of 2 that any objective pushes" in cut.shown
