"""Chat templates and stop tokens: a problem becomes prompt tokens, and a token ends an answer."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from ..errors import ConfigError
from ..types import Message
from .control import check_roles, controls_of

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if not loop.last %}{{ '\n\n' }}{% endif %}{% endfor %}"
)
"""A chat template without any markup, with an empty line between two turns."""


def check_tokenizer(tokenizer: Any, name: str, chat_template: str | None) -> None:
    """Settle the chat template, the pad token and the stop token, or say what is missing."""
    if chat_template == "plain":
        first = tokenizer("a")["input_ids"][:1]
        starts = tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id]
        # Rendering a template adds no special tokens, and base models expect their first one.
        tokenizer.chat_template = "{{ bos_token }}" + PLAIN_TEMPLATE if starts else PLAIN_TEMPLATE
    elif chat_template is not None:
        path = Path(chat_template).expanduser()
        if not path.is_file():
            raise ConfigError(
                f"There is no chat template at '{chat_template}'; give a Jinja file, or plain."
            )
        tokenizer.chat_template = path.read_text(encoding="utf-8")
    if isinstance(tokenizer.chat_template, dict):  # several by name, for tools and the like
        tokenizer.chat_template = tokenizer.chat_template.get("default")
    if tokenizer.chat_template is None:
        raise ConfigError(
            f"The tokenizer of '{name}' has no chat template; set model.chat_template=plain for a "
            "base model, or to the path of a Jinja template."
        )
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            f"The tokenizer of '{name}' has no stop token, so no answer could ever end; set "
            "eos_token in its tokenizer_config.json."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # only fills space: masks come from lengths


def render(tokenizer: Any, messages: Sequence[Message]) -> tuple[int, ...]:
    """Render the prompt's tokens, with the mark that opens the assistant's turn.

    A control token that a message spells is text, as in transformers' `sanitize_control_tokens`.
    The tokens are checked: their control tokens are those of the same messages with harmless texts,
    or the prompt is refused.

    Raises: ConfigError for messages that the template refuses, or that cannot be made harmless.
    """
    check_roles(messages)
    controls = controls_of(tokenizer)
    # Joined, as templates may write two texts one behind the other.
    if not controls.spelled_in("".join(turn["content"] for turn in messages)):
        return _prompt(tokenizer, messages)
    harmless = [{**turn, "content": controls.broken(turn["content"])} for turn in messages]
    try:
        prompt = _prompt(tokenizer, messages, sanitize_control_tokens=True)
        why = "they come out as control tokens in spite of it"
    # NotImplementedError is transformers' own word for tokenizers that have no such way.
    except (ValueError, NotImplementedError) as error:
        prompt, why = None, str(error)
    if prompt is None or controls.among(prompt) != controls.among(_prompt(tokenizer, harmless)):
        raise ConfigError(
            f"The prompt that ends with {messages[-1]['content'][-60:]!r} spells control tokens of "
            f"the model, and its tokenizer cannot take them as text ({why}); take them out of the "
            "data."
        )
    return prompt


def _prompt(
    tokenizer: Any, messages: Sequence[Message], *, sanitize_control_tokens: bool = False
) -> tuple[int, ...]:
    try:
        rendered = tokenizer.apply_chat_template(
            [dict(turn) for turn in messages],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            sanitize_control_tokens=sanitize_control_tokens,
        )
    except (TemplateError, TypeError) as error:
        raise ConfigError(
            f"The chat template refuses these messages: {error}; change task.system or task.user, "
            "or set model.chat_template."
        ) from error
    return tuple(rendered["input_ids"])


def rendered_text(tokenizer: Any, messages: Sequence[Message], *, answered: bool = False) -> str:
    """The same prompt as text; with `answered`, a conversation that ends with the assistant's turn.
    An empty text where the template refuses that."""
    try:
        return tokenizer.apply_chat_template(
            [dict(turn) for turn in messages], add_generation_prompt=not answered, tokenize=False
        )
    except Exception:  # a template is somebody else's program, and may refuse an answer
        if not answered:
            raise
        return ""


def turn_end_id(tokenizer: Any) -> int:
    """The token that ends an assistant's turn: the one that the chat template writes there, or the
    tokenizer's own stop token where it writes none."""
    return _turn_end_under(tokenizer, tokenizer.chat_template)


@lru_cache(maxsize=8)
def _turn_end_under(tokenizer: Any, template: str) -> int:
    del template  # a part of the key: a tokenizer's template may be another one later
    return next(iter(_turn_end(tokenizer)), tokenizer.eos_token_id)


def stop_token_ids(tokenizer: Any, config: Any, generation_config: Any) -> tuple[int, ...]:
    """Every token that ends an answer: the tokenizer's, the model's, the generation config's, and
    the one that the chat template puts after an assistant's turn. One id alone is a known trap:
    completions of models with several were counted as cut."""
    found: set[int] = {tokenizer.eos_token_id}
    for holder in (config, generation_config):
        ids = None if holder is None else holder.to_dict().get("eos_token_id")
        found.update([ids] if isinstance(ids, int) else ids or [])
    found.update(_turn_end(tokenizer))
    return tuple(sorted(found))


def _turn_end(tokenizer: Any) -> list[int]:
    """The first special token after the content of an assistant's turn; none if the template shows
    no such turn: it may refuse any conversation but those that it was written for."""
    for roles in PROBE_CONVERSATIONS:
        probe = [
            {"role": role, "content": PROBE_TEXT if role == "assistant" else "a"} for role in roles
        ]
        try:
            text = tokenizer.apply_chat_template(probe, tokenize=False)
        except Exception:  # a template is somebody else's program
            continue
        _, found, behind = text.rpartition(PROBE_TEXT)
        if not found:  # it changes or drops what was said
            continue
        added = tokenizer.added_tokens_decoder.items()
        special = {*tokenizer.all_special_ids, *(i for i, token in added if token.special)}
        ids = tokenizer(behind, add_special_tokens=False)["input_ids"] if behind else []
        return [i for i in ids if i in special][:1]
    return []


PROBE_TEXT = "turn-end-probe"
"""Content of the assistant's turn in a probe."""
PROBE_CONVERSATIONS = (
    ("user", "assistant"),
    ("system", "user", "assistant"),
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user"),
)
"""Conversations that show the end of an assistant's turn, for templates that want the system's turn
first or the user's last."""
