"""The base of this package's own verifiers."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ...types import BatchVerifier, Problem, Verdict

if TYPE_CHECKING:
    from ..shaping.compose import Gate

G = TypeVar("G", bound=Callable[..., Any])
_gate_class: Any = None
"""The class that `a & b` makes."""


class VerifierBase:
    """Base of this package's verifiers: `a & b` asks b only if a is satisfied, and gives b's
    verdict (`shaping.compose.Gate`). Either may be a plain function.

    Example: Tags(("think", "answer"), strict=True) & NumberIn("tag")
    """

    __slots__ = ()

    needs_process: ClassVar[bool] = False
    """True for a verifier that calls foreign code, whose time has no bound: it is then called in a
    process that can be ended."""
    loads_model: ClassVar[bool] = False
    """True if its `check`, or its first call, loads a model."""

    def check(self) -> None:
        """Find now the faults that would appear at the first call. Raises: a UserError."""

    def check_problem(self, problem: Problem) -> None:
        """Find now the faults that would appear at every answer to a problem, such as an expected
        answer that cannot be read. Raises: RewardError naming the problem."""

    def __init_subclass__(cls) -> None:
        ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        if not ours and "needs_process" not in vars(cls):
            cls.needs_process = True  # a class that a user made of one of ours

    def __and__(self, other: Any) -> "Gate":
        return _gate(self, other)

    def __rand__(self, other: Any) -> "Gate":
        return _gate(other, self)


def made_by_and(kind: G) -> G:
    """A decorator of the one class that `a & b` makes.

    Gate is itself a verifier, so its file imports this one; this one is told of Gate and does not
    import it.
    """
    global _gate_class
    _gate_class = kind
    return kind


def _gate(first: Any, then: Any) -> "Gate":
    if not all(callable(one) or isinstance(one, BatchVerifier) for one in (first, then)):
        return NotImplemented  # Python then names the two types
    return _gate_class(first, then)


def verdict(right: bool, reason: str, parts: Mapping[str, float] | None = None) -> Verdict:
    """A verdict with reward 1 for a right answer, 0 for a wrong one."""
    return Verdict(1.0 if right else 0.0, parts or {}, reason, right)
