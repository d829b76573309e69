"""A page's table of token pieces: each piece of text once, and tokens as their places."""

from collections.abc import Iterable


class PieceTable:
    """The pieces of a page's completions, in the order in which they are met."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, bool], int] = {}

    def places_of(self, pieces: Iterable[tuple[str, bool]]) -> list[int]:
        """The places of some tokens' pieces; True is with the special ones."""
        return [self.places.setdefault(piece, len(self.places)) for piece in pieces]

    @property
    def texts(self) -> list[str]:
        """Every piece, by its place."""
        return [text for text, _ in self.places]

    @property
    def special(self) -> list[int]:
        """The places of the pieces that are special tokens."""
        return [place for (_, is_so), place in self.places.items() if is_so]
