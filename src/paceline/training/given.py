"""Rows that bring their own completions, as groups of tokens: read, checked and, where they are too
long, left out before the first step, so that a round of them depends on its number alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ConfigError, DataError
from ..model.conversation import TEXT, Asked, closing, conversation
from ..tasks import Task
from ..text import counted
from ..types import Given, Group, Problem, Rollout, Round, Verdict

BROUGHT = "brought by its row"
"""Reason of the verdict on a completion that nobody judged."""
MARGIN = "margin"
"""Name of the part of a verdict that holds a pair's margin."""


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


@dataclass(slots=True)
class _Counts:
    """Rows by what became of them."""

    too_long: int = 0
    without: int = 0
    split: int = 0
    longest: int = 0
    kept: list[Group] = field(default_factory=list)


def given_rows(
    tokenizer: Any,
    task: Task,
    *,
    max_tokens: int,
    context: int | None,
    heldout: int,
    whole: bool = False,
) -> GivenRows:
    """Both sides of a task whose rows bring their completions.

    A row whose completion has more than `max_tokens` tokens, or does not fit into the model's
    context behind its prompt, is left out whole: one that was cut would teach to end in the middle.

    Args:
        context: the most tokens that the model was made for; None if its config does not say so.
        heldout: the most held-out problems, the first of them.
        whole: True ends every completion with what the chat template writes behind it, as whoever
            has a reward model read a whole conversation will. It does not train.

    Raises: DataError naming a row that cannot be read, or where no row is left; ConfigError for a
        task that brings no completions.
    """
    train, held = _Counts(), _Counts()
    for counts, side, problems in (
        (train, "training", task.train),
        (held, "held-out", task.heldout[:heldout]),
    ):
        for problem in problems:
            most = max_tokens, context or max_tokens << 32
            _read(tokenizer, task, problem, side, counts, most, whole=whole)
    if not train.kept:
        raise _nothing_left(task, train, max_tokens)
    return GivenRows(tuple(train.kept), tuple(held.kept), tuple(_notes(train, held, max_tokens)))


def _read(
    tokenizer: Any,
    task: Task,
    problem: Problem,
    side: str,
    counts: _Counts,
    most: tuple[int, int],
    *,
    whole: bool,
) -> None:
    """Count a row, and keep its groups.

    Args:
        most: the most tokens of a completion, and of one behind its prompt.
    """
    brought = task.brought(problem)
    if not brought:
        counts.without += 1
        return
    try:
        groups = list(_groups(tokenizer, task, problem, brought, whole=whole))
    except ConfigError as error:
        raise DataError(
            f"A {side} row of task '{task.name}', {problem.name}, cannot be learned from. {error}"
        ) from error
    lengths = [len(r.completion.token_ids) for g in groups for r in g.rollouts]
    counts.longest = max(counts.longest, *lengths)
    both = [len(g.prompt) + len(r.completion.token_ids) for g in groups for r in g.rollouts]
    if max(lengths) > most[0] or max(both) > most[1]:
        counts.too_long += 1
        return
    counts.split += len(groups) > 1
    counts.kept += groups


def _groups(
    tokenizer: Any, task: Task, problem: Problem, brought: Sequence[Given], *, whole: bool
) -> Iterator[Group]:
    """One group of all completions that a row brings; of a single conversation that is no single
    row, one group a turn."""
    messages = task.messages(problem)
    read = [conversation(tokenizer, messages, given.turns) for given in brought]
    if whole:
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
            "The chat template writes earlier answers otherwise than it asked for them, so that "
            "completions of several turns cannot be compared; leave one turn of the assistant in "
            "each."
        )
    yield _group(problem, brought, [rows[0] for rows in read])


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


def _nothing_left(task: Task, counts: _Counts, max_tokens: int) -> Exception:
    if counts.too_long:
        return DataError(
            f"Every training row of task '{task.name}' is too long (the longest completion has "
            f"{counted(counts.longest, 'token')}, and rollouts.max_tokens is {max_tokens}); raise "
            "rollouts.max_tokens, as far as the model's context goes."
        )
    return ConfigError(
        f"Task '{task.name}' brings no completions to learn from; give it rows that have them "
        "(task=demonstrations or preferences), or sample them with answers=sampled."
    )


def _notes(train: _Counts, held: _Counts, max_tokens: int) -> Iterator[str]:
    for side, counts in (("training", train), ("held-out", held)):
        if counts.too_long:
            rows = counted(counts.too_long, f"{side} row")
            yield (
                f"{rows} left out for being longer than rollouts.max_tokens ({max_tokens}) or the "
                f"model's context; the longest completion has {counted(counts.longest, 'token')}."
            )
        if counts.without:
            rows = counted(counts.without, f"{side} row")
            yield f"{rows} left out for bringing no completion."
        if counts.split:
            yield (
                f"{counted(counts.split, f'{side} conversation')} read one turn at a time: the "
                "chat template writes earlier answers otherwise than it asked for them."
            )
