"""Small rewards for steps on the way. Each is meant to be a part of a `Weighted`, smaller than the
answer: alone they teach the step and nothing else."""

from dataclasses import dataclass

from ...errors import ConfigError
from ...types import Completion, Problem, Verdict
from ..answers.text.numerals import number
from ..calling.base import VerifierBase, verdict
from ..programs.program import RunsPrograms


@dataclass(frozen=True, slots=True)
class TagCount(VerifierBase):
    """The share of tags whose opening and closing stand exactly once, in order, around something.

    More lenient than `Tags`: a pair counts with any text before it, and a completion that was cut
    may have earned its first ones.
    """

    names: tuple[str, ...] = ("reasoning", "answer")
    """The tags."""

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise ConfigError(f"TagCount needs one name or more, all different, not {self.names}.")

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        good = sum(self._whole(completion.turn, name) for name in self.names)
        reason = "every tag is whole" if good == len(self.names) else "a tag is not whole"
        return Verdict(good / len(self.names), reason=reason, correct=good == len(self.names))

    @staticmethod
    def _whole(text: str, name: str) -> bool:
        opening, closing = f"<{name}>", f"</{name}>"
        start, end = text.find(opening), text.find(closing)
        once = text.count(opening) == text.count(closing) == 1 and start < end
        return once and any(c.isalnum() for c in text[start + len(opening) : end])


@dataclass(frozen=True, slots=True)
class NumberPrinted(RunsPrograms):
    """1 if the program ran and the last line that it printed is any number, else 0."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        program, reason = self.program_of(completion)
        if program is None:
            return verdict(False, reason)
        result = self.running(program, of=completion)
        printed = result.text.strip().rpartition("\n")[2].strip()
        if result.outcome == "ok" and number(printed) is not None:
            return verdict(True, "a number was printed")
        return verdict(False, "no number was printed")


@dataclass(frozen=True, slots=True)
class ProgramFailed(RunsPrograms):
    """−1 if there is a program and it does not run to its end, else 0."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        program, _ = self.program_of(completion)
        if program is None or self.running(program, of=completion).outcome == "ok":
            return Verdict(0.0, reason="nothing failed", correct=True)
        return Verdict(-1.0, reason="the program failed", correct=False)
