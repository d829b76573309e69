"""The proof behind an export: another program's answers held against the run's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ..store.exports import Reading
from .conversion import GgufType
from .probes import Probe
from .readers import Reader
from .readers.protocol import Answer

NEAR_TIE: Mapping[GgufType, float] = {"q8_0": 0.5}
"""Form of the numbers -> nats within which two tokens are about as likely, where it is not
USUAL_TIE: eight bits move a weight by up to a 250th of the largest beside it."""
USUAL_TIE = 0.1
"""The same for 16 and 32 bits. Two programs that compute in bf16 differ by some hundredths of a nat
a token (LAB.md, "engine against trainer in bf16")."""
ROUNDINGS = 4
"""Roundings of a logit within which two tokens are about as likely too: in bf16 the distance of two
logits is off by 0.7 of them (root mean square), and in one token of a thousand by 4 (LAB.md, "what
bf16 does to near ties")."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that another program gave otherwise."""

    probe: Probe
    answer: Answer
    """Its answer."""
    place: int
    """The first token that differs, from 0; -1 where the prompt was rendered otherwise."""

    def __str__(self) -> str:
        question = self.probe.conversation[-1]["content"][-60:]
        if self.place < 0:
            return f"to {question!r} it renders another prompt than the one that was trained on"
        return (
            f"to {question!r} it answers {_shown(self.answer.text)} and the run's model "
            f"{_shown(self.probe.answer.text)}"
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def compare(
    probes: Sequence[Probe], answers: Sequence[Answer], reader: Reader, dtype: GgufType
) -> tuple[Reading, list[Difference]]:
    """Hold a reader's answers against the run's own.

    Args:
        dtype: the form of the exported numbers, such as bf16 or q8_0.

    Returns: the counts, and every answer that differs by more than rounding may explain.
    """
    least = NEAR_TIE.get(dtype, USUAL_TIE)
    same_prompts = equal = ties = 0
    differences = []
    for probe, answer in zip(probes, answers, strict=True):
        place = _first_difference(probe.answer.token_ids, answer.token_ids)
        rendered = probe.answer.prompt_ids == answer.prompt_ids
        same_prompts += rendered
        if not rendered:
            differences.append(Difference(probe, answer, -1))
        elif place is None:
            equal += 1
        elif _near_tie(probe, answer, place, least):
            ties += 1
        else:
            differences.append(Difference(probe, answer, place))
    reading = Reading(
        by=reader.name, version=reader.version, prompts=len(probes), same_prompts=same_prompts,
        equal=equal, near_ties=ties,
    )  # fmt: skip
    return reading, differences


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> int | None:
    pairs = enumerate(zip_longest(ours, theirs))
    return next((i for i, (one, other) in pairs if one != other), None)


def _near_tie(probe: Probe, answer: Answer, place: int, least: float) -> bool:
    """True if the other program took our runner-up, and the two are about as likely.

    Args:
        least: nats within which they are so, however fine the numbers.
    """
    if place >= len(probe.runners_up):  # ours was cut there by the limit, as its own should be
        return False
    beside = probe.runners_up[place]
    ended = place == len(answer.token_ids)
    took_it = beside.ends if ended else answer.token_ids[place] == beside.token_id
    return took_it and beside.distance <= max(least, ROUNDINGS * beside.rounding)
