"""The user's own rows: a file, a folder or a hub name, with the columns' names as options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError, DataError, RewardError, nearest
from ..text import counted
from ..types import AnyVerifier, BatchVerifier, Completion, Problem
from ..verify.calling.load import IN_PYTHON, load_function
from ..verify.calling.missing import NotHere
from ..verify.calling.signatures import adapt
from ..verify.calling.verifier import judge, leaves, problem_check
from ..verify.programs.program import RunsPrograms
from .columns import AnswerIs, Columns, ProblemSet
from .fill import PROMPT
from .read import held_out_beside, is_file, read_rows
from .rewards import REWARDS, NamedReward, in_form
from .row import cell
from .split import prompt_key, split
from .task import BY_NAME, Task, Template


@dataclass(frozen=True, slots=True)
class Rows:
    """The user's own rows.

    A prompt is text, or messages (a list of {"role": …, "content": …}). All columns but the
    prompt reach the reward in `problem.data`, as they are. A column inside another is written
    with a dot, as in reward_model.ground_truth. Rows that repeat an earlier one are left out,
    with a note.
    """

    path: str = ""
    """Rows: a .jsonl, .json, .parquet or .csv file, a folder, or a hub name."""
    prompt: str = "prompt"
    """Column of prompts."""
    answer: str | None = "answer"
    """Column of expected answers; None where the reward needs none."""
    split: str = "train"
    """Part of a folder or hub name to train on."""
    subset: str | None = None
    """Configuration of the hub data set; None is its default."""
    heldout_path: str | None = None
    """Held-out rows, if they lie elsewhere: a file, a folder or a hub name; None takes
    task.path."""
    heldout_split: str | None = None
    """Part of a folder or hub name to hold out; None holds out some of the training rows."""
    heldout: float = 0.05
    """Held-out rows, chosen by content: below 1 a share of the rows, from 1 on a number of them."""
    split_key: str | None = None
    """Column whose equal values stay on one side, training or held out; None takes the prompt."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str = "{prompt}"
    """The user's turn, with {prompt} and other columns in braces; prompts that are messages stay as
    they are."""
    reward: str | Callable[..., Any] | BatchVerifier = field(
        default="last_number", metadata={BY_NAME: True}
    )
    """Reward, by name (docs/rewards.md lists them), or your own as file.py:function; in Python also
    the function itself."""
    answer_after: str | None = None
    """Mark behind which the expected answer stands in its column, such as ####: the last one
    counts. None takes the whole column."""
    allow_cut: bool = False
    """Also pay completions that were cut by their length; for rewards by name only."""
    limit: int | None = None
    """Most rows to read, from the start; None reads all. Held-out rows of their own come on top."""
    on_error: Literal["stop", "drop"] = "stop"
    """Reaction to rows that cannot be used: stop refuses them; drop leaves them out, with a
    note."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows that are missing, empty or wrongly named; ConfigError for
            options that do not fit.
        """
        self._check()
        named = self._named()
        task = self.judged_by(
            self._verifier(), named.gold if named else None, named.full if named else 1.0
        )
        if self.heldout_path is not None or self.heldout_split is not None:
            return task
        unread = [
            f"{name} is there too and is not read; {option} holds it out."
            for name, option in held_out_beside(self.path, self.split)
        ]
        return replace(task, notes=(*unread, *task.notes))

    def judged_by(
        self,
        verifier: AnyVerifier,
        form: str | None = None,
        full: float = 1.0,
        check: Callable[[Problem], None] | None = None,
    ) -> Task:
        """The task with this verifier in place of the one that `reward` names.

        Args:
            form: what an answer looks like that deserves full marks, such as "#### {}".
            full: the reward of full marks.
            check: raises `columns.Fault` for a problem that cannot be used.
        """
        gold = None if form is None else partial(in_form, form)

        judgeable = problem_check(verifier)
        runs_programs = any(isinstance(leaf, RunsPrograms) for leaf in leaves(verifier))

        def checked(problem: Problem) -> None:
            if check is not None:
                check(problem)
            judgeable(problem)
            if gold is not None and not runs_programs:  # thousands of programs would take minutes
                _check_gold(verifier, problem, gold(problem), full)

        notes: list[str] = []
        found = self._read(self.path, self.split, self.limit, notes, checked)
        train: Sequence[Problem] = found.problems
        if self.heldout_path is None and self.heldout_split is None:
            train, heldout = split(train, self.heldout, self._key())
            if not train:
                raise DataError(
                    f"task.heldout is {self.heldout:g}, so that of '{self.path}' with "
                    f"{counted(len(heldout), 'problem')} nothing is left to train on; set it lower."
                )
        else:
            place, part = self.heldout_path or self.path, self.heldout_split or self.split
            rows = self._read(place, part, None, notes, checked, own=True).problems
            heldout = split(rows, len(rows))[1]
            train = _without(train, heldout, notes)
        template, more = self._template((*train, *heldout), filled=found.filled)
        return Task(
            Path(self.path).absolute().stem, tuple(train), heldout, template, verifier,
            (*notes, *more), gold=gold, full=full,
        )  # fmt: skip

    def _check(self) -> None:
        if not self.path:
            raise ConfigError("task.path is empty; set it to a file, a folder or a hub name.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"task.limit is {self.limit}; it must be at least 1.")
        if self.on_error not in ("stop", "drop"):
            raise ConfigError(f"task.on_error is '{self.on_error}'; it is stop or drop.")
        if self.heldout_split is not None and is_file(self.heldout_path or self.path):
            raise ConfigError(
                f"'{self.heldout_path or self.path}' is one file, so it has no split "
                f"'{self.heldout_split}'; leave task.heldout_split out."
            )
        own = self._is_own()
        if self.answer is None and not own and self._answer_is() != "anything":
            without = [name for name, kind in REWARDS.items() if kind.answer == "anything"]
            raise ConfigError(
                f"task.answer is none, and task.reward={self.reward} compares with an expected "
                f"answer; set task.answer to its column, or take {', '.join(without)} or a reward "
                "of your own (file.py:function)."
            )
        for idle, option, why in (
            (self.answer is None and self.answer_after is not None, "answer_after",
             "there is no column of answers (task.answer is none)"),
            (own and self.allow_cut, "allow_cut", "a reward of your own decides that itself"),
            (is_file(self.path) and self.split != "train", "split", "a file has no splits"),
            (is_file(self.path) and self.subset is not None, "subset", "a file has no subsets"),
        ):  # fmt: skip
            if idle:
                raise ConfigError(f"task.{option} would change nothing: {why}; leave it out.")

    def _is_own(self) -> bool:
        """True if the reward is the user's, and not a name of REWARDS."""
        return not isinstance(self.reward, str) or ":" in self.reward

    def _answer_is(self) -> AnswerIs:
        named = self._named()
        return named.answer if named else "anything" if self._is_own() else "number"

    def _template(self, problems: Sequence[Problem], *, filled: bool) -> tuple[Template, list[str]]:
        """The template of the problems, with notes on options that hold for some of them only.

        Raises: ConfigError for an option that would change nothing.
        """
        messages = [problem.prompt for problem in problems if not isinstance(problem.prompt, str)]
        brought = sum(any(turn["role"] == "system" for turn in turns) for turns in messages)
        notes: list[str] = []
        for given, kept, option, why, instead in (
            (self.user != f"{{{PROMPT}}}", len(messages), "user", "are messages already",
             "task.system adds an instruction, or write it into the rows"),
            (self.system is not None, brought, "system", "bring a system message of their own",
             "leave it out, or take theirs out"),
        ):  # fmt: skip
            if given and kept == len(problems):
                raise ConfigError(
                    f"task.{option} would change nothing: all prompts {why}; {instead}."
                )
            if given and kept:
                notes.append(
                    f"task.{option} leaves {kept} of {len(problems)} prompts as they are: they "
                    f"{why}."
                )
        return Template(self.system, f"{{{PROMPT}}}" if filled else self.user), notes

    def _named(self) -> NamedReward | None:
        """The reward of this name; None for one that is the user's, and for an unknown name."""
        return REWARDS.get(self.reward) if isinstance(self.reward, str) else None

    def _verifier(self) -> AnyVerifier:
        if not isinstance(self.reward, str):
            return adapt(self.reward)
        if named := self._named():
            return named.make(allow_cut=self.allow_cut)
        place, _, name = self.reward.rpartition(":")
        if place == IN_PYTHON:
            return NotHere(name)
        if self._is_own():
            return adapt(load_function(self.reward))
        raise ConfigError(
            f"There is no reward '{self.reward}'.{nearest(self.reward, list(REWARDS))} It is "
            f"{', '.join(REWARDS)}, or your own as file.py:function."
        )

    def _key(self) -> Callable[[Problem], str] | None:
        column = self.split_key
        return None if column is None else lambda problem: str(cell(problem.data, column))

    def _read(
        self,
        path: str,
        part: str,
        limit: int | None,
        notes: list[str],
        check: Callable[[Problem], None],
        *,
        own: bool = False,
    ) -> ProblemSet:
        """The problems of a file, or of a part of a folder; of held-out rows of their `own` each
        problem says where it is from."""
        columns = Columns(
            self.prompt,
            self.answer,
            self.answer_after,
            self._answer_is(),
            () if self.split_key is None else (self.split_key,),
            Template(self.system, self.user).user,
            self.on_error == "drop",
        )
        rows = read_rows(path, part, self.subset, limit)
        where = f"'{path}'" if not own or is_file(path) else f"'{path}' ({part})"
        found = columns.problems(rows, where, check, f" of {where}" if own else "")
        notes += found.notes
        return found


def _check_gold(verifier: AnyVerifier, problem: Problem, text: str | None, full: float) -> None:
    """Raise RewardError if even the expected answer does not earn full marks."""
    if text is None:
        return
    verdict = judge(verifier, problem, Completion((), (), text, "stop"))
    if verdict.reward < full - 1e-9:
        raise RewardError(
            f"The expected answer of problem {problem.name} itself, '{problem.answer[:60]}', earns "
            f"{verdict.reward:g} of {full:g} ({verdict.reason})."
        )


def _without(
    train: Sequence[Problem], heldout: Sequence[Problem], notes: list[str]
) -> list[Problem]:
    asked = {prompt_key(problem.prompt) for problem in heldout}
    kept = [problem for problem in train if prompt_key(problem.prompt) not in asked]
    if len(kept) < len(train):
        gone = len(train) - len(kept)
        notes.append(f"Training problems left out because their prompt is held out too: {gone}.")
    return kept
