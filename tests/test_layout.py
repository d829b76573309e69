"""Rows as tensors, by hand. B rows, T completion tokens, N flat tokens."""

from dataclasses import replace

import pytest

from paceline.layout import PACKED, PADDED, Packed, Padded, Piece, Span, TokenRows
from tests.helpers.rounds import ragged_round

ROWS = TokenRows(prompts=((5, 6, 7), (8,), (5, 6, 7)), completions=((10, 11), (12,), (13, 14, 15)))


def test_packed_by_hand():
    packed = Packed.of(ROWS)
    # [5 6 7 | 10 | 13 14] [8]: each prompt once, without the completions' last tokens.
    assert packed.ids_N.tolist() == [5, 6, 7, 10, 13, 14, 8]
    assert packed.position_N.tolist() == [0, 1, 2, 3, 3, 4, 0]
    # Row 0: 10 is predicted by the prompt's end (place 2), 11 by 10 (3). Row 1: by 8 (6). Row 2.
    assert packed.predicts_M.tolist() == [2, 3, 6, 2, 4, 5]
    assert ROWS.targets().tolist() == [10, 11, 12, 13, 14, 15]
    assert packed.spans == (Span(0, 3, (1, 2)), Span(6, 1, (0,)))
    assert packed.spans[0].starts == [3, 4] and packed.spans[0].end == 6
    assert Packed.size(ROWS) == 7


def test_prompts_alone_stay_apart_even_if_equal():
    packed = Packed.prompts([(5, 6), (5, 6), (7,)])
    assert packed.ids_N.tolist() == [5, 6, 5, 6, 7]
    assert packed.position_N.tolist() == [0, 1, 0, 1, 0]
    assert packed.predicts_M.tolist() == [1, 3, 4]
    assert packed.spans == (Span(0, 2, ()), Span(2, 2, ()), Span(4, 1, ()))


def test_what_all_prompts_begin_with_is_laid_out_once():
    rows = TokenRows(
        prompts=((1, 2, 5, 6), (1, 2, 5), (1, 2, 5, 6)), completions=((7, 8), (9, 9), (7,))
    )
    packed = Packed.of(rows)
    # [1 2] [5 6 | 7] [5 | 9]: 1 2 5 is the whole of the second prompt, whose end has to predict.
    assert packed.prefix == 2 and packed.spans == (Span(2, 2, (1, 0)), Span(5, 1, (1,)))
    assert packed.ids_N.tolist() == [1, 2, 5, 6, 7, 5, 9]
    assert packed.position_N.tolist() == [0, 1, 2, 3, 4, 2, 3]
    assert packed.predicts_M.tolist() == [3, 4, 5, 6, 3]
    assert Packed.size(rows) == 7
    whole, first, second = slice(0, 2), slice(2, 4), slice(5, 6)
    assert packed.pieces == [
        Piece(0, 2), Piece(2, 2, (whole,)), Piece(4, 1, (whole, first)),
        Piece(5, 1, (whole,)), Piece(6, 1, (whole, second)),
    ]  # fmt: skip
    alone = Packed.prompts([(1, 2, 5, 6), (1, 2, 5, 6), (1, 2)])
    assert alone.prefix == 1 and alone.ids_N.tolist() == [1, 2, 5, 6, 2, 5, 6, 2]
    assert alone.position_N.tolist() == [0, 1, 2, 3, 1, 2, 3, 1]
    assert alone.predicts_M.tolist() == [3, 6, 7]


def test_a_beginning_that_saves_little_is_not_shared():
    # One token of two prompts, with 40 tokens behind them: another attention for nothing.
    rows = TokenRows(prompts=((1, 2), (1, 3)), completions=((5,) * 20, (6,) * 20))
    assert Packed.of(rows).prefix == 0 and Packed.size(rows) == 42
    assert Packed.of(rows.take([0])).prefix == 0


def test_padded_by_hand():
    padded = Padded.of(ROWS)
    assert padded.prompt_ids_QP.tolist() == [[5, 6, 7], [0, 0, 8]]
    assert padded.prompt_real_QP.tolist() == [[True] * 3, [False, False, True]]
    assert padded.prompt_of_B.tolist() == [0, 1, 0]
    assert padded.completion_ids_BT.tolist() == [[10, 11, 0], [12, 0, 0], [13, 14, 15]]
    # Two prompts of 3 places, three completions of 3.
    assert Padded.size(ROWS) == 15


def test_masks_come_from_lengths_and_not_from_token_values():
    # The stop token (here 0, also what padding is made of) trains; padding does not.
    rows = TokenRows(prompts=((0, 5), (5,)), completions=((0, 0, 0), (7, 0)))
    assert rows.real().tolist() == [[True, True, True], [True, True, False]]
    padded = Padded.of(rows)
    assert padded.completion_real_BT.tolist() == rows.real().tolist()
    assert padded.prompt_real_QP.tolist() == [[True, True], [False, True]]
    assert Packed.of(rows).predicts_M.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("layout", [replace(PACKED, deep=1), PADDED], ids=["packed", "padded"])
def test_packs_hold_every_row_once_and_keep_the_limit(layout):
    rows = TokenRows.of(ragged_round(groups=6))
    packs = rows.packs(60, layout)
    assert sorted(i for pack in packs for i in pack) == list(range(len(rows)))
    assert all(len(pack) == 1 or layout.size(rows.take(pack)) <= 60 for pack in packs)
    assert 1 < len(packs) <= 6
    assert len(rows.packs(10**6, layout)) == 1 and len(rows.packs(1, layout)) == len(rows)
    # Groups that fit are not split: no prompt is computed twice.
    seen = [prompt for pack in packs for prompt in dict.fromkeys(rows.prompts[i] for i in pack)]
    assert len(seen) == len(set(seen))


def test_a_group_that_does_not_fit_stays_whole_where_layers_can_be_computed_again():
    # A prompt of 4 and four completions of 3 (2 on the axis): 12 tokens.
    rows = TokenRows(prompts=((1, 2, 3, 4),) * 4, completions=((5, 6, 7),) * 4)
    assert rows.packs(12, PACKED) == rows.packs(2, PACKED) == [[0, 1, 2, 3]]
    # Not more than `deep` times the limit: then 4 + 2 + 2 tokens fit into 8.
    assert rows.packs(8, replace(PACKED, deep=1)) == [[0, 1], [2, 3]]
    # Padded: 4 places of the prompt and 3 of each row.
    assert rows.packs(10, PADDED) == [[0, 1], [2, 3]]
