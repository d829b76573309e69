"""Rows and prompts of a decode step, by hand."""

from paceline.engine.local.decode_step import BatchTensors, DecodeBatch

BATCH = DecodeBatch.of([4, 2, 7], [9, 12], [0, 0, 1])
"""Rows 0 and 1 have prompt 0, row 2 has prompt 1."""


def test_a_table_of_members_and_each_rows_seat_in_it():
    # Read row by row the table is 0, 1, 2, 0: row 2 stands third, and the last seat is nobody's.
    assert BATCH.members == [[0, 1], [2, 0]] and BATCH.seats == [0, 1, 2]
    assert BATCH.last_position == 12 + 7


def test_a_batch_filled_up_keeps_every_row_at_its_seat():
    full = BATCH.filled_up(rows=4, prompts=3, group=4)
    assert full.own_lengths == [4, 2, 7, 0] and full.prompt_lengths == [9, 12, 1]
    assert full.members == [[0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]
    # Rows of four seats each: row 2 is the first of the second prompt's.
    assert full.seats == [0, 1, 4, 0]


def test_tensors_are_written_where_they_lie():
    tensors = BatchTensors.blank(3, 2, 2, "cpu")
    places = [x.data_ptr() for x in (tensors.own_length_R, tensors.member_QK, tensors.seat_R)]
    tensors.copy_(BATCH)
    assert [tensors.own_length_R.data_ptr(), tensors.member_QK.data_ptr(),
            tensors.seat_R.data_ptr()] == places  # fmt: skip
    fresh = BatchTensors.of(BATCH, "cpu")
    assert tensors.member_QK.tolist() == fresh.member_QK.tolist() == BATCH.members
    assert tensors.position_R.tolist() == fresh.position_R.tolist() == [13, 11, 19]
