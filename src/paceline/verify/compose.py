"""Several verifiers as one."""

import math
from dataclasses import dataclass

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
            reason="; ".join(f"{name}: {verdict.reason}" for name, verdict in said.items()),
            correct=said[self.answer or self.parts[0][0]].solved,
        )
