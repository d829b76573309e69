"""Within a room no file imports itself, neither directly nor through others: whoever reads one
reads down to the end, and any of them can be read, tested and moved alone.

An import counts wherever it stands, in a function too, but not under `if TYPE_CHECKING`, which is
never executed. That Python runs the `__init__` of every folder above a file is not counted.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import paceline

SOURCE = Path(paceline.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted({path.relative_to(SOURCE).parts[0] for path in FILES})
NOT_YET: set[str] = set()
"""Rooms of which the law does not hold yet."""
ORDER = {
    "verify": ("calling", "answers", "programs", "shaping"),
    "verify/answers": ("text", "expressions", "."),
}
"""Folder -> the parts of it, each of which imports from those before it alone; "." stands for the
files that lie in the folder itself."""


def imported(path: Path, source: Path = SOURCE) -> set[Path]:
    """The files of the package that a file imports."""
    package = path.relative_to(source).parts[:-1]
    found: set[Path | None] = set()
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {_file(source, *name[1:]) for name in names if name[0] == "paceline"}
        elif isinstance(node, ast.ImportFrom):
            stem = node.module.split(".") if node.module else []
            if node.level:
                stem = [*package[: len(package) - node.level + 1], *stem]
            elif stem[0] == "paceline":
                stem = stem[1:]
            else:
                continue
            # A name is a module, or stands in the one that is named before it.
            for alias in node.names:
                found.add(_file(source, *stem, alias.name) or _file(source, *stem))
    return {file for file in found if file is not None}


def _file(source: Path, *parts: str) -> Path | None:
    place = source.joinpath(*parts)
    choices = (place / "__init__.py", place.with_suffix(".py"))
    return next((file for file in choices if file.is_file()), None)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield from _executed(other)
        else:
            yield from _executed(child)


def circles(edges: Mapping[Path, set[Path]]) -> list[list[Path]]:
    """For every file that imports itself through others, a shortest way back to it; each circle
    once."""
    found: dict[frozenset[Path], list[Path]] = {}
    for start in edges:
        ways = [[start]]
        seen = set[Path]()
        while ways:
            way = ways.pop(0)
            for other in sorted(edges[way[-1]] & edges.keys()):
                if other == start:
                    found.setdefault(frozenset(way), [*way, start])
                    ways = []
                    break
                if other not in seen:
                    seen.add(other)
                    ways.append([*way, other])
    return list(found.values())


def circles_of(room: str, source: Path = SOURCE) -> list[str]:
    files = [path for path in source.rglob("*.py") if path.relative_to(source).parts[0] == room]
    edges = {path: imported(path, source) for path in sorted(files)}
    return [" -> ".join(str(p.relative_to(source)) for p in way) for way in circles(edges)]


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_of_a_room_imports_itself(room):
    found = circles_of(room)
    if room in NOT_YET:
        assert found, f"{room} holds by now; take it out of NOT_YET"
    else:
        assert found == []


def test_parts_of_a_folder_have_one_direction():
    for folder, order in ORDER.items():
        place = SOURCE / folder

        def part_of(path: Path, place: Path = place) -> str | None:
            if place not in path.parents or path == place / "__init__.py":
                return None
            return path.relative_to(place).parts[0] if path.parent != place else "."

        inside = {path: part for path in FILES if (part := part_of(path)) is not None}
        assert set(inside.values()) == set(order), folder
        back = [
            f"{path.relative_to(SOURCE)} imports {other.relative_to(SOURCE)}"
            for path, part in inside.items()
            for other in imported(path)
            if other in inside and order.index(inside[other]) > order.index(part)
        ]
        assert back == []


def test_the_law_would_see_a_circle(tmp_path):
    def write(**files: str) -> list[str]:
        for name, text in files.items():
            (tmp_path / "room").mkdir(exist_ok=True)
            (tmp_path / "room" / f"{name}.py").write_text(text)
        return circles_of("room", tmp_path)

    never = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import x\n"
    assert write(__init__="", a="from .b import x", b="from . import c", c=never) == []
    # Within a function, by its absolute name, and through a name of the folder's own `__init__`.
    round_and_back = "room/a.py -> room/b.py -> room/c.py -> room/a.py"
    assert write(c="def f():\n    from .a import x") == [round_and_back]
    assert write(c="import paceline.room.a") == [round_and_back]
    assert write(c="from . import x", __init__="from .a import x") == [
        "room/__init__.py -> room/a.py -> room/b.py -> room/c.py -> room/__init__.py"
    ]
