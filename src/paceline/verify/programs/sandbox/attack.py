"""One attack: a program and its allowed outcomes; and the ways in which `attacks.py` writes them.

An attack prints BREACH if it got something that it must not get. The trial checks its effects on
the world around it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import dedent, indent

from .result import Result

CONTAINED = ("ok", "limit", "failed")
"""Outcomes of an attack that did not break the sandbox."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One program, and its allowed outcomes."""

    name: str
    kind: str
    code: str
    outcomes: tuple[str, ...] = CONTAINED
    """Outcomes that it may have. Never infrastructure: then the program broke the sandbox."""
    holds: Callable[[Result], bool] = field(default=lambda result: True)
    """A function that is True for the result if the attack was contained; asked in addition to the
    outcome."""
    stdin: str = ""
    harmless: bool = False
    """True if it can be run without any wall, to show that it would succeed there."""


def tries(name: str, kind: str, *statements: str, harmless: bool = True) -> Attack:
    """An attack of several statements, of which none may succeed."""
    parts = ["import ctypes, os, socket, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n"]
    for number, statement in enumerate(statements):
        parts.append(
            f"try:\n{indent(dedent(statement).strip(), '    ')}\n"
            f"    print('BREACH', {number})\n"
            "except BaseException as error:\n    print('held', error)\n"
        )
    return Attack(name, kind, "".join(parts), ("ok", "failed"), harmless=harmless)


def native(name: str, kind: str, number: int, *arguments: str, harmless: bool = True) -> Attack:
    """An attack by a system call, by its number on x86_64, past all of Python."""
    return tries(
        name, kind, f"assert libc.syscall({', '.join([str(number), *arguments])}) >= 0, 'refused'",
        harmless=harmless,
    )  # fmt: skip


def endless(name: str, kind: str, code: str) -> Attack:
    return Attack(name, kind, dedent(code), ("limit",))


def hungry(name: str, code: str) -> Attack:
    return Attack(name, "memory", dedent(code), ("limit", "failed"))


def hoards(name: str, kind: str, kept: str, most: int) -> Attack:
    """An attack that keeps more and more of something; so many are too many."""
    return Attack(name, kind, dedent(f"""
        import os
        kept = []
        try:
            while len(kept) < {most}: kept.append({kept})
        except OSError as error: os.write(1, f"held {{error}}".encode())
        if len(kept) >= {most}: print("BREACH")
    """), harmless=True)  # fmt: skip


def says(name: str, code: str, stdout: bytes, *outcomes: str, stdin: str = "") -> Attack:
    """A program whose output must come through exactly as it was written."""
    return Attack(
        name, "grader", dedent(code), outcomes or ("ok",),
        lambda result: result.stdout == stdout, stdin,
    )  # fmt: skip
