"""Tasks: problems to train on, problems held out, how they are asked, and who judges."""

from ..errors import ConfigError, nearest
from .arithmetic import Arithmetic
from .columns import Columns
from .gsm8k import Gsm8k
from .read import read_rows
from .rows import REWARDS, Rows
from .split import content_id, prompt_key, split
from .task import Task, TaskSource, Template

SOURCES: dict[str, type[Arithmetic] | type[Gsm8k] | type[Rows]] = {
    "arithmetic": Arithmetic,
    "gsm8k": Gsm8k,
    "rows": Rows,
}


def by_name(name: str) -> type[Arithmetic] | type[Gsm8k] | type[Rows]:
    """The class of a task; calling it gives the task's options at their defaults.

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
    "Columns",
    "Gsm8k",
    "Rows",
    "Task",
    "TaskSource",
    "Template",
    "by_name",
    "content_id",
    "prompt_key",
    "read_rows",
    "split",
]
