"""Chat templates and stop tokens: how a problem becomes prompt tokens, and what ends an answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from ..errors import ConfigError
from ..types import Message

PLAIN = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if not loop.last %}{{ '\n\n' }}{% endif %}{% endfor %}"
)
"""Turns without any markup, an empty line between two of them."""


def check_tokenizer(tokenizer: Any, name: str, chat_template: str | None) -> None:
    """Settle the chat template, the pad token and the stop token, or say what lacks."""
    if chat_template == "plain":
        first = tokenizer("a")["input_ids"][:1]
        starts = tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id]
        # Rendering a template adds no special tokens, and base models expect their first one.
        tokenizer.chat_template = "{{ bos_token }}" + PLAIN if starts else PLAIN
    elif chat_template is not None:
        path = Path(chat_template).expanduser()
        if not path.is_file():
            raise ConfigError(
                f"There is no chat template at '{chat_template}'; give a Jinja file, or plain."
            )
        tokenizer.chat_template = path.read_text(encoding="utf-8")
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
    """The prompt's tokens, with the mark that opens the assistant's turn."""
    try:
        rendered = tokenizer.apply_chat_template(
            [dict(m) for m in messages], add_generation_prompt=True, tokenize=True, return_dict=True
        )
    except TemplateError as error:
        raise ConfigError(
            f"The chat template refuses these messages: {error}; change task.system or task.user, "
            "or set model.chat_template."
        ) from error
    return tuple(rendered["input_ids"])


def stop_token_ids(tokenizer: Any, config: Any, generation_config: Any) -> tuple[int, ...]:
    """Every token that ends an answer: the tokenizer's, the model's, the generation config's, and
    the one that the chat template puts behind an assistant's turn. One id alone is a known trap:
    models with several were counted as cut."""
    found: set[int] = {tokenizer.eos_token_id}
    for holder in (config, generation_config):
        ids = None if holder is None else holder.to_dict().get("eos_token_id")
        found.update([ids] if isinstance(ids, int) else ids or [])
    found.update(_turn_end(tokenizer))
    return tuple(sorted(found))


def _turn_end(tokenizer: Any) -> list[int]:
    """The first special token behind the content of an assistant's turn."""
    user = {"role": "user", "content": "a"}
    text = tokenizer.apply_chat_template(
        [user, {"role": "assistant", "content": "turn-end-probe"}], tokenize=False
    )
    _, found, behind = text.rpartition("turn-end-probe")
    if not found:  # a template that changes or drops what was said
        return []
    added = tokenizer.added_tokens_decoder.items()
    special = {*tokenizer.all_special_ids, *(i for i, token in added if token.special)}
    ids = tokenizer(behind, add_special_tokens=False)["input_ids"] if behind else []
    return [i for i in ids if i in special][:1]
