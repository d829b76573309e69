"""The place of the answer in a completion, and the form of the completion.

All searches are linear in the text, whatever a model writes.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ConfigError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase, verdict
from .box import NO_ANSWER, SEVERAL_ANSWERS, TEXT_BEHIND, boxed

Form = Literal["text", "tag", "boxed", "hashes"]
r"""The place of the answer: the whole text; <answer>…</answer>; \boxed{…}; behind "####"."""

CUT_OFF = "cut before it finished"
"""Reason of a verdict: a completion that was cut by its length."""
UNCLOSED_REASONING = "the reasoning was never closed"
"""Reason of a verdict: no end of the reasoning."""
EMPTY_ANSWER = "the answer is empty"
"""Reason of a verdict: an answer without text. Equal cases give equal reasons."""

_HASHED_NUMBER = re.compile(r"####[ \t]*[-+−$]?[0-9][0-9.,]*[ \t]*(?=\n|\Z)")
_OPENED = re.compile(r"(?:\A|[\n>\]:])[ \t]*((?:<[A-Za-z][\w-]*>\s*)+)\Z")
_TAG = re.compile(r"<([\w-]+)>\s*")
_TAIL = 200
"""Number of characters at the end of a prompt in which opened tags are looked for."""
_ROLES = {"system", "developer", "user", "human", "assistant", "model", "bot", "tool", "function"}
"""Tags that name the speaker and open nothing of the turn."""


def check_form(form: str) -> None:
    """Raise ConfigError for an unknown form."""
    if form not in get_args(Form):
        *first, last = get_args(Form)
        raise ConfigError(f"There is no form '{form}'; it is {', '.join(first)} or {last}.")


def answer_text(text: str) -> str | None:
    """The text after the reasoning: all of it if there is no </think>, the text after the last one
    if there is, and None if <think> is opened and not closed again."""
    rest = text.rpartition("</think>")[2]
    return None if "<think>" in rest else rest


def opened_in(prompt: str) -> str:
    """The tags with which a rendered prompt ends, and after which its completions continue:
    templates of reasoning models open the reasoning themselves, and so do prompts for base models.

    They stand on a line of their own or after a mark of the template; a sentence that ends with
    the name of a tag opens nothing.

    Example: opened_in("<|im_start|>assistant\\n<think>\\n") is "<think>\\n"
    """
    found = _OPENED.search(prompt, max(0, len(prompt) - _TAIL))
    if found is None:
        return ""
    roles = [tag.end() for tag in _TAG.finditer(found[1]) if tag[1].lower() in _ROLES]
    return found[1][max(roles, default=0) :]


def answer_in(text: str, form: Form, tag: str = "answer") -> tuple[str | None, str]:
    """Find (the answer, "") or (None, a reason): exactly one answer, after the reasoning, and
    nothing but whitespace after it.

    Two forms forgive habits of models that gain nothing: "####" is also a heading in Markdown, so
    it counts as an earlier answer only if a bare number follows; and a box may correct one before
    it, stand in a formula, and lack its closing brace at the very end.
    """
    rest = answer_text(text)
    if rest is None:
        return None, UNCLOSED_REASONING
    if form == "tag":
        found, reason = _tagged(rest, tag)
    elif form == "boxed":
        found, reason = boxed(rest)
    elif form == "hashes":
        found, reason = _hashed(rest)
    else:
        found, reason = rest, ""
    if found is not None and not found.strip():
        return None, EMPTY_ANSWER
    return (None, reason) if found is None else (found.strip(), "")


def one_answer(
    completion: Completion, form: Form, tag: str = "answer", *, allow_cut: bool = False
) -> tuple[str | None, str]:
    """Find the answer as `answer_in` does, but none in a completion that was cut before it
    finished."""
    if completion.finish == "length" and not allow_cut:
        return None, CUT_OFF
    return answer_in(completion.turn, form, tag)


def _tagged(text: str, tag: str) -> tuple[str | None, str]:
    opening, closing = f"<{tag}>", f"</{tag}>"
    if text.count(opening) > 1 or text.count(closing) > 1:
        return None, SEVERAL_ANSWERS
    start, end = text.find(opening), text.find(closing)
    if start < 0 or end < start:
        return None, NO_ANSWER
    if text[end + len(closing) :].strip():
        return None, TEXT_BEHIND
    return text[start + len(opening) : end], ""


def _hashed(text: str) -> tuple[str | None, str]:
    before, mark, answer = text.rpartition("####")
    if not mark:
        return None, NO_ANSWER
    if _HASHED_NUMBER.search(before):
        return None, SEVERAL_ANSWERS
    if "\n" in answer.strip():
        return None, TEXT_BEHIND
    return answer, ""


@dataclass(frozen=True, slots=True)
class Tags(VerifierBase):
    """Pays for keeping to a form such as <think>…</think><answer>…</answer>.

    Lenient: the reward is the share of tag pairs that are in order, counted from the first and up
    to the first that fails, so an answer without reasoning before it earns nothing. A pair fails if
    it is missing, appears twice, begins before the last one ended, or has no letter or digit
    inside. Strict: 1 or 0, and only whitespace may stand outside the pairs. A tag that the prompt
    opened counts as the completion's; if the prompt is not known, it may have opened the first.

    Example: Tags(("think", "answer")) gives 0.5 for "<think>47 + 56 is 103</think> 103"
    """

    names: tuple[str, ...] = ("think", "answer")
    """The tags, in order."""
    strict: bool = False
    """True pays only if nothing stands outside the pairs."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise ConfigError(f"Tags needs one name or more, all different, not {self.names}.")

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        if completion.finish == "length" and not self.allow_cut:
            return verdict(False, CUT_OFF)
        text, good, reason, place = self._turn(completion), 0, "", 0
        for name in self.names:
            end, reason = self._pair(text, name, place)
            if end < 0:
                break
            good, place = good + 1, end
        if self.strict:
            if not reason and text[place:].strip():
                reason = f"text after </{self.names[-1]}>"
            good = 0 if reason else good
        return Verdict(good / len(self.names), reason=reason or "in the form asked for")

    def _turn(self, completion: Completion) -> str:
        """The turn; if the prompt is unknown, a text that closes the first tag without opening it
        is taken to have had it opened."""
        first, text = self.names[0], completion.turn
        if completion.opened is None and f"<{first}>" not in text and f"</{first}>" in text:
            return f"<{first}>{text}"
        return text

    def _pair(self, text: str, name: str, place: int) -> tuple[int, str]:
        """Find (the end of the pair, "") or (-1, the fault)."""
        opening, closing = f"<{name}>", f"</{name}>"
        if text.count(opening) != 1 or text.count(closing) != 1:
            return -1, f"not exactly one <{name}>…</{name}>"
        start, end = text.find(opening), text.find(closing)
        if start < place or end < start:
            return -1, f"<{name}> is out of order"
        if self.strict and text[place:start].strip():
            return -1, f"text before <{name}>"
        if not any(letter.isalnum() for letter in text[start + len(opening) : end]):
            return -1, f"<{name}> is empty"
        return end + len(closing), ""
