"""The wheel by itself, as `pip install paceline` would have it: everything that a run and its pages
need is in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "paceline"
MADE_FROM = ("pyproject.toml", "README.md", "LICENSE", "src")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: building leaves files beside the source."""
    made = tmp_path_factory.mktemp("wheel")
    for name in MADE_FROM:
        old, new = ROOT / name, made / "copy" / name
        if old.is_dir():
            shutil.copytree(old, new, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            new.parent.mkdir(exist_ok=True)
            shutil.copy(old, new)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(made), str(made / "copy"))
    (found,) = made.glob("*.whl")
    return found


def pip(command: str, *words: str, python: str | Path = sys.executable) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    subprocess.run([python, "-m", "pip", command, *quiet, *words], check=True)


def test_every_file_of_the_package_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("paceline/")}
    files = (path for path in SOURCE.rglob("*") if path.is_file())
    ours = {
        f"paceline/{path.relative_to(SOURCE).as_posix()}"
        for path in files
        if "__pycache__" not in path.parts
    }
    assert inside == ours


def test_an_empty_environment_trains_and_reports_with_it(wheel, tmp_path):
    """Only what paceline depends on is taken from here, as installing it anew takes minutes."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip("install", str(wheel), python=python)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A path in a .pth file brings the modules there, and none of its own .pth files: the editable
    # install of this very package is not seen.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    alone = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*words: str) -> str:
        done = subprocess.run(
            [python, *words], cwd=tmp_path, env=alone, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("-c", "import paceline; print(paceline.__file__)")
    assert Path(where.strip()).is_relative_to(packages)
    few = ("steps=2", "rollouts.problems=2", "rollouts.completions=4", "evaluation.problems=4")
    run("-m", "paceline.cli", "train", "tiny", *few, "--out", "run", "--quiet")
    (tmp_path / "run" / "report.html").unlink()
    run("-m", "paceline.cli", "report", "run")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert all(text in page for text in ("</script>", "</style>", 'id="rollouts"'))
