"""Programs in completions: finding them, and running them."""

import builtins
import re
from dataclasses import dataclass, field
from functools import cache
from threading import local
from typing import TYPE_CHECKING, Literal

from ...errors import ConfigError, SandboxError
from ...types import Completion
from ..answers.form import (
    CUT_OFF,
    EMPTY_ANSWER,
    NO_ANSWER,
    SEVERAL_ANSWERS,
    UNCLOSED_REASONING,
    answer_in,
    answer_text,
)
from ..calling.base import VerifierBase
from .sandbox import Result, Sandbox

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

Where = Literal["fence", "text", "tag"]
"""The place of the program: in the one fenced block; the whole text; in <answer>…</answer>."""


def program_in(
    text: str, where: Where, tag: str = "answer", *, cut: bool = False
) -> tuple[str | None, str]:
    """Find (the program, "") or (None, a reason): exactly one program, after the reasoning.

    Blocks of another language than Python do not count; one inside a tag is taken out of it.

    Args:
        cut: True if the text was cut: then a block that was never closed does not count.
    """
    rest = answer_text(text)
    if rest is None:
        return None, UNCLOSED_REASONING
    if where == "tag":
        found, reason = answer_in(text, "tag", tag)
        if found is None:
            return None, reason
        blocks = blocks_in(found)
        return (blocks[0].code if len(blocks) == 1 and blocks[0].alone else found), ""
    if where == "text":
        return (rest.strip("\n"), "") if rest.strip() else (None, EMPTY_ANSWER)
    python = [block for block in blocks_in(rest) if block.python and (block.closed or not cut)]
    if not python:
        return None, NO_ANSWER
    if len(python) > 1:
        return None, SEVERAL_ANSWERS
    return (python[0].code, "") if python[0].code.strip() else (None, EMPTY_ANSWER)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced code block of a text."""

    code: str
    language: str
    """The first word of its info string, in small letters; "" for none."""
    closed: bool
    """False if the block goes on to the end of the text, or of the list item around it."""
    alone: bool
    """True if nothing else stands in the text."""

    @property
    def python(self) -> bool:
        """Tell whether the block is Python, or may be."""
        return not self.language or _PYTHON.fullmatch(self.language) is not None


_PYTHON = re.compile(r"(?:i?python|py)[23]?(?:\.\d+)*")
_INFO = re.compile(r"[^\s{},:.=]+(?:\.\d+)*")
"""Pattern of the language in an info string: python, {python}, {.python}, python:main.py,
python3.12."""


def blocks_in(text: str) -> list[Block]:
    """The fenced code blocks, as CommonMark (0.31.2, sections 4.5 and 5.2) reads them: of backticks
    or tildes, in list items too, closed by a fence that is as long or by the end of the surrounding
    text. Two things differ: a fence may be indented by any width, and one in a quotation is
    text."""
    lines = re.split(r"\r\n?|\n", text)
    filled = [i for i, line in enumerate(lines) if line.strip()]
    blocks: list[Block] = []
    for token in _commonmark().parse(text):
        if token.type != "fence" or token.map is None:
            continue
        (start, end), code = token.map, token.content
        if code and not code.endswith("\n"):
            code += "\n"
        language = _INFO.search(token.info)
        blocks.append(
            Block(
                code,
                language[0].lower() if language else "",
                closed=code.count("\n") == end - start - 2,  # but for the two fences
                alone=filled[0] == start and filled[-1] < end,
            )
        )
    return blocks


@cache
def _commonmark() -> "MarkdownIt":
    from markdown_it import (
        MarkdownIt,
    )  # takes longer to import than all of this package's verifiers

    # Without the rule for indented code, a fence may be indented; without those for HTML, a line
    # that is a tag does not hide the fence below it. The rule for quotations is quadratic in texts
    # that only a model would write. Programs stand in no deeper lists than this.
    rules, not_needed = ["fence", "list"], ["inline", "text_join"]
    return MarkdownIt("zero", {"maxNesting": 12}).enable(rules).disable(not_needed)


@dataclass(frozen=True, slots=True)
class Running:
    """Limits under which programs are run, and the sandbox in which they are run."""

    seconds: float = 5.0
    """Most seconds of the clock for one run."""
    megabytes: int = 256
    """Most megabytes of memory for one run."""
    sandbox: Sandbox = field(default_factory=Sandbox)

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.megabytes < 32:
            raise ConfigError(
                f"A program needs more than 0 seconds and 32 megabytes or more, not {self.seconds} "
                f"and {self.megabytes}."
            )

    def __call__(self, code: str, stdin: str = "", *, of: Completion | None = None) -> Result:
        """Run a program; the parts of one reward that ask for the same run of one completion get
        the same result.

        Raises: SandboxError if the sandbox itself did not work: that is not a verdict.
        """
        if of is None:
            return self._run(code, stdin)
        if getattr(_latest, "completion", None) is not of:
            _latest.completion, _latest.results = of, {}
        asked = (self, code, stdin)
        if asked not in _latest.results:
            _latest.results[asked] = self._run(code, stdin)
        return _latest.results[asked]

    def _run(self, code: str, stdin: str) -> Result:
        result = self.sandbox.run(code, stdin, seconds=self.seconds, megabytes=self.megabytes)
        if result.outcome == "infrastructure":
            raise SandboxError(f"A program could not be run: {result.reason}.")
        return result


_latest = local()
"""The completion that this thread asked about last, and the runs of its programs. Nothing older: an
equal program of another completion is run again, because chance or time may decide its output."""


@dataclass(frozen=True, slots=True)
class RunsPrograms(VerifierBase):
    """Base of the verifiers that run the completion's program."""

    where: Where = "fence"
    """The place of the program: fence, text or tag."""
    tag: str = "answer"
    """The tag's name, for where="tag"."""
    running: Running = field(default_factory=Running)
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def check(self) -> None:
        """Raise SandboxError if no sandbox works."""
        _ = self.running.sandbox.wall

    def program_of(self, completion: Completion) -> tuple[str | None, str]:
        """Find the program as `program_in` does, but none in a completion that was cut before it
        finished."""
        if completion.finish == "length" and not self.allow_cut:
            return None, CUT_OFF
        cut = completion.finish == "length"
        return program_in(completion.turn, self.where, self.tag, cut=cut)


def why_ended(result: Result) -> str:
    """The reason of a program that did not end well: its error's type, so that equal cases are
    equal.

    Only types of Python's own are named: reasons are counted and kept, and a program may call its
    own types whatever it likes, in any length.
    """
    said = result.stderr.decode("utf-8", "replace").rstrip()
    name = re.match(r"[A-Za-z]{1,40}(?=:|$)", said.rpartition("\n")[2])
    if result.outcome == "failed" and name and name[0] in _ERRORS:
        return f"the program raised {name[0]}"
    if result.outcome == "failed" and "Traceback (most recent call last):" in said:
        return "the program raised an error that is not one of Python's own"
    return f"the program {result.reason}"


_ERRORS = {
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
