"""The reference is what the code says now."""

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.helpers.markdown import DOCS, Page, tables


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_what_the_script_makes(reference):
    made = dict(reference.pages())
    assert {path.name for path in reference.FOLDER.iterdir()} == set(made)
    for name, text in made.items():
        stored = (reference.FOLDER / name).read_text(encoding="utf-8")
        assert stored == text, f"run `python docs/make_reference.py`: {name} has changed"


@pytest.mark.parametrize("name", ["cli", "config", "metrics", "rollouts"])
def test_nothing_is_without_its_meaning(name):
    rows = [row for table in tables(Page.of(f"docs/reference/{name}.md").text) for row in table]
    assert len(rows) > 20
    assert [row[0] for row in rows if len(row) < 2 or not row[-1].strip()] == []
