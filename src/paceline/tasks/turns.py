"""Turns of a conversation, as rows spell them: {role, content}, or {from, value}."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..types import TEXT, Given, Message
from .answers import is_missing
from .faults import Fault, check_text
from .split import Question

ROLES = {
    "system": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "human": "user", "gpt": "assistant", "function_call": "assistant", "observation": "tool",
}  # fmt: skip
"""Roles that rows name -> the roles of a chat template."""
ASSISTANT = "assistant"
"""Role of the turns that train."""


def turns_of(value: Any, column: str) -> tuple[Message, ...]:
    """The turns in a column: a list of them, or one. A system turn without text is left out.

    Raises: Fault.
    """
    turns = [value] if isinstance(value, Mapping) else value
    if not isinstance(turns, list | tuple) or not turns:
        raise Fault(f"column '{column}' is no list of turns", value)
    read = [_turn(turn) for turn in turns]
    return tuple(turn for turn in read if turn["role"] != "system" or turn["content"].strip())


def _turn(turn: Any) -> Message:
    keys = turn.keys() if isinstance(turn, Mapping) else set()
    if {"role", "content"} <= keys and turn["role"] is not None:  # a table may have both pairs
        role, content = turn["role"], turn["content"]
    elif {"from", "value"} <= keys:
        role, content = turn["from"], turn["value"]
    else:
        raise Fault("a turn is neither {role, content} nor {from, value}", turn)
    if turn.get("tool_calls"):
        raise Fault("a turn has tool_calls, which are not read; write the call into its content")
    if turn.get("weight") == 0:
        raise Fault("a turn has weight 0, and here every answer trains; take the weights out")
    if not isinstance(role, str) or not isinstance(content, str):
        raise Fault("a turn's role or content is not text", turn)
    if role not in ROLES:
        raise Fault(f"a turn's role is none of {', '.join(ROLES)}", role)
    check_text(content, "turn")
    return {"role": ROLES[role], "content": content}


def answer_of(value: Any, column: str) -> tuple[Message, ...]:
    """The turns in a column that may also be the text of the assistant's one turn."""
    if not isinstance(value, str):
        return turns_of(value, column)
    check_text(value, "answer")
    return ({"role": ASSISTANT, "content": value},)


def check_answers(turns: Sequence[Message]) -> None:
    """Raise Fault for turns that cannot train: they must begin and end with the assistant's, and
    each of the assistant's must say something."""
    if not turns or turns[0]["role"] != ASSISTANT:
        raise Fault("the answer does not begin with the assistant's turn")
    if turns[-1]["role"] != ASSISTANT:
        raise Fault("the answer does not end with the assistant's turn")
    if any(turn["role"] == ASSISTANT and not turn["content"].strip() for turn in turns):
        raise Fault("an answer is empty")


def parted(turns: Sequence[Message]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Part a conversation: all before its first answer, and all from there to its last answer.

    Raises: Fault where there is no answer, one is empty, or nothing is asked before the first.
    """
    places = [i for i, turn in enumerate(turns) if turn["role"] == ASSISTANT]
    if not places:
        raise Fault("there is no turn of the assistant")
    before, answers = tuple(turns[: places[0]]), tuple(turns[places[0] : places[-1] + 1])
    if all(turn["role"] == "system" for turn in before):
        raise Fault("the conversation begins with the assistant's turn, so nothing is asked")
    check_answers(answers)
    return before, answers


def with_system(prompt: Question, system: Any) -> Question:
    """A prompt behind its row's system message; one that brings its own keeps it.

    Raises: Fault for a system message that is not text.
    """
    if is_missing(system) or system == "":
        return prompt
    if not isinstance(system, str):
        raise Fault("the system message in column 'system' is not text", system)
    check_text(system, "system message")
    turns = as_turns(prompt)
    if not system.strip() or any(turn["role"] == "system" for turn in turns):
        return prompt
    return ({"role": "system", "content": system}, *turns)


def as_turns(prompt: Question) -> tuple[Message, ...]:
    """A prompt as turns: text is one turn of the user's."""
    return ({"role": "user", "content": prompt},) if isinstance(prompt, str) else prompt


def answers_in(given: Given) -> int:
    """The number of turns of a completion that train."""
    return sum(turn["role"] in (ASSISTANT, TEXT) for turn in given.turns)
