"""What a page holds of single tokens: each piece of text once, and tokens as their places."""

from collections.abc import Iterable
from typing import Any


class PieceTable:
    """The pieces of a page's completions, in the order in which they are met."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, bool], int] = {}

    def places_of(self, pieces: Iterable[tuple[str, bool]]) -> list[int]:
        """The places of some tokens' pieces; True is with the special ones."""
        return [self.places.setdefault(piece, len(self.places)) for piece in pieces]

    def data(self) -> dict[str, list[Any]]:
        """`pieces`, and the places of those among them that are special tokens."""
        special = [place for (_, is_so), place in self.places.items() if is_so]
        return {"pieces": [text for text, _ in self.places], "special": special}
