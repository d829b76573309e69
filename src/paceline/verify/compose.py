"""Several verifiers as one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import ConfigError, nearest
from ..types import Completion, Problem, Verdict, Verifier
from .verifier import judge


@dataclass(frozen=True, slots=True)
class Weighted:
    """A weighted sum of named parts: the reward is Σ weight · part.

    The verdict keeps the parts by name, unweighted, and says of each why. Whether the answer was
    right is what one part says, not the sum: a well-formed wrong answer stays wrong.

    Example: Weighted((("answer", NumberIn("tag"), 1.0), ("format", Tags(), 0.2)))
    """

    parts: tuple[tuple[str, Verifier, float], ...]
    """(name, verifier, weight) of each part."""
    answer: str | None = None
    """The part that says whether the answer was right; the first if None."""

    def __post_init__(self) -> None:
        names = [name for name, _, _ in self.parts]
        if not names or len(set(names)) < len(names):
            raise ConfigError(
                f"Weighted needs one part or more, with different names, not {names}."
            )
        for name, _, weight in self.parts:
            if not math.isfinite(weight):
                raise ConfigError(f"The weight of part '{name}' is {weight}; it must be finite.")
        if self.answer is not None and self.answer not in names:
            raise ConfigError(
                f"Weighted has no part '{self.answer}'.{nearest(self.answer, names)} "
                f"It has [{', '.join(names)}]."
            )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        said = {name: judge(part, problem, completion) for name, part, _ in self.parts}
        return Verdict(
            reward=math.fsum(weight * said[name].reward for name, _, weight in self.parts),
            parts={name: verdict.reward for name, verdict in said.items()},
            reason=_reasons(said),
            correct=said[self.answer or self.parts[0][0]].solved,
        )


@dataclass(frozen=True, slots=True)
class Product:
    """The product of named parts: nothing is earned where one of them gives nothing.

    Right is what all of them call right.

    Example: Product((("answer", NumberIn("tag")), ("form", Tags(strict=True))))
    """

    parts: tuple[tuple[str, Verifier], ...]
    """(name, verifier) of each part."""

    def __post_init__(self) -> None:
        names = [name for name, _ in self.parts]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"Product needs one part or more, with different names, not {names}.")

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        said = {name: judge(part, problem, completion) for name, part in self.parts}
        return Verdict(
            reward=math.prod(verdict.reward for verdict in said.values()),
            parts={name: verdict.reward for name, verdict in said.items()},
            reason=_reasons(said),
            correct=all(verdict.solved for verdict in said.values()),
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """What a second verifier says, where a first one is satisfied; else `otherwise`, and the second
    is not asked.

    Example: Gate(Tags(strict=True), PrintedAnswer()) runs no program of a completion without tags
    """

    condition: Verifier
    """Satisfied where it calls the completion right."""
    then: Verifier
    otherwise: float = 0.0
    """The reward where it is not."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        first = judge(self.condition, problem, completion)
        if not first.solved:
            reason = f"gate: {first.reason}"
            return Verdict(self.otherwise, {"gate": first.reward}, reason, correct=False)
        second = judge(self.then, problem, completion)
        parts = {"gate": first.reward, **(second.parts or {"then": second.reward})}
        return replace(second, parts=parts, correct=second.solved)


def _reasons(said: Mapping[str, Verdict]) -> str:
    return "; ".join(f"{name}: {verdict.reason}" for name, verdict in said.items())
