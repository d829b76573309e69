"""Control tokens: tokens that steer a model, such as the mark that ends a turn, and are never text.

A row, a system message or an answer may spell such a token. It then has to reach the model as the
letters that it is, or whoever writes a row could end the user's turn and speak as the assistant.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import ConfigError
from ..types import Message

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Roles that may speak. Templates write a role between their marks, so no other text is allowed
there."""


@dataclass(frozen=True, slots=True)
class Controls:
    """A tokenizer's control tokens, as transformers understands them: its special tokens, and added
    tokens that its chat template writes (such as <think>), but no whitespace."""

    ids: frozenset[int]
    """Ids of the control tokens, without the one for unknown text, which steers nothing and comes
    from any text."""
    _spelled: frozenset[str]
    """The tokens' texts in the letters that `_plainly` gives."""
    _lengths: tuple[int, ...]
    _first: frozenset[str]
    """First letters of the tokens' texts."""

    def spelled_in(self, text: str) -> bool:
        """True if a text spells a control token, in any letters that a tokenizer could take for
        the token's own: other cases and widths, and signs put together from others."""
        text = _plainly(text)
        return any(
            text[at : at + length] in self._spelled
            for first in self._first
            for at in _places(text, first)
            for length in self._lengths
        )

    def broken(self, text: str) -> str:
        """The text without anything that a control token could begin with."""
        instead = next(sign for sign in "(.-x" if sign not in self._first)
        return "".join(instead if self._first & set(_plainly(c)) else c for c in text)

    def among(self, ids: Sequence[int]) -> list[int]:
        """The control tokens among some tokens, in order."""
        return [i for i in ids if i in self.ids]


def controls_of(tokenizer: Any) -> Controls:
    """The control tokens of a tokenizer and its chat template; made once for both."""
    return _controls(tokenizer, tokenizer.chat_template or "")


def special_of(tokenizer: Any) -> Controls:
    """The control tokens that the tokenizer calls special."""
    return _controls(tokenizer, "")


@lru_cache(maxsize=8)
def _controls(tokenizer: Any, template: str) -> Controls:
    found = {
        i: token.content
        for i, token in tokenizer.added_tokens_decoder.items()
        if i != tokenizer.unk_token_id
        and token.content.strip()
        and (token.special or token.content in template)
    }
    spelled = frozenset(map(_plainly, found.values()))
    lengths = tuple(sorted({len(text) for text in spelled}))
    return Controls(frozenset(found), spelled, lengths, frozenset(text[0] for text in spelled))


def _plainly(text: str) -> str:
    """The text in lower case and plain width, composed."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return plain.casefold()


def _places(text: str, letter: str) -> list[int]:
    places, at = list[int](), text.find(letter)
    while at >= 0:
        places.append(at)
        at = text.find(letter, at + 1)
    return places


def check_roles(messages: Sequence[Message]) -> None:
    """Raise ConfigError for a turn of an unknown role."""
    for turn in messages:
        if turn["role"] not in ROLES:
            raise ConfigError(
                f"A message has the role '{turn['role'][:40]}'; it must be one of "
                f"{', '.join(ROLES)}."
            )
