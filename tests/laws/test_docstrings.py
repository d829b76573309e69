"""Docstrings can be read alone, as an editor shows them: each begins with a noun phrase or a verb
and not with a word that leans on the name above it, and its first paragraph is a sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import paceline

SOURCE = Path(paceline.__file__).parent
ROOMS = sorted({path.relative_to(SOURCE).parts[0] for path in SOURCE.rglob("*.py")})
"""Rooms of the package: folders, and files beside them."""
LEANS = {"What", "Of", "Whether", "Those", "That", "How"}
"""First words of a phrase that needs the name above it, or the field before it."""
ENDS = (".", ":", "!", "?", "…")
"""Ends of a sentence; a colon has an example or a list below it."""


def documented(tree: ast.Module) -> Iterator[tuple[str, ast.AST, str | None]]:
    """(name, node, docstring) of a module, and of all public names in it."""
    yield "module", tree, ast.get_docstring(tree)
    yield from _in(tree, "")


def _in(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.AST, str | None]]:
    for place, child in enumerate(node.body):
        following = node.body[place + 1] if place + 1 < len(node.body) else None
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not child.name.startswith("_"):
                yield prefix + child.name, child, ast.get_docstring(child)
                if isinstance(child, ast.ClassDef):
                    yield from _in(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            for name in (t.id for t in targets if isinstance(t, ast.Name)):
                if not name.startswith("_"):
                    yield prefix + name, child, _string(following)


def _string(node: ast.stmt | None) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else None
    return None


def faults(text: str) -> list[str]:
    """The names whose docstrings lean on something, or are no sentence; constants without one."""
    found: list[str] = []
    for name, node, said in documented(ast.parse(text)):
        if said is None:
            constant = isinstance(node, ast.Assign | ast.AnnAssign) and "." not in name
            if constant and name.isupper() and len(name) > 1:  # a single letter is a type variable
                found.append(f"{name}: a constant without a docstring")
            continue
        first = said.strip().split(maxsplit=1)[0].strip(",.:;") if said.strip() else ""
        paragraph = said.strip().split("\n\n")[0].rstrip()
        if first in LEANS or not paragraph.endswith(ENDS):
            found.append(f"{name}: {' '.join(paragraph.split())[:80]}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_can_be_read_alone(room: str) -> None:
    files = [SOURCE / room] if room.endswith(".py") else sorted((SOURCE / room).rglob("*.py"))
    assert files
    wrong = {
        str(path.relative_to(SOURCE)): found
        for path in files
        if (found := faults(path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_the_law_would_see_them() -> None:
    text = (
        '"""Words."""\n'
        "WAIT = 5.0\n"
        'NEAR = 0.7\n"""Of difflib."""\n'
        "class Thing:\n"
        '    """A thing."""\n'
        '    name: str\n    """What it is called."""\n'
        '    size: int\n    """Size in bytes"""\n'
        '    def of(self): """Whether."""\n'
        '    def _own(self): """How it is done."""\n'
        '_LIMIT = 3\n"""Those below."""\n'
    )
    assert [one.partition(":")[0] for one in faults(text)] == [
        "WAIT", "NEAR", "Thing.name", "Thing.size", "Thing.of",
    ]  # fmt: skip
