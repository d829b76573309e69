"""A question to a reader, and its answers: both pass between two processes as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ...settings import Quantisation
from ...types import Message


@dataclass(frozen=True, slots=True)
class Answer:
    """A greedy answer to one conversation.

    Example: Answer(prompt_ids=(1, 4093, 198), token_ids=(35, 33, 2), text="31")
    """

    prompt_ids: tuple[int, ...]
    """The tokens that the conversation was rendered to."""
    token_ids: tuple[int, ...]
    """The answer's tokens, without the one that ends it."""
    text: str
    """The answer's text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Conversations to answer, and the files to answer them with."""

    path: str
    """The exported folder or file."""
    conversations: tuple[tuple[Message, ...], ...]
    """Turns, the last of which is the user's."""
    max_tokens: int
    """The most tokens of an answer."""
    stop_ids: tuple[int, ...]
    """Tokens that end an answer; a reader ends where it does, and these are only left out of what
    it answered."""
    device: str
    """The device to compute on, as torch names it."""
    dtype: str
    """The dtype to compute in, as torch names it."""
    base: str | None = None
    """For an adapter: the folder of the model under it."""
    quantisation: Quantisation = "none"
    """For an adapter: the form in which that model's weights are kept."""

    @classmethod
    def read(cls, path: Path) -> Self:
        found = json.loads(path.read_text(encoding="utf-8"))
        conversations = tuple(map(tuple, found.pop("conversations")))
        return cls(**{**found, "stop_ids": tuple(found["stop_ids"])}, conversations=conversations)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def answer(self, prompt_ids: Sequence[int], token_ids: Sequence[int], text: str) -> Answer:
        """An answer, without the tokens that end it."""
        return Answer(tuple(prompt_ids), without_end(token_ids, self.stop_ids), text)


def without_end(token_ids: Sequence[int], stop_ids: Sequence[int]) -> tuple[int, ...]:
    """An answer's tokens without those at its end that end it."""
    last = max((i for i, one in enumerate(token_ids) if one not in stop_ids), default=-1)
    return tuple(token_ids[: last + 1])


def write_answers(answers: Sequence[Answer], path: Path) -> None:
    """Write answers for the process that asked."""
    path.write_text(json.dumps([asdict(one) for one in answers]), encoding="utf-8")


def read_answers(path: Path) -> list[Answer]:
    """Read the answers that a reader wrote."""
    return [
        Answer(tuple(one["prompt_ids"]), tuple(one["token_ids"]), one["text"])
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]
