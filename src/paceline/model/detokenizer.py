"""Single tokens as text: the text that each token adds to the text of all.

A token by itself has no text. SentencePiece drops the space of a first token, WordPiece joins or
separates words depending on the token before, and a character may be split over several tokens. So
the text of all is cut where each of them ends, as a decoder that streams does. The libraries' own
(tokenizers' DecodeStream, transformers' TextStreamer) hold back text that is not settled yet and
leave out text that never settles; here the whole text is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_RUN = 32
"""Number of tokens that are decoded together before a new run begins at a settled one."""
LOST_AFTER = 2 * LONGEST_RUN
"""Number of tokens, none of them settled, after which the tokens before them count as cut in the
wrong place."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A completion token by token.

    The pieces that are not special join to the decoded text, without special tokens, exactly. A
    character that several tokens make is the piece of the last of them, and the others' pieces are
    empty; bytes that do not form a character are `�`, as in the text.

    Example, of a byte-level tokenizer: Pieces((" so", "", "", "🚲", "<|im_end|>"), (False, False,
    False, False, True))
    """

    texts: tuple[str, ...]
    """The text of each token; for a special token, its name."""
    special: tuple[bool, ...]
    """True for a special token, which is not part of the text."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The text of a token without its neighbours."""

    special: bool
    text: str
    """The name of a special token; for any other, the text that it adds after one of its own kind,
    or "" if it is or may be a part of a character."""


class Detokenizer:
    """Cuts completions into pieces, and remembers the text of a tokenizer's tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.known: dict[int, _Known] = {}

    def pieces(self, token_ids: Sequence[int]) -> Pieces:
        """The text that each token adds, in a time that grows with their number."""
        known = [self._of(token) for token in token_ids]
        written = [t for t, of in zip(token_ids, known, strict=True) if not of.special]
        text = self._decode(written)
        ends = iter(self._ends(written, text))
        texts, begin = [], 0
        for of in known:
            if of.special:
                texts.append(of.text)
                continue
            end = next(ends)
            texts.append(text[begin:end])
            begin = end
        return Pieces(tuple(texts), tuple(of.special for of in known))

    def _ends(self, ids: Sequence[int], text: str) -> list[int]:
        """The place in the text at which each token ends; the last one at its end."""
        ends: list[int] = []
        end, settled = 0, True  # how far the text is given out; whether the tokens make just that
        begun, before = 0, 0  # the first token since it last was, and where that begins
        last = 0  # the first of those that last added something
        run: _Run | None = _Run(0, 0, "")  # a first token's space may be dropped
        patience = LOST_AFTER
        for i, token in enumerate(ids):
            if settled:
                begun, before = i, end
            known = self._of(token).text
            if settled and known and i and text.startswith(known, end):
                end, last, run = end + len(known), i, None
            elif run is not None and not settled and i - run.start >= LOST_AFTER:
                # Found again from the beginning, ever more rarely: else it takes a quadratic time.
                if i - run.start >= patience:
                    patience *= 2
                    end = max(end, _alike(self._decode(ids[: i + 1]), text))
                    settled, last, run = True, i, None
            else:
                if run is None or (settled and i - run.start >= LONGEST_RUN):
                    run = _Run(last, end, self._decode(ids[last:i]))
                made = self._decode(ids[run.start : i + 1])[len(run.before) :]
                same = _alike(made, text[run.end : run.end + len(made)])
                end = max(end, run.end + same)
                settled = 0 < same == len(made)
                if settled and end > before:
                    last = begun
            ends.append(end)
        return [*ends[:-1], len(text)] if ends else []

    def _of(self, token: int) -> _Known:
        if token not in self.known:
            alone = self.tokenizer.decode([token])
            if alone and not self._decode([token]):
                self.known[token] = _Known(True, alone)
            else:
                twice = self._decode([token, token])
                sure = twice.startswith(alone) and "\ufffd" not in twice
                self.known[token] = _Known(False, twice[len(alone) :] if sure else "")
        return self.known[token]

    def _decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)


@dataclass(frozen=True, slots=True)
class _Run:
    """Tokens that are decoded together, after some that are settled."""

    start: int
    """The first of the settled tokens."""
    end: int
    """The position in the text at which each token ends."""
    before: str
    """The text of the settled tokens by themselves."""


def _alike(a: str, b: str) -> int:
    """The number of characters that two texts have in common at their beginning."""
    if b.startswith(a):
        return len(a)
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
