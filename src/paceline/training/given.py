"""Rows that bring their own completions, as groups of tokens: read, checked and, where they are too
long, left out before the first step, so that a round of them depends on its number alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ConfigError, DataError
from ..model.conversation import Asked, closing, conversation
from ..objective.ranking import MARGIN
from ..tasks import Task
from ..tasks.turns import as_turns
from ..text import counted
from ..types import TEXT, Given, Group, Problem, Rollout, Round, Verdict

BROUGHT = "brought by its row"
"""Reason of the verdict on a completion that nobody judged."""
SIDES = ("training", "held-out")
"""Names of the two sides in sentences."""


@dataclass(frozen=True, slots=True)
class GivenRows:
    """The rows of a task that bring their completions: a group each, or one a turn of a
    conversation that its template cannot write as one row."""

    train: tuple[Group, ...]
    heldout: tuple[Group, ...]
    notes: tuple[str, ...] = ()
    """Remarks on what was left out or split, a sentence each."""

    def round_of_some(self, count: int = 8) -> Round:
        """A round of the first rows, to try what is to be done with all of them."""
        return Round(0, self.train[:count])


def given_rows(
    tokenizer: Any,
    task: Task,
    *,
    max_tokens: int,
    context: int | None,
    heldout: int,
    compared: bool = False,
    whole: bool = False,
) -> GivenRows:
    """Both sides of a task whose rows bring their completions.

    A row whose completion has more than `max_tokens` tokens, or does not fit into the model's
    context behind its prompt, is left out whole: one that was cut would teach to end in the middle.

    Args:
        context: the most tokens that the model was made for; None if its config does not say so.
        heldout: the most held-out problems, the first of them.
        compared: True keeps all completions of a problem together, whatever their rewards are.
        whole: True ends every completion with what the chat template writes behind it, as whoever
            has a reward model read a whole conversation will. It does not train.

    Raises: DataError naming a row that cannot be read, or where no row is left; ConfigError for a
        task that brings no completions.
    """
    sides = [_Side(name, tokenizer, task, max_tokens, context, compared, whole) for name in SIDES]
    for side, problems in zip(sides, (task.train, task.heldout[:heldout]), strict=True):
        for problem in problems:
            side.read(problem)
    train, held = sides
    if not train.kept:
        raise train.nothing_left()
    notes = (note for side in sides for note in side.notes())
    return GivenRows(tuple(train.kept), tuple(held.kept), tuple(notes))


@dataclass(slots=True)
class _Side:
    """The training side of a task or the held-out one, with counts of what became of its rows."""

    name: str
    tokenizer: Any
    task: Task
    max_tokens: int
    context: int | None
    compared: bool
    whole: bool
    too_long: int = 0
    without: int = 0
    split: int = 0
    longest: int = 0
    kept: list[Group] = field(default_factory=list)

    def read(self, problem: Problem) -> None:
        """Take in what a problem brings: completions that are compared, or differ in reward, stay
        together, and others are demonstrations, a row each."""
        brought = self.task.brought(problem)
        self.without += not brought
        if brought and (self.compared or len({given.reward for given in brought}) > 1):
            self._take(problem, brought)
        else:
            for given in brought:
                self._take(problem, (given,))

    def _take(self, problem: Problem, brought: Sequence[Given]) -> None:
        """Take in one row, or count it as too long."""
        try:
            groups = list(self._groups(problem, brought))
        except ConfigError as error:
            raise DataError(
                f"A {self.name} row of task '{self.task.name}', {problem.name}, cannot be learned "
                f"from. {error}"
            ) from error
        lengths = [len(r.completion.token_ids) for g in groups for r in g.rollouts]
        both = [len(g.prompt) + len(r.completion.token_ids) for g in groups for r in g.rollouts]
        self.longest = max(self.longest, *lengths)
        no_room = self.context is not None and max(both) > self.context
        if max(lengths) > self.max_tokens or no_room:
            self.too_long += 1
            return
        self.split += len(groups) > 1
        self.kept += groups

    def _groups(self, problem: Problem, brought: Sequence[Given]) -> Iterator[Group]:
        """One group of all completions of a row; of a single conversation that is no single row,
        one group a turn."""
        # A reward model is asked about the problem itself, whatever the task words around it.
        messages = as_turns(problem.prompt) if self.whole else self.task.messages(problem)
        tokenizer = self.tokenizer
        read = [conversation(tokenizer, messages, given.turns) for given in brought]
        if self.whole:
            read = [
                asked
                if given.turns[0]["role"] == TEXT
                else _closed(asked, closing(tokenizer, (*messages, *given.turns)))
                for given, asked in zip(brought, read, strict=True)
            ]
        if len(brought) == 1:
            for asked in read[0]:
                yield _group(problem, brought, [asked])
            return
        if any(len(rows) > 1 for rows in read):
            raise ConfigError(
                "The chat template writes earlier answers otherwise than it asked for them, so "
                "that completions of several turns cannot be compared; leave one turn of the "
                "assistant in each."
            )
        yield _group(problem, brought, [rows[0] for rows in read])

    def nothing_left(self) -> Exception:
        """The error where no row is left."""
        if self.too_long:
            return DataError(
                f"Every {self.name} row of task '{self.task.name}' is too long (the longest "
                f"completion has {counted(self.longest, 'token')}, and rollouts.max_tokens is "
                f"{self.max_tokens}); raise rollouts.max_tokens, as far as the model's context "
                "goes."
            )
        return ConfigError(
            f"Task '{self.task.name}' brings no completions to learn from; give it rows that have "
            "them (task=demonstrations or preferences), or sample them with answers=sampled."
        )

    def notes(self) -> Iterator[str]:
        """Remarks on what was left out or split."""
        if self.too_long:
            yield (
                f"{counted(self.too_long, f'{self.name} row')} left out for being longer than "
                f"rollouts.max_tokens ({self.max_tokens}) or the model's context; the longest "
                f"completion has {counted(self.longest, 'token')}."
            )
        if self.without:
            rows = counted(self.without, f"{self.name} row")
            yield f"{rows} left out for bringing no completion."
        if self.split:
            yield (
                f"{counted(self.split, f'{self.name} conversation')} read one turn at a time: the "
                "chat template writes earlier answers otherwise than it asked for them."
            )


def _closed(asked: Sequence[Asked], behind: tuple[int, ...]) -> tuple[Asked, ...]:
    """The rows with some tokens behind the last of them, which do not train."""
    *others, last = asked
    completion, n = last.completion, len(last.completion.token_ids)
    sampled = (*(completion.sampled or (True,) * n), *(False,) * len(behind))
    ids = (*completion.token_ids, *behind)
    longer = replace(completion, token_ids=ids, sampled=sampled if behind else completion.sampled)
    return (*others, replace(last, completion=longer))


def _group(problem: Problem, brought: Sequence[Given], read: Sequence[Asked]) -> Group:
    rollouts = tuple(
        Rollout(problem, asked.completion, _verdict(given))
        for given, asked in zip(brought, read, strict=True)
    )
    return Group(problem, read[0].prompt, rollouts)


def _verdict(given: Given) -> Verdict:
    return Verdict(given.reward, {MARGIN: given.margin} if given.margin else {}, BROUGHT)
