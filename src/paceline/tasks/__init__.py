"""Tasks: training problems, held-out problems, the template that asks them, and the verifier."""

from ..errors import ConfigError, nearest
from .arithmetic import Arithmetic
from .choice import MultipleChoice
from .code import Code
from .columns import Columns
from .countdown import Countdown
from .gsm8k import Gsm8k
from .gym import ReasoningGym
from .read import read_rows
from .rewards import REWARDS
from .rows import Rows
from .split import content_id, prompt_key, split
from .summaries import Tldr
from .task import Task, TaskSource, Template

Source = type[Arithmetic | Code | Countdown | Gsm8k | MultipleChoice | ReasoningGym | Rows | Tldr]
SOURCES: dict[str, Source] = {
    "arithmetic": Arithmetic,
    "code": Code,
    "countdown": Countdown,
    "gsm8k": Gsm8k,
    "multiple_choice": MultipleChoice,
    "reasoning_gym": ReasoningGym,
    "rows": Rows,
    "tldr": Tldr,
}
"""Tasks by name."""


def by_name(name: str) -> Source:
    """The class of a task by its name; calling it gives the task's options at their defaults.

    Raises: ConfigError naming the nearest task.
    """
    if name not in SOURCES:
        known = list(SOURCES)
        raise ConfigError(
            f"There is no task '{name}'.{nearest(name, known)} There are {', '.join(known)}."
        )
    return SOURCES[name]


__all__ = [
    "REWARDS",
    "SOURCES",
    "Arithmetic",
    "Code",
    "Columns",
    "Countdown",
    "Gsm8k",
    "MultipleChoice",
    "ReasoningGym",
    "Rows",
    "Task",
    "TaskSource",
    "Template",
    "Tldr",
    "by_name",
    "content_id",
    "prompt_key",
    "read_rows",
    "split",
]
