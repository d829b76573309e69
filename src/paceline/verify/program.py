"""Programs in completions: where they stand, and how they are run."""

import builtins
import re
from dataclasses import dataclass, field
from threading import local
from typing import Literal

from ..errors import ConfigError, SandboxError
from ..types import Completion
from .form import CUT, EMPTY, MISSING, SEVERAL, UNCLOSED, answer_in, answer_text
from .own import OwnVerifier
from .sandbox import Result, Sandbox

Where = Literal["fence", "text", "tag"]
"""Where the program stands: in the one fenced block; the whole text; in <answer>…</answer>."""


def program_in(text: str, where: Where, tag: str = "answer") -> tuple[str | None, str]:
    """(the program, "") or (None, a reason): exactly one, behind the reasoning.

    Fences of another language than Python do not count; a fence inside a tag is taken off.
    """
    rest = answer_text(text)
    if rest is None:
        return None, UNCLOSED
    if where == "tag":
        found, reason = answer_in(text, "tag", tag)
        if found is None:
            return None, reason
        blocks = _blocks(found)
        whole = len(blocks) == 1 and found.startswith("```") and found.endswith("```")
        return (blocks[0][1] if whole else found), ""
    if where == "text":
        return (rest.strip("\n"), "") if rest.strip() else (None, EMPTY)
    blocks = [code for language, code in _blocks(rest) if language in _PYTHON]
    if not blocks:
        return None, MISSING
    if len(blocks) > 1:
        return None, SEVERAL
    return (blocks[0], "") if blocks[0].strip() else (None, EMPTY)


_PYTHON = ("", "python", "py", "python3")


def _blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of the fenced blocks that are closed. Line by line: a regular expression
    would go through the rest of the text again for every fence."""
    blocks: list[tuple[str, str]] = []
    language, lines = "", None
    for line in text.split("\n"):
        bare = line.strip()
        if lines is None:
            if bare.startswith("```"):
                language, lines = (bare[3:].split() or [""])[0].lower(), []
        elif bare == "```":
            blocks.append((language, "\n".join(lines) + "\n"))
            lines = None
        else:
            lines.append(line)
    return blocks


@dataclass(frozen=True, slots=True)
class Running:
    """How programs are run."""

    seconds: float = 5.0
    """Of the clock, for one run."""
    megabytes: int = 256
    """Of memory."""
    sandbox: Sandbox = field(default_factory=Sandbox)

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.megabytes < 32:
            raise ConfigError(
                f"A program needs more than 0 seconds and 32 megabytes or more, not {self.seconds} "
                f"and {self.megabytes}."
            )

    def __call__(self, code: str, stdin: str = "", *, of: Completion | None = None) -> Result:
        """The parts of one reward that ask for the same run of one completion get the same one.

        Raises: SandboxError where the sandbox itself did not work: that is no verdict.
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
"""The completion that this thread asked about last, and the runs of its programs. No further: an
equal program of another completion is run again, as chance or time may decide what it prints."""


@dataclass(frozen=True, slots=True)
class RunsPrograms(OwnVerifier):
    """Base of the verifiers that run the completion's program."""

    where: Where = "fence"
    """Where the program stands: fence, text or tag."""
    tag: str = "answer"
    """The tag's name, for where="tag"."""
    running: Running = field(default_factory=Running)
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def check(self) -> None:
        """Raise SandboxError where no sandbox works."""
        _ = self.running.sandbox.wall

    def program_of(self, completion: Completion) -> tuple[str | None, str]:
        """As `program_in`, and none of a completion that was cut before it finished."""
        if completion.finish == "length" and not self.allow_cut:
            return None, CUT
        return program_in(completion.text, self.where, self.tag)


ERRORS = frozenset(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
)


def why_ended(result: Result) -> str:
    """The reason of a program that did not end well: its error's type, for equal cases.

    Only Python's own types are named: reasons are counted, and a program may call its own as it
    likes.
    """
    last = result.stderr.decode("utf-8", "replace").rstrip().rpartition("\n")[2]
    kind = re.match(r"[A-Za-z_][\w.]*(?=:|$)", last)
    if result.outcome != "failed" or kind is None:
        return f"the program {result.reason}"
    return f"the program raised {kind[0] if kind[0] in ERRORS else 'an error of its own kind'}"
