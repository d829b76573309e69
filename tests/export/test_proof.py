"""Another program's answers held against the run's own."""

import pytest

from paceline.export.probes import Probe, RunnerUp
from paceline.export.proof import compare
from paceline.export.readers import Reader
from tests.helpers.exports import an_answer

ASKED = ({"role": "user", "content": "What is 2 + 3?"},)
SOMEBODY = Reader("somebody", "somebody", "transformers")
FAR, NEAR, EIGHTH_BIT = 2.0, 0.09, 0.4


def a_probe(*token_ids, beside=(7, FAR), ends=False):
    """Our answer: each token has the same runner-up, and so has the one that ends it."""
    runner_up = RunnerUp(*beside, ends)
    return Probe(ASKED, an_answer(*token_ids, text="5"), (runner_up,) * (len(token_ids) + 1))


def compared(probe, answer, dtype="bf16"):
    reading, differences = compare([probe], [answer], SOMEBODY, dtype)
    assert (reading.by, reading.prompts) == ("somebody", 1)
    return (reading.same_prompts, reading.equal, reading.near_ties), differences


def test_the_same_tokens_are_equal():
    assert compared(a_probe(3, 4), an_answer(3, 4)) == ((1, 1, 0), [])


@pytest.mark.parametrize(
    ("beside", "theirs", "ties"),
    [
        ((7, NEAR), (3, 7, 9), 1),  # our runner-up, about as likely: what follows may be anything
        ((7, FAR), (3, 7, 9), 0),
        ((7, NEAR), (3, 8), 0),  # not our runner-up
        ((7, -0.01), (7,), 1),  # rounding let our engine take the less likely one
        ((7, NEAR), (3, 4, 7), 1),  # ours ended, and its end was about as likely as going on
    ],
)
def test_an_answer_may_part_where_two_tokens_are_about_as_likely(beside, theirs, ties):
    counts, differences = compared(a_probe(3, 4, beside=beside), an_answer(*theirs))
    assert counts == (1, 0, ties) and len(differences) == 1 - ties


def test_an_answer_may_end_earlier_only_where_its_end_was_about_as_likely():
    assert compared(a_probe(3, 4, beside=(2, NEAR), ends=True), an_answer(3))[0] == (1, 0, 1)
    assert compared(a_probe(3, 4, beside=(2, NEAR)), an_answer(3))[0] == (1, 0, 0)
    assert compared(a_probe(3, 4, beside=(2, FAR), ends=True), an_answer(3))[0] == (1, 0, 0)


def test_eight_bits_may_part_at_wider_ties():
    probe = a_probe(3, 4, beside=(7, EIGHTH_BIT))
    assert compared(probe, an_answer(3, 7), "q8_0")[0] == (1, 0, 1)
    assert compared(probe, an_answer(3, 7), "bf16")[0] == (1, 0, 0)


@pytest.mark.parametrize(("rounding", "ties"), [(0.124, 1), (0.09, 0), (0.0, 0)])
def test_where_numbers_are_coarse_four_of_their_roundings_are_a_tie(rounding, ties):
    """Of the 500 answers of a demo one parted at 0.38 nats, at logits of 15.9 in bf16; in 32 bits
    its two tokens were 0.007 apart."""
    runner_up = RunnerUp(7, 0.38, False, rounding)
    probe = Probe(ASKED, an_answer(3, 4), (runner_up,) * 3)
    assert compared(probe, an_answer(3, 7))[0] == (1, 0, ties)


def test_an_answer_beyond_a_limit_is_no_tie():
    cut = Probe(ASKED, an_answer(3, 4), (RunnerUp(7, 0.0, False),) * 2)
    assert compared(cut, an_answer(3, 4, 7))[0] == (1, 0, 0)


def test_another_prompt_is_a_difference_whatever_the_answer():
    counts, (difference,) = compared(a_probe(3), an_answer(3, prompt_ids=(1, 2, 2)))
    assert counts == (0, 0, 0) and difference.place == -1
    assert str(difference) == (
        "to 'What is 2 + 3?' it renders another prompt than the one that was trained on"
    )


def test_a_difference_shows_both_answers():
    _, (difference,) = compared(a_probe(3, 4), an_answer(3, 9, text="no"))
    assert difference.place == 1
    assert str(difference) == "to 'What is 2 + 3?' it answers 'no' and the run's model '5'"
    _, (difference,) = compared(a_probe(3, 4), an_answer(9, text="x" * 80))
    assert f"it answers '{'x' * 59}…' and" in str(difference)
