"""What passes between a reader and the one that asks it."""

from paceline.export.readers.protocol import Answer, Asked, read_answers, write_answers
from tests.helpers.exports import an_answer, asked_of


def test_a_question_is_written_and_read_again_as_it_is(tmp_path):
    asked = asked_of(tmp_path / "model", stop_ids=(2, 7), base="org/base", quantisation="nf4")
    asked.write(tmp_path / "asked.json")
    assert Asked.read(tmp_path / "asked.json") == asked


def test_answers_are_written_and_read_again_as_they_are(tmp_path):
    answers = [an_answer(3, 4, text="五 \n"), an_answer()]
    write_answers(answers, tmp_path / "answers.json")
    assert read_answers(tmp_path / "answers.json") == answers


def test_tokens_that_end_an_answer_are_no_part_of_it(tmp_path):
    asked = asked_of(tmp_path, stop_ids=(2, 7))
    assert asked.answer([1], [3, 4, 2], "x") == Answer((1,), (3, 4), "x")
    assert asked.answer([1], [3, 4, 7, 2], "x").token_ids == (3, 4)
    assert asked.answer([1], [3, 2, 4], "x").token_ids == (3, 2, 4)  # it went on: that is told
    assert asked.answer([1], [2], "").token_ids == ()
