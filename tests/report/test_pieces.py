"""A page's table of token pieces."""

from paceline.report.pieces import PieceTable


def test_each_piece_stands_once_and_tokens_are_its_places() -> None:
    table = PieceTable()
    assert table.places_of([("a", False), ("b", False), ("a", False)]) == [0, 1, 0]
    assert table.places_of([("c", False), ("b", False)]) == [2, 1]
    assert table.texts == ["a", "b", "c"] and table.special == []


def test_a_special_token_is_not_the_same_letters_as_text() -> None:
    table = PieceTable()
    assert table.places_of([("<s>", True), ("<s>", False), ("<s>", True)]) == [0, 1, 0]
    assert table.texts == ["<s>", "<s>"] and table.special == [0]
