"""Tests mirror the package: `src/paceline/A/b.py` is tested by `tests/A/test_b.py`."""

from pathlib import Path

import paceline

SOURCE = Path(paceline.__file__).parent
TESTS = Path(__file__).parents[1]
OF_THE_WHOLE = ("laws", "docs", "faults", "helpers", "fixtures")
"""Folders of tests that are about no one module."""
WHOLES = {
    "test_cuda.py": "everything that computes, on a GPU",
    "test_notebooks.py": "notebooks, which are not in the package, and runs in a kernel",
    "test_examples.py": "examples/, which is not in the package",
    "test_wheel.py": "the package as it is installed",
    "run/test_resume.py": "a run that goes on, from the command to its files",
    "run/test_templates.py": "models' own chat templates, from the prompt to the verdict",
}
"""Test files that mirror no module, and what each is about."""


def modules() -> dict[str, str]:
    """Each module, and the place of its test file."""
    files = (path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*.py")))
    return {
        str(file): str(file.with_name(f"test_{file.stem.lstrip('_')}.py"))
        for file in files
        if file.stem not in ("__init__", "__main__")
    }


def mirrors() -> set[str]:
    """Test files that have to mirror a module."""
    files = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    return {str(file) for file in files if file.parts[0] not in OF_THE_WHOLE}


def is_of_its_room(file: str) -> bool:
    """True for the tests of a room as a whole, such as tasks/test_tasks.py."""
    path = Path(file)
    return path.stem == f"test_{path.parent.name}" and (SOURCE / path.parent).is_dir()


def test_every_module_has_its_test_file():
    missing = sorted(f"tests/{test}" for test in modules().values() if not (TESTS / test).is_file())
    assert missing == [], "these test files are missing"


def test_every_test_file_mirrors_a_module_or_is_named_after_its_room():
    known = {*modules().values(), *WHOLES}
    odd = sorted(f"tests/{file}" for file in mirrors() - known if not is_of_its_room(file))
    assert odd == [], "these mirror no module: rename them, or say in WHOLES what they are about"
    assert WHOLES.keys() <= mirrors() - set(modules().values()), "WHOLES names what is not there"


def test_no_test_imports_from_another():
    """Shared things stand in tests/helpers; faults has modules of its own."""
    found = []
    for path in sorted(TESTS.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            words = line.split()
            if words[:1] in (["from"], ["import"]) and words[1].startswith("tests"):
                room = words[1].split(".")[1] if "." in words[1] else "-"
                own = path.relative_to(TESTS).parts[0]
                if room != "helpers" and not (room == own == "faults"):
                    found.append(f"{path.relative_to(TESTS)}:{number}: {line.strip()}")
    assert found == []
