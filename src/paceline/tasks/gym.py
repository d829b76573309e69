"""Any data set of reasoning-gym (Stojanovski et al. 2025, arXiv 2505.24760) and its own scorer."""

import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from .. import rng
from ..errors import ConfigError, nearest
from ..types import Problem
from ..verify.answers.gym import GymAnswer, GymForm
from .rewards import in_form
from .split import content_id, prompt_key
from .task import Task, Template

USER_TURNS: dict[GymForm, str] = {
    "tag": (
        "{prompt}\n\nThink between <think> and </think>. Then write the final answer alone between "
        "<answer> and </answer>."
    ),
    "text": "{prompt}\n\nWrite the final answer and nothing else.",
    "boxed": "{prompt}\n\nReason step by step. Then write the final answer in \\boxed{}.",
    "hashes": (
        "{prompt}\n\nReason step by step. Then write the answer on the last line, behind ####."
    ),
    "last_number": "{prompt}",
}
"""The user's turn for each form of answer."""
GOLD_FORMS: dict[GymForm, str] = {
    "tag": "<think>It can be worked out.</think>\n<answer>{}</answer>",
    "text": "{}",
    "boxed": "It can be worked out: \\boxed{{{}}}",
    "hashes": "It can be worked out.\n#### {}",
    "last_number": "It can be worked out: {}",
}
"""Right answers of each form, with {} for the answer."""


@dataclass(frozen=True, slots=True)
class ReasoningGym:
    """Problems made up by a data set of reasoning-gym."""

    dataset: str = "basic_arithmetic"
    """Name of the reasoning-gym data set."""
    config: str = "{}"
    """Options of the data set as JSON, such as {"max_digits": 2}."""
    problems: int = 2000
    """Number of training problems."""
    heldout: int = 500
    """Number of held-out problems."""
    seed: int = 0
    """Seed of the problems that are made up."""
    strict: bool = True
    """Pay full marks or nothing; false also pays the scorer's partial marks, often for guesses."""
    form: GymForm = "tag"
    """Form of the answer: tag, text, boxed, hashes or, lenient, last_number."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str | None = None
    """The user's turn, with {prompt} where the question goes; None takes the form's own."""

    def load(self) -> Task:
        """The task.

        Raises: ConfigError where reasoning-gym is not installed, or has no such data set.
        """
        if self.form not in USER_TURNS:
            raise ConfigError(f"task.form is '{self.form}'; it is {', '.join(USER_TURNS)}.")
        options = self._options()
        # Entry i comes from the random numbers of seed + i, so neighbouring seeds share nearly all
        # of their entries: one data set for both sides, from a seed far away from all others.
        entries = self._entries(self.problems + 2 * self.heldout, options)
        train = _problems(entries[: self.problems])
        asked = {prompt_key(p.prompt) for p in train}
        fresh = _problems(entries[self.problems :])
        heldout = [p for p in fresh if prompt_key(p.prompt) not in asked][: self.heldout]
        notes = ()
        if len(train) < self.problems or len(heldout) < self.heldout:
            notes = (
                f"'{self.dataset}' repeats itself: {len(train)} different problems to train on and "
                f"{len(heldout)} held out are left.",
            )
        return Task(
            self.dataset, tuple(train), tuple(heldout),
            Template(self.system, self.user or USER_TURNS[self.form]),
            GymAnswer(self.dataset, self.config, self.form, strict=self.strict), notes,
            gold=partial(in_form, GOLD_FORMS[self.form]),
        )  # fmt: skip

    def _options(self) -> dict[str, Any]:
        try:
            options = json.loads(self.config)
        except json.JSONDecodeError:
            options = None
        if not isinstance(options, dict):
            raise ConfigError(f"task.config is {self.config!r}; it must be a JSON object.")
        return options

    def _entries(self, count: int, options: dict[str, Any]) -> list[dict[str, Any]]:
        known = names()
        if self.dataset not in known:
            raise ConfigError(
                f"reasoning-gym has no data set '{self.dataset}'.{nearest(self.dataset, known)}"
            )
        import reasoning_gym  # pyright: ignore[reportMissingImports]

        if evaluates(self.dataset):
            raise ConfigError(
                f"The scorer of '{self.dataset}' evaluates the answer as code, with the rights of "
                "this process; it is refused (for countdown there is the task countdown)."
            )
        seed = rng.key(self.seed, "reasoning_gym") % 2**31
        try:
            return list(
                reasoning_gym.create_dataset(self.dataset, size=count, seed=seed, **options)
            )
        except (TypeError, AssertionError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise ConfigError(f"task.config does not fit '{self.dataset}': {said}.") from error


def _problems(entries: Sequence[dict[str, Any]]) -> list[Problem]:
    """The problems of entries; of those that repeat an earlier one, the first."""
    found: dict[str, Problem] = {}
    for entry in entries:
        answer = "" if entry["answer"] is None else str(entry["answer"])
        name = content_id(entry["question"], answer)
        found.setdefault(name, Problem(name, entry["question"], answer, {"entry": entry}))
    return list(found.values())


@cache
def names() -> list[str]:
    """Names of all data sets. Raises: ConfigError if the package is not installed."""
    try:
        import reasoning_gym  # pyright: ignore[reportMissingImports] # noqa: F401 - registers them
        from reasoning_gym.factory import DATASETS  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            "reasoning-gym is not installed; run `pip install reasoning-gym`."
        ) from None
    return sorted(DATASETS)


@cache
def evaluates(dataset: str) -> bool:
    """True if a data set's scorer evaluates a model's text, by eval or sympy's parse_expr."""
    names()
    from reasoning_gym.factory import DATASETS  # pyright: ignore[reportMissingImports]

    cls = DATASETS[dataset][0]
    called = [cls.score_answer]
    for name in cls.score_answer.__code__.co_names:  # what it calls, one step further
        called += [getattr(cls, name, None), vars(inspect.getmodule(cls)).get(name)]
    source = "".join(inspect.getsource(f) for f in called if inspect.isfunction(f))
    return bool(re.search(r"parse_expr|sympify|\b(?:eval|exec)\(", source))
