"""A task to learn: training problems, held-out problems, the template that asks them, and the
verifier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..errors import ConfigError, DataError
from ..types import AnyVerifier, Given, Message, Problem
from ..verify.calling.signatures import adapt
from .fill import PROMPT, check_filled, fill, names_in
from .split import prompt_key

BY_NAME = "by name"
"""Mark in the metadata of an option that is a function or the name of one: a run keeps the name."""


@dataclass(frozen=True, slots=True)
class Template:
    """The form in which a problem is asked: it makes the messages that the chat template renders.

    Example: Template(user="{prompt} Answer with a number.") asks "What is 47 + 56? Answer with a
    number."
    """

    system: str | None = None
    """System message before the rest; None for none. A prompt that brings its own keeps it."""
    user: str = "{prompt}"
    """The user's turn, with {prompt} where the problem's text goes. Messages stay as they are."""

    def __post_init__(self) -> None:
        if PROMPT not in names_in(self.user):
            raise ConfigError(
                f"The user template {self.user!r} has no {{prompt}}, so the problem is never asked."
            )

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """The messages of one problem; in two pairs of braces, {{prompt}} is plain text."""
        if isinstance(problem.prompt, str):
            text = fill(self.user, {PROMPT: problem.prompt})
            turns: tuple[Message, ...] = ({"role": "user", "content": text},)
        else:
            turns = problem.prompt
        if self.system is None or any(turn["role"] == "system" for turn in turns):
            return turns
        return ({"role": "system", "content": self.system}, *turns)


@dataclass(frozen=True, slots=True)
class Task:
    """Problems and their verifier. Made once, by a TaskSource, and never changed.

    Raises: DataError where there is nothing to train on, a prompt is empty, two problems have one
        id, or a prompt is on both sides.
    """

    name: str
    """Name of the task in messages and pages."""
    train: tuple[Problem, ...]
    """Training problems, in the order of the rows."""
    heldout: tuple[Problem, ...]
    """Held-out problems, in an order whose first n are a fair sample; may be empty."""
    template: Template
    """Form in which a problem is asked."""
    verifier: AnyVerifier
    """Verifier of the answers; a function of any signature becomes one here."""
    notes: tuple[str, ...] = ()
    """Notes of loading, such as rows that were left out, a sentence each."""
    gold: Callable[[Problem], str | None] | None = None
    """A completion of the problem that deserves full marks, or None where its row has none; for
    `paceline tasks check` and the audit."""
    full: float = 1.0
    """The reward of full marks."""
    given: Callable[[Problem], tuple[Given, ...]] | None = None
    """The completions that a problem's row brings, for training without sampling; None where rows
    bring none, and a gold answer is all that there is."""
    judged: bool = True
    """True if the task has a reward; without one its verifier must not be asked."""
    forms: str = ""
    """The rows by their form, in words, such as "960 rows of messages"; empty where there is only
    one form."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "verifier", adapt(self.verifier))
        check_filled(self.template.user)
        if not self.train:
            raise DataError(
                f"Task '{self.name}' has no training problems ({len(self.heldout)} are held out)."
            )
        _check(self.train, f"the training problems of task '{self.name}'")
        _check(self.heldout, f"the held-out problems of task '{self.name}'")
        asked = {prompt_key(p.prompt) for p in self.heldout}
        names = {p.id for p in self.heldout}
        for i, problem in enumerate(self.train, 1):
            if problem.id in names or prompt_key(problem.prompt) in asked:
                raise DataError(
                    f"Problem {i} of the training problems of task '{self.name}', {problem.name}, "
                    "is also held out, so held-out accuracy would measure memory."
                )

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """The problem as it is asked."""
        return self.template.messages(problem)

    def brought(self, problem: Problem) -> tuple[Given, ...]:
        """The completions that there are for a problem without sampling any: those of its row, or
        else its gold answer as the assistant's one turn; empty where it has neither."""
        return self._gold(problem) if self.given is None else self.given(problem)

    def of_rows(self, problem: Problem) -> tuple[Given, ...]:
        """The completions that a problem's row brings and its gold answer does not."""
        if self.given is None or (found := self.given(problem)) == self._gold(problem):
            return ()
        return found

    def _gold(self, problem: Problem) -> tuple[Given, ...]:
        text = None if self.gold is None else self.gold(problem)
        return () if text is None else (demonstration(text),)


def demonstration(text: str) -> Given:
    """A completion of one turn that is to be imitated.

    Example: demonstration("103") is Given(({"role": "assistant", "content": "103"},))
    """
    return Given(({"role": "assistant", "content": text},))


def _check(problems: Sequence[Problem], where: str) -> None:
    seen: dict[str, int] = {}
    for i, problem in enumerate(problems, 1):
        if is_empty(problem.prompt):
            raise DataError(f"Problem {i} of {where}, {problem.name}, has an empty prompt.")
        first = seen.setdefault(problem.id, i)
        if first != i:
            raise DataError(
                f"Problems {first} and {i} of {where} have the same id, {problem.name}."
            )


def is_empty(prompt: str | tuple[Message, ...]) -> bool:
    """True if a prompt asks nothing."""
    if isinstance(prompt, str):
        return not prompt.strip()
    return not any(turn["content"].strip() for turn in prompt if turn["role"] != "system")


@runtime_checkable
class TaskSource(Protocol):
    """The task in a config: a frozen value of plain options that makes the task when it is
    loaded."""

    def load(self) -> Task:
        """The task; the first time that rows are read or made."""
        ...
