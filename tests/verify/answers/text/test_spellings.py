"""Letters that are written in two ways."""

from paceline.verify.answers.text.spellings import FULL_WIDTH


def test_wide_letters_have_plain_ones():
    assert "１２，Ａ（ｂ）。\u3000x".translate(FULL_WIDTH) == "12,A(b). x"
