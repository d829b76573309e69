"""Tasks: training problems, held-out problems, the template that asks them, and the verifier."""

from ..errors import ConfigError, nearest
from ..verify.calling.load import load_function
from .arithmetic import Arithmetic
from .choice import MultipleChoice
from .code import Code
from .columns import Columns
from .countdown import Countdown
from .demonstrations import Demonstrations, Preferences
from .gsm8k import Gsm8k
from .gym import ReasoningGym
from .manners import Manners
from .read import read_rows
from .rewards import REWARDS
from .rows import Rows
from .split import content_id, prompt_key, split
from .summaries import Tldr
from .task import Task, TaskSource, Template

SOURCES: dict[str, type[TaskSource]] = {
    "arithmetic": Arithmetic,
    "code": Code,
    "countdown": Countdown,
    "demonstrations": Demonstrations,
    "gsm8k": Gsm8k,
    "manners": Manners,
    "multiple_choice": MultipleChoice,
    "preferences": Preferences,
    "reasoning_gym": ReasoningGym,
    "rows": Rows,
    "tldr": Tldr,
}
"""Tasks by name."""
ABOVE = {"kept": "paceline.store.kept:Kept"}
"""Tasks of rooms that this one may not import, by name, and where each is found."""


def by_name(name: str) -> type[TaskSource]:
    """The class of a task by its name; calling it gives the task's options at their defaults.

    Raises: ConfigError naming the nearest task.
    """
    if name in ABOVE:
        return load_function(ABOVE[name])
    if name not in SOURCES:
        known = [*SOURCES, *ABOVE]
        raise ConfigError(
            f"There is no task '{name}'.{nearest(name, known)} There are {', '.join(known)}."
        )
    return SOURCES[name]


def every_source() -> dict[str, type[TaskSource]]:
    """All tasks by name, those of rooms above this one included, which are loaded for it."""
    return SOURCES | {name: by_name(name) for name in ABOVE}


def name_of(source: type[TaskSource] | str) -> str | None:
    """The name of a task's class, or of a class by what a config's JSON calls it; None for a task
    of a user's own.

    Examples: name_of(Rows) and name_of("Rows") are "rows"; name_of("paceline.store.kept:Kept") is
        "kept"
    """
    called = source if isinstance(source, str) else f"{source.__module__}:{source.__qualname__}"
    for name, known in SOURCES.items():
        if source is known or called == known.__name__:
            return name
    return next((name for name, place in ABOVE.items() if called == place), None)


__all__ = [
    "ABOVE",
    "REWARDS",
    "SOURCES",
    "Arithmetic",
    "Code",
    "Columns",
    "Countdown",
    "Demonstrations",
    "Gsm8k",
    "Manners",
    "MultipleChoice",
    "Preferences",
    "ReasoningGym",
    "Rows",
    "Task",
    "TaskSource",
    "Template",
    "Tldr",
    "by_name",
    "content_id",
    "every_source",
    "name_of",
    "prompt_key",
    "read_rows",
    "split",
]
