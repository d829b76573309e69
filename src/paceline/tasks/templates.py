"""The template of a task's rows, from the options `system` and `user`."""

from collections.abc import Sequence

from ..errors import ConfigError
from ..types import Problem
from .fill import PROMPT
from .task import Template


def template_of(
    problems: Sequence[Problem],
    system: str | None,
    user: str = f"{{{PROMPT}}}",
    *,
    filled: bool = False,
) -> tuple[Template, list[str]]:
    """The template of the problems, with notes on options that hold for some of them only.

    Args:
        filled: the prompts are whole user's turns already, which `user` has made.

    Raises: ConfigError for an option that would change nothing.
    """
    messages = [problem.prompt for problem in problems if not isinstance(problem.prompt, str)]
    brought = sum(any(turn["role"] == "system" for turn in turns) for turns in messages)
    notes: list[str] = []
    for given, kept, option, why, instead in (
        (user != f"{{{PROMPT}}}", len(messages), "user", "are messages already",
         "task.system adds an instruction, or write it into the rows"),
        (system is not None, brought, "system", "bring a system message of their own",
         "leave it out, or take theirs out"),
    ):  # fmt: skip
        if given and kept == len(problems):
            raise ConfigError(f"task.{option} would change nothing: all prompts {why}; {instead}.")
        if given and kept:
            notes.append(
                f"task.{option} leaves {kept} of {len(problems)} prompts as they are: they {why}."
            )
    return Template(system, f"{{{PROMPT}}}" if filled else user), notes
