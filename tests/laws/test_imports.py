"""Imports point one way: types < objective, verify < batch, tasks < model < engine < training <
config < recipes < run < cli."""

import ast
import subprocess
import sys
from pathlib import Path

import paceline

SOURCE = Path(paceline.__file__).parent
FLOORS = [
    {"types", "errors", "chance"},
    {"objective", "verify", "layout"},
    {"batch", "tasks"},
    {"model"},
    {"engine"},
    {"training"},
    {"config"},
    {"recipes"},
    {"run"},
    {"cli"},
]
FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """The rooms of paceline that a file imports, anywhere in it, relative or absolute."""
    package = ["paceline", *path.relative_to(SOURCE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = [*base, *(node.module.split(".") if node.module else [])]
            names = [".".join([*stem, alias.name]) for alias in node.names]
        else:
            continue
        found.update(n.split(".")[1] for n in names if n.startswith("paceline.") and "." in n)
    return found & set(FLOOR)


def test_every_file_has_a_floor():
    rooms = {room_of(p) for p in SOURCE.rglob("*.py")} - {"__init__"}
    assert rooms == set(FLOOR)


def test_imports_point_down():
    upward = [
        f"{path.relative_to(SOURCE)} imports {other}"
        for path in sorted(SOURCE.rglob("*.py"))
        if room_of(path) != "__init__"
        for other in sorted(imported_rooms(path) - {room_of(path)})
        if FLOOR[other] >= FLOOR[room_of(path)]
    ]
    assert upward == []


def test_the_check_would_see_an_import_that_points_up(tmp_path):
    # batch imports objective, which is one floor below: the walk finds it by its relative name.
    assert "objective" in imported_rooms(SOURCE / "batch.py")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_paceline_is_lazy():
    assert not {"torch", "transformers", "pyarrow"} & loaded_by("import paceline")
    assert not {"transformers", "pyarrow"} & loaded_by("import paceline.objective")
    assert not {"torch", "transformers"} & loaded_by("import paceline.verify, paceline.tasks")


def test_only_one_file_loads_models_and_algorithm_names_stand_in_one_file():
    for path in SOURCE.rglob("*.py"):
        text, name = path.read_text(encoding="utf-8"), str(path.relative_to(SOURCE))
        if name not in ("model/load.py",):
            assert "AutoModel" not in text or "import AutoModel" not in text, name
        for forbidden in ("eval(", "exec(", "pickle.load", "torch.load", "shell=True", "0.0.0.0"):
            assert f" {forbidden}" not in text and f"={forbidden}" not in text, (name, forbidden)
