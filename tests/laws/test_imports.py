"""Imports point one way: types < objective, verify < batch, tasks < model < engine < training <
config < recipes < store < run < cli."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import paceline
from tests.helpers.fake_run import fake_run
from tests.helpers.floors import FLOORS

SOURCE = Path(paceline.__file__).parent
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
    code = (
        "import contextlib, io, sys\n"
        "def quietly(main, words):\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "        main(words)\n"
        f"{statement}\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_paceline_is_lazy():
    assert not {"torch", "transformers", "pyarrow"} & loaded_by("import paceline")
    for rooms in (
        "store",
        "store.run, paceline.store.records, paceline.store.snapshot",
        "store.checkpoint, paceline.store.places, paceline.store.history",
        "report",
        "diagnostics",
        "objective",
        "verify, paceline.tasks",
        "config, paceline.recipes",
        "cli.parser",
    ):
        assert not HEAVY & loaded_by(f"import paceline.{rooms}"), rooms
    # Templates are for pages alone, and pyarrow for those that show rounds.
    assert "jinja2" not in loaded_by("import paceline.report")


def test_a_run_is_opened_and_read_without_torch(tmp_path):
    folder = fake_run(tmp_path / "run", 2, of=2)
    reading = (
        "from paceline.store.run import Run; from paceline.store.snapshot import read_run; "
        f"run = Run.open({str(folder)!r}); read_run(run.path); "
        "assert len(list(run.records())) == 2 and run.finished and run.description.steps == 2"
    )
    assert not HEAVY & loaded_by(reading)


HEAVY = {"torch", "transformers", "datasets", "pyarrow", "numpy", "scipy", "sympy", "mpmath"}


@pytest.mark.parametrize(
    "words",
    [
        ["--version"], [], ["--help"], ["recipes"], ["tasks"], ["tasks", "--json"], ["show"],
        ["show", "gsm8k", "--keys"], ["show", "--objectives"], ["show", "tiny", "--json"],
        ["show", "demo", "objective=gspo(low=1e-3,kl=0.01)", "optimizer.lr=1e-6", "task.low=5"],
        ["train", "demo", "optimizer.lrr=1"], ["train", "demo", "num_generations=8"],
        ["train", "dmo"], ["check", "demo", "--steps", "many"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_computes_nothing_loads_nothing_that_is_heavy(words):
    assert not HEAVY & loaded_by(f"from paceline.cli import main; quietly(main, {words!r})")


def test_an_objective_is_made_told_compared_and_stored_without_torch():
    statement = (
        "import copy, pickle, paceline; from paceline.config import from_json, to_json; "
        "made = [make() for make in paceline.objective.NAMES.values()]; "
        "assert len({*map(repr, made)}) == len({*made}) == len(made); "
        "assert made == pickle.loads(pickle.dumps(made)) == copy.deepcopy(made); "
        "config = paceline.recipes.demo().with_(objective=paceline.gspo(kl=0.01)); "
        "assert from_json(to_json(config)) == config; [one.needs_reference for one in made]"
    )
    assert not HEAVY & loaded_by(statement)
    # The same names compute once they are asked to.
    assert "torch" in loaded_by("import paceline; paceline.grpo().drops_signalless")


MAY = {
    # Runs a model's program, inside the walls that it has just built.
    "verify/programs/sandbox/runner.py": {"exec", "compile", "__import__"},
    # The user's own verifier and its answers, over the pipes of a process that we started.
    "verify/calling/worker.py": {"pickle.loads"},
    "verify/calling/serve.py": {"cloudpickle.loads"},
    "model/load.py": {"AutoModelForCausalLM"},
    # Others' own loading of what was exported, in processes of their own: that is the proof.
    "export/readers/gguf.py": {"AutoModelForCausalLM"},
    "export/readers/peft.py": {"AutoModelForCausalLM"},
}
"""What only these files may do, and why."""
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "cloudpickle.load",
    "cloudpickle.loads", "torch.load", "os.system", "AutoModelForCausalLM",
}  # fmt: skip


def called(path: Path) -> set[str]:
    """Functions that a file calls by name, shell=True, and addresses that listen to everybody."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
            found |= {"shell=True" for k in node.keywords if ast.unparse(k) == "shell=True"}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names} & FORBIDDEN
        elif isinstance(node, ast.Constant) and node.value == "0.0.0.0":
            found.add("0.0.0.0")
    return found


def test_dangerous_calls_stand_where_they_must_and_nowhere_else():
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        wrong = called(path) & (FORBIDDEN | {"shell=True", "0.0.0.0"}) - MAY.get(name, set())
        assert not wrong, (name, wrong)
    for name, does in MAY.items():
        assert does & called(SOURCE / name), f"{name} no longer needs its exception"
