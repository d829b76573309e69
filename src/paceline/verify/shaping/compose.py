"""Several verifiers as one.

Each names the verifiers that it asks and combines their verdicts, by the protocol `types.Composed`;
`judge_parts` and `VerifierPool` decide how they are called. So a user's function that hangs uses up
its own time limit only, and a model that judges is asked about many completions at once, also as
part of a sum. A part may be a function of any signature that `adapt` knows.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...errors import ConfigError, nearest
from ...types import AnyVerifier, Asking, Completion, Problem, Reward, Verdict
from ..calling.base import VerifierBase, made_by_and
from ..calling.signatures import adapt
from ..calling.verifier import judge_parts


@dataclass(frozen=True, slots=True)
class Weighted(VerifierBase):
    """A weighted sum of named parts: the reward is Σ weight · part.

    The verdict keeps the parts by name, unweighted, each with its reason. One part decides whether
    the answer was right, not the sum: a well-formed wrong answer stays wrong.

    Example: Weighted((("answer", NumberIn("tag"), 1.0), ("format", Tags(), 0.2)))
    """

    parts: tuple[tuple[str, Reward, float], ...]
    """(name, verifier, weight) of each part."""
    answer: str | None = None
    """The part that decides whether the answer was right; the first if None."""

    def __post_init__(self) -> None:
        names = [name for name, _, _ in self.parts]
        _check_names("Weighted", names)
        for name, _, weight in self.parts:
            if not math.isfinite(weight):
                raise ConfigError(f"The weight of part '{name}' is {weight}; it must be finite.")
        if self.answer is not None and self.answer not in names:
            raise ConfigError(
                f"Weighted has no part '{self.answer}'.{nearest(self.answer, names)} "
                f"It has [{', '.join(names)}]."
            )
        parts = tuple((name, adapt(part), weight) for name, part, weight in self.parts)
        object.__setattr__(self, "parts", parts)

    @property
    def verifiers(self) -> tuple[AnyVerifier, ...]:
        return tuple(part for _, part, _ in self.parts)

    def asking(self) -> Asking:
        said: dict[str, Verdict] = {}
        for name, part, _ in self.parts:
            said[name] = yield part
        return Verdict(
            reward=math.fsum(weight * said[name].reward for name, _, weight in self.parts),
            parts={name: verdict.reward for name, verdict in said.items()},
            reason=_reasons(said),
            correct=said[self.answer or self.parts[0][0]].solved,
        )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        return judge_parts(self, problem, completion)


@dataclass(frozen=True, slots=True)
class Product(VerifierBase):
    """The product of named parts: nothing is earned if one of them gives nothing, or less: two
    punishments must not multiply to a reward.

    The answer is right if all of them call it right.

    Example: Product((("answer", NumberIn("tag")), ("form", Tags(strict=True))))
    """

    parts: tuple[tuple[str, Reward], ...]
    """(name, verifier) of each part."""

    def __post_init__(self) -> None:
        _check_names("Product", [name for name, _ in self.parts])
        parts = tuple((name, adapt(part)) for name, part in self.parts)
        object.__setattr__(self, "parts", parts)

    @property
    def verifiers(self) -> tuple[AnyVerifier, ...]:
        return tuple(part for _, part in self.parts)

    def asking(self) -> Asking:
        said: dict[str, Verdict] = {}
        for name, part in self.parts:
            said[name] = yield part
        return Verdict(
            reward=math.prod(max(verdict.reward, 0.0) for verdict in said.values()),
            parts={name: verdict.reward for name, verdict in said.items()},
            reason=_reasons(said),
            correct=all(verdict.solved for verdict in said.values()),
        )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        return judge_parts(self, problem, completion)


@made_by_and
@dataclass(frozen=True, slots=True)
class Gate(VerifierBase):
    """The verdict of a second verifier if a first one is satisfied; otherwise `otherwise`, and the
    second is not asked. `a & b` is Gate(a, b).

    Example: Tags(strict=True) & PrintedAnswer() runs no program of a completion without tags
    """

    condition: Reward
    """The first verifier; it is satisfied if it calls the completion right."""
    then: Reward
    otherwise: float = 0.0
    """The reward if the condition is not satisfied."""

    def __post_init__(self) -> None:
        for name in ("condition", "then"):
            object.__setattr__(self, name, adapt(getattr(self, name)))

    @property
    def verifiers(self) -> tuple[AnyVerifier, ...]:
        return self.condition, self.then

    def asking(self) -> Asking:
        first = yield self.condition
        if not first.solved:
            reason = f"gate: {first.reason}"
            return Verdict(self.otherwise, {"gate": first.reward}, reason, correct=False)
        second = yield self.then
        inner = second.parts or {"then": second.reward}
        # a & (b & c) has two gates
        parts = {"then gate" if name == "gate" else name: part for name, part in inner.items()}
        parts = {"gate": first.reward, **parts}
        return replace(second, parts=parts, correct=second.solved)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        return judge_parts(self, problem, completion)


def _check_names(kind: str, names: Sequence[str]) -> None:
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"{kind} needs one part or more, with different names, not {names}.")


def _reasons(said: Mapping[str, Verdict]) -> str:
    return "; ".join(f"{name}: {verdict.reason}" for name, verdict in said.items())
