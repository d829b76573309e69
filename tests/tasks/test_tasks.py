"""Tasks by name, and what all of them have in common."""

import dataclasses
import inspect
import re
import subprocess
import sys
import typing
from typing import Any

import pytest

from paceline.errors import ConfigError
from paceline.tasks import SOURCES, Arithmetic, Rows, by_name, every_source, name_of
from paceline.tasks.task import BY_NAME


def test_a_name_is_a_class_and_a_wrong_one_brings_the_nearest() -> None:
    assert by_name("arithmetic") is Arithmetic
    with pytest.raises(ConfigError, match=r"no task 'arithmetics'\. Did you mean 'arithmetic'"):
        by_name("arithmetics")


def test_a_task_of_a_room_above_is_found_by_its_name_too() -> None:
    kept = by_name("kept")
    assert kept.__module__ == "paceline.store.kept" and every_source() == {**SOURCES, "kept": kept}
    with pytest.raises(
        ConfigError, match=r"no task 'kep'\. Did you mean 'kept'\? There are .*, kept"
    ):
        by_name("kep")


def test_a_class_has_its_name_again() -> None:
    for name, source in every_source().items():
        assert name_of(source) == name
    assert name_of("Rows") == "rows" and name_of("paceline.store.kept:Kept") == "kept"

    class Own(Rows):
        pass

    assert name_of(Own) is None and name_of("own.py:Own") is None


@pytest.mark.parametrize("source", every_source().values())
def test_options_are_plain_values_and_each_has_its_sentence(source: Any) -> None:
    assert source() == source()
    assert hash(source()) == hash(source())
    plain = {int, float, bool, str, str | None, int | None, tuple[str, ...]}
    by_name_too = {f.name for f in dataclasses.fields(source) if BY_NAME in f.metadata}
    hints = typing.get_type_hints(source).items()
    given = {hint for name, hint in hints if name not in by_name_too}
    assert {hint for hint in given if typing.get_origin(hint) is not typing.Literal} <= plain
    made_of = filter(dataclasses.is_dataclass, source.__mro__)  # its own options, and its bases'
    text = "\n".join(inspect.getsource(one) for one in made_of if isinstance(one, type))
    for field in dataclasses.fields(source):
        below = (
            rf"    {field.name}: .*(\n        .*|\n    \))*\n    \"\"\"\w(.|\n(?!\n))*?\.\"\"\"\n"
        )
        assert re.search(below, text), f"no sentence stands under {field.name}"


def test_tasks_and_verifiers_load_nothing_heavy() -> None:
    code = (
        "import sys, paceline.verify, paceline.tasks; paceline.tasks.Arithmetic().load();"
        "print([m for m in ('torch', 'datasets', 'pyarrow', 'transformers') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
