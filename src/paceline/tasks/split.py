"""Names and sides of problems that depend on their content and on nothing else.

A problem is held out because of a hash of its content, so neither the order of the rows nor the
seed, nor (with a share) rows that are added later, move a problem from one side to the other, and
duplicates stay together.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

from .. import rng
from ..errors import ConfigError
from ..types import Message, Problem

Question = str | tuple[Message, ...]
"""A problem's text or messages, before any template."""


def content_id(prompt: Question, answer: str) -> str:
    """Sixteen hexadecimal digits that name a problem by its content; plain text and one user turn
    with that text are the same content."""
    text = "\x1d".join((*_turns(prompt), answer))
    return blake2b(_composed(text).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def prompt_key(prompt: Question) -> str:
    """A prompt with Unicode composed (NFC) and runs of whitespace as one space: problems with the
    same key must be on one side."""
    return "\x1d".join([" ".join(_composed(turn).split()) for turn in _turns(prompt)])


def _turns(prompt: Question) -> list[str]:
    if isinstance(prompt, str):
        return [f"user: {prompt}"]
    return [f"{m['role']}: {m['content']}" for m in prompt]


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def split(
    problems: Iterable[Problem], heldout: float, key: Callable[[Problem], str] | None = None
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """(training, held out), each problem on the side that the hash of its key says.

    Args:
        heldout: below 1 a share; from 1 on a number of problems, exceeded only so that equal
            keys stay together. A share above 0 holds out one key at least, where there are two.
        key: problems with equal keys fall on the same side; `prompt_key` of the prompt if None.

    The training problems keep their order; the held-out ones come in a hashed order, so that the
    first so many are a fair sample.

    Raises: ConfigError where `heldout` is negative.
    """
    if not heldout >= 0:
        raise ConfigError(
            f"heldout is {heldout}; it must be a share below 1, or a number from 1 on."
        )
    named = [(p, prompt_key(p.prompt) if key is None else key(p)) for p in problems]
    placed = [(p, rng.key("side", name)) for p, name in named]
    chosen = _chosen(Counter(place for _, place in placed), heldout)
    held = [p for p, place in placed if place in chosen]
    train = tuple(p for p, place in placed if place not in chosen)
    return train, tuple(sorted(held, key=lambda p: (rng.key("order", p.id), p.id)))


def _chosen(sizes: Mapping[int, int], heldout: float) -> set[int]:
    """The held-out keys, chosen from all keys (64-bit hashes) with their numbers of problems."""
    if heldout < 1:
        chosen = {key for key in sizes if key < heldout * 2**64}
        return chosen or ({min(sizes)} if heldout > 0 and len(sizes) > 1 else set())
    taken, count = set[int](), 0
    for key in sorted(sizes):
        if count >= heldout:
            break
        taken.add(key)
        count += sizes[key]
    return taken
