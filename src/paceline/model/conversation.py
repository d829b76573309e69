"""The tokens of completions that a row brings: those that sampling would have met.

A chat template may write the same conversation in two ways: as a prompt that the assistant's turn
goes on from, and as history. A model that is trained here will be asked in the first way, so every
answer is put behind the prompt that would have asked for it, with the one token that ends a turn.
What the template writes between two answers is taken from the next prompt, and does not train.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..types import TEXT, Completion, Message, Prompt
from ..verify.answers.form import opened_in
from .control import special_of
from .template import render, rendered_text, turn_end_id


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and the completion that stands behind it."""

    prompt: Prompt
    completion: Completion


@dataclass(frozen=True, slots=True)
class _Answer:
    """One turn of the assistant, behind the prompt that asks for it."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    """Its tokens, the one that ends the turn included."""
    content: str
    opened: str


def conversation(
    tokenizer: Any, messages: Sequence[Message], turns: Sequence[Message]
) -> tuple[Asked, ...]:
    """The prompt of some messages, with the turns that follow as its completion.

    The tokens of the assistant's turns train, each with the token that ends it
    (`Completion.sampled`); those of other turns and of the template's marks do not. Where the
    template writes an answer otherwise once it is history, as those that drop earlier reasoning do,
    no single row holds what sampling would meet: then each of the assistant's turns is a row of its
    own, behind its own prompt.

    Args:
        messages: what comes before the first turn that trains.
        turns: the turns that a row brings; the last one is the assistant's.

    Raises: ConfigError for messages that the template refuses, an answer that spells control
        tokens, and one that never closes the reasoning that the prompt opens for it.
    """
    if turns[0]["role"] == TEXT:
        return (_plain_text(tokenizer, turns[0]["content"]),)
    chat, answers = list(messages), list[_Answer]()
    for turn in turns:
        if turn["role"] == "assistant":
            answers.append(_answer(tokenizer, chat, turn["content"]))
        chat.append(turn)
    joined = _joined(answers)
    return (joined,) if joined else tuple(_alone(answer) for answer in answers)


def closing(tokenizer: Any, chat: Sequence[Message]) -> tuple[int, ...]:
    """The tokens that the chat template writes behind a conversation's last answer, after the one
    that ends it: a line break, or nothing. Whoever renders a whole conversation has them too."""
    whole = rendered_text(tokenizer, chat, answered=True)
    _, found, rest = whole.rpartition(tokenizer.decode([turn_end_id(tokenizer)]))
    if not found or chat[-1]["content"].strip() in rest:  # the template ends no turn
        return ()
    return tuple(tokenizer(rest, add_special_tokens=False)["input_ids"])


def _joined(answers: Sequence[_Answer]) -> Asked | None:
    """All answers behind the first prompt; None where a later prompt does not begin with what was
    asked and answered before it."""
    first = answers[0]
    ids, sampled = list(first.ids), [True] * len(first.ids)
    for answer in answers[1:]:
        before = (*first.prompt, *ids)
        if answer.prompt[: len(before)] != before:
            return None
        between = answer.prompt[len(before) :]
        ids += [*between, *answer.ids]
        sampled += [*(False for _ in between), *(True for _ in answer.ids)]
    text = "\n".join(answer.content for answer in answers)
    every = None if all(sampled) else tuple(sampled)
    completion = Completion(tuple(ids), (), text, "stop", sampled=every, opened=first.opened)
    return Asked(Prompt(first.prompt), completion)


def _alone(answer: _Answer) -> Asked:
    completion = Completion(answer.ids, (), answer.content, "stop", opened=answer.opened)
    return Asked(Prompt(answer.prompt), completion)


def _answer(tokenizer: Any, chat: Sequence[Message], content: str) -> _Answer:
    prompt, shown = render(tokenizer, chat), rendered_text(tokenizer, chat)
    opened = opened_in(shown)
    text = _behind(opened, content)
    if not opened:
        text = _spaced(tokenizer, chat, shown, text)
    ids = _tokens(tokenizer, prompt, shown, text)
    return _Answer(prompt, (*ids, turn_end_id(tokenizer)), text.strip(), opened)


def _behind(opened: str, content: str) -> str:
    """The answer behind tags that the prompt has opened already."""
    if not opened:
        return content
    tags = opened.split()
    tag = tags[-1].removeprefix("<")
    if f"</{tag}" not in content:
        raise ConfigError(
            f"The chat template opens {tags[-1]} for every answer, and the answer "
            f"{content[:40]!r} never closes it, so that it would train to answer inside; write the "
            "reasoning into the rows, or set model.chat_template to one that does not open it."
        )
    inside = content.lstrip()
    return inside.removeprefix(opened.strip()).lstrip() if inside.startswith(tags[0]) else content


def _spaced(tokenizer: Any, chat: Sequence[Message], shown: str, content: str) -> str:
    """The answer with the white space that the template puts around an assistant's turn, or without
    what it takes away. What else a template adds or drops is left out of account: a model answers
    with its own words alone."""
    turn = {"role": "assistant", "content": content}
    whole = rendered_text(tokenizer, [*chat, turn], answered=True)
    bare = content.strip()
    rest = whole[len(shown) :] if whole.startswith(shown) else ""
    lead, found, behind = rest.partition(bare)
    if not found or lead.strip():
        return content
    trail = content[len(content.rstrip()) :]
    return lead + bare + (trail if behind.startswith(trail) else "")


def _tokens(tokenizer: Any, prompt: tuple[int, ...], shown: str, text: str) -> tuple[int, ...]:
    """The tokens of an answer behind its prompt. Some tokenizers begin a text otherwise than they
    go on behind another (a space in front), so prompt and answer are read together; by itself only
    where the two would grow together."""
    special = special_of(tokenizer)
    if special.spelled_in(text):
        ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        if special.among(ids):
            raise ConfigError(
                f"The answer {text[:40]!r} spells control tokens of the model, and its tokenizer "
                "cannot take them as text; take them out of the data."
            )
        return tuple(ids)
    together = tuple(tokenizer(shown + text, add_special_tokens=False)["input_ids"])
    if together[: len(prompt)] == prompt:
        return together[len(prompt) :]
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _plain_text(tokenizer: Any, text: str) -> Asked:
    """A text whose tokens all train, with a stop token behind. Its first token, the one that texts
    begin with where the tokenizer has such a one, is the prompt: nothing predicts it."""
    ids = tokenizer(text, split_special_tokens=True)["input_ids"]
    if len(ids) > 1 and ids[-1] == tokenizer.eos_token_id:
        del ids[-1]
    completion = Completion((*ids[1:], tokenizer.eos_token_id), (), text, "stop", opened="")
    return Asked(Prompt(tuple(ids[:1])), completion)
