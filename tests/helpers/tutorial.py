"""Tutorials, played: every block is done in order, in an empty folder, and what is shown is what
comes out.

A block whose first line is `# name.py` (or .toml, .jsonl) is written to that file. Lines of a bash
block are run, `paceline …` in this process. Other Python blocks are executed one after the other.
A text block behind any of these is its output, as far as it is shown: `…` stands for whatever is
left out, and a number for any number, as a step takes another time and samples other tokens
elsewhere. What a test cannot run has `<!-- not run: why -->` above it.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from paceline.cli import main

from .markdown import FILE, Page

LEFT_OUT = re.compile(r"<!-- not run: [^>]+ -->\n+```\w*\n.*?^```$", re.M | re.S)
TIME = re.compile(r"\d[\d.]* (?:h \d\d|min|s)\b")
NUMBER = re.compile(r"[+−±-]?\d(?:[\d.,]*\d)?")


def play(page: Page, folder: Path) -> list[tuple[str, str]]:
    """Do what a page says, in a folder; (shown, what came out) of each of its text blocks.

    The folder must be the current one.
    """
    names: dict[str, object] = {"__name__": "tutorial"}
    compared: list[tuple[str, str]] = []
    out = ""
    text = LEFT_OUT.sub("", page.text)
    for language, code in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        if named := FILE.match(code):
            (folder / named[1]).write_text(code, encoding="utf-8")
        elif language == "bash":
            out = "".join(_run(line) for line in code.replace("\\\n", "").splitlines())
        elif language == "python":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(code, page.name, "exec"), names)
            out = said.getvalue()
        else:
            assert language == "text", f"{page.name}: a block of '{language}' is not known"
            compared.append((code, out))
    return compared


def _run(line: str) -> str:
    """What a command prints, on either stream; the exit code is the reader's to look at."""
    words = shlex.split(line, comments=True)
    if not words:
        return ""
    if words[0] != "paceline" or {">", "|", "&&", ";"} & set(words):
        line = re.sub(r"\bpython\b", shlex.quote(sys.executable), line)
        beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # paceline's own
        variables = os.environ | {"PATH": beside}
        done = subprocess.run(line, shell=True, capture_output=True, text=True, env=variables)
        assert not done.returncode, done.stderr
        return done.stdout + done.stderr
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        main(words[1:])
    return said.getvalue()


def missing(shown: str, out: str) -> str | None:
    """The first piece of what is shown that did not come out; None where all of it did."""
    rest = _squeezed(out)
    for piece in shown.split("…"):
        wanted = _squeezed(piece)
        if wanted and wanted not in rest:
            return piece
        rest = rest.partition(wanted)[2] if wanted else rest
    return None


def _squeezed(text: str) -> str:
    """Without blanks, with 0 for every number: lines are wrapped in a page as they fit."""
    text = re.sub(r"(?<=[│ ]) *– *(?=[│ ])", " 0 ", text)  # a dash in a table: no number
    return re.sub(r"\s+", "", NUMBER.sub("0", TIME.sub("0 s", text)))
