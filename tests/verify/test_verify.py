"""The names of `paceline.verify`."""

import dataclasses
import importlib
import pkgutil
import subprocess
import sys

import paceline.verify
from paceline.verify.calling.base import VerifierBase

UNSHOWN = {"NotHere", "Unjudged", "RunsPrograms", "Adapted", "FromBatch", "FromLists", "FromPair"}
"""Stand-ins, bases, and adapters that `adapt` makes and nobody names."""


def test_every_name_can_be_imported():
    for name in paceline.verify.__all__:
        assert getattr(paceline.verify, name) is not None
    assert paceline.verify.__all__ == sorted(paceline.verify.__all__)
    assert not hasattr(paceline.verify, "SymbolicAnswers")


def test_every_verifier_is_among_them():
    # A config names them so (config/stored.py), and so do users.
    found = set()
    for module in pkgutil.walk_packages(paceline.verify.__path__, "paceline.verify."):
        if module.name.endswith((".serve", ".sandbox.runner")):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            ours = isinstance(kind, type) and kind.__module__ == module.name
            if ours and issubclass(kind, VerifierBase) and dataclasses.is_dataclass(kind):
                found.add(name)
    assert found - UNSHOWN <= set(paceline.verify.__all__)
    assert found >= UNSHOWN


def test_importing_it_loads_the_standard_library_alone():
    code = "import sys; before = set(sys.modules); import paceline.verify; "
    code += "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - set(sys.stdlib_module_names) == {"paceline"}
