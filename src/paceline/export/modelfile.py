"""Ollama's Modelfile: the chat template in Ollama's own language, and the strings that end an
answer.

Ollama reads no Jinja template. It looks the file's own one up in a list that it has, and where it
finds nothing it passes the bare prompt on, in silence: the model then sees text that it was never
trained on. So the turns' marks are learned from the template itself, by rendering a few
conversations, and a Modelfile is written only if they make the same text again for all of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateError

from ..errors import ConfigError
from ..types import Message

S, U, A, V, B = (f"paceline-{word}" for word in ("system", "asked", "answered", "again", "bye"))
"""Contents of the turns of a probe: words that no template writes by itself."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The text before and after the content of one role's turns."""

    before: str
    after: str

    def around(self, content: str) -> str:
        return f"{self.before}{content}{self.after}"


@dataclass(frozen=True, slots=True)
class TurnTemplate:
    """A chat template that writes one turn behind the other.

    Example of ChatML: TurnTemplate({"user": Marks("<|im_start|>user\\n", "<|im_end|>\\n"), …},
        opening="<|im_start|>assistant\\n")
    """

    roles: dict[str, Marks]
    """The marks of each role; without "system" where the template takes no such turn."""
    opening: str
    """The text that opens the assistant's turn."""
    bos: str = ""
    """The token that begins every text, where the template writes it."""
    start: str = ""
    """The text between that and the first turn."""
    system: str | None = None
    """The system's turn where a conversation has none; None leaves it out."""

    def render(self, conversation: Sequence[Message]) -> str:
        """The prompt of a conversation, as Ollama would write it."""
        turns = [*conversation]
        if self.system is not None and turns[0]["role"] != "system":
            turns.insert(0, {"role": "system", "content": self.system})
        written = "".join(self.roles[turn["role"]].around(turn["content"]) for turn in turns)
        return f"{self.bos}{self.start}{written}{self.opening}"

    @property
    def in_go(self) -> str:
        """The template in the language of Go's text/template, without `bos`, which Ollama puts
        before a text by itself."""
        found = _literal(self.start) + "{{ range .Messages }}"
        for i, (role, marks) in enumerate(self.roles.items()):
            found += "{{ else if " if i else "{{ if "
            content = _literal(marks.before) + "{{ .Content }}" + _literal(marks.after)
            found += f'eq .Role "{role}" }}}}{content}'
        return f"{found}{{{{ end }}}}{{{{ end }}}}{_literal(self.opening)}"


def _literal(text: str) -> str:
    """Text in a template of Go: as it is, but for what would open an action."""
    return text.replace("{{", '{{ "{{" }}')


def learned(tokenizer: Any, conversations: Sequence[Sequence[Message]]) -> TurnTemplate:
    """The turns' marks of a tokenizer's chat template.

    Args:
        conversations: some that it has to render alike, besides the probes.

    Raises: ConfigError if it does more than write one turn behind the other.
    """
    try:
        made = _learned(tokenizer)
        for conversation in (*_probes(made), *conversations):
            if made.render(conversation) != _rendered(tokenizer, conversation):
                raise _OtherTemplateError
    except (_OtherTemplateError, TemplateError, KeyError):
        raise ConfigError(
            "The model's chat template does more than write one turn behind the other, so no "
            "Modelfile can say it, and Ollama would show the model prompts that it was not trained "
            "on; use --to gguf, and serve it with llama.cpp, which reads the template itself."
        ) from None
    return made


class _OtherTemplateError(Exception):
    """A template that the marks of turns do not describe."""


def _learned(tokenizer: Any) -> TurnTemplate:
    bos = tokenizer.bos_token or ""
    if not _rendered(tokenizer, [{"role": "user", "content": U}]).startswith(bos):
        bos = ""

    def pieces(*turns: tuple[str, str], opens: bool = False) -> list[str]:
        asked = [{"role": role, "content": said} for role, said in turns]
        text = _rendered(tokenizer, asked, opens=opens).removeprefix(bos)
        found = []
        for _, said in turns:
            before, there, text = text.partition(said)
            if not there:
                raise _OtherTemplateError
            found.append(before)
        return [*found, text]

    _, user_after = pieces(("user", U))
    before_user, between, before_again, end = pieces(
        ("user", U), ("assistant", A), ("user", V), opens=True
    )
    _, _, answer_after = pieces(("user", U), ("assistant", A))
    assistant = Marks(_without_start(between, user_after), answer_after)
    user = Marks(_without_start(before_again, answer_after), user_after)
    start, opening = _without_end(before_user, user.before), _without_start(end, user_after)
    roles, system = {"user": user, "assistant": assistant}, None
    try:
        before_system, after_system, _ = pieces(("system", S), ("user", U))
        after = _without_end(after_system, user.before)
        if before_system.startswith(start):
            roles = {"system": Marks(_without_start(before_system, start), after), **roles}
        else:  # without a system's turn it writes one of its own, in front of which nothing stands
            roles = {"system": Marks(before_system, after), **roles}
            system = _without_end(_without_start(start, before_system), after)
            start = ""
    except (_OtherTemplateError, TemplateError):
        pass  # it takes no system's turn, or puts it into the user's
    return TurnTemplate(roles, opening, bos, start, system)


def _without_start(text: str, start: str) -> str:
    if not text.startswith(start):
        raise _OtherTemplateError
    return text.removeprefix(start)


def _without_end(text: str, end: str) -> str:
    if not text.endswith(end):
        raise _OtherTemplateError
    return text.removesuffix(end)


def _probes(made: TurnTemplate) -> list[list[Message]]:
    asked = [
        [("user", U)],
        [("user", U), ("assistant", A), ("user", V)],
        [("user", U), ("assistant", A), ("user", V), ("assistant", B), ("user", U)],
    ]
    if "system" in made.roles:
        asked += [[("system", S), *turns] for turns in list(asked)]
    return [[{"role": role, "content": said} for role, said in turns] for turns in asked]


def _rendered(tokenizer: Any, conversation: Sequence[Message], *, opens: bool = True) -> str:
    return tokenizer.apply_chat_template(
        [dict(turn) for turn in conversation], tokenize=False, add_generation_prompt=opens
    )


@dataclass(frozen=True, slots=True)
class Modelfile:
    """The file from which `ollama create` makes a model."""

    file: str
    """The GGUF file's name, beside it."""
    template: TurnTemplate
    stops: tuple[str, ...]
    """Strings that end an answer."""
    parameters: dict[str, float] = field(default_factory=dict)
    """Ollama's parameters by name, such as temperature."""

    @property
    def text(self) -> str:
        """The content of the file.

        Raises: ConfigError for a template that the file's syntax cannot hold.
        """
        lines = [f"FROM ./{self.file}", f"TEMPLATE {_quoted(self.template.in_go)}"]
        if self.template.system is not None:
            lines.append(f"SYSTEM {_quoted(self.template.system)}")
        lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in self.stops]
        lines += [f"PARAMETER {name} {value:g}" for name, value in self.parameters.items()]
        return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    if '"""' in text or text.endswith('"'):
        raise ConfigError(
            "The model's chat template holds three quotation marks, or ends with one, which a "
            "Modelfile cannot say; use --to gguf, and serve it with llama.cpp."
        )
    return f'"""{text}"""'
