"""What tests of runs share: one that was stopped."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.stopped_runs import stopped_run


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that an error stopped after 5 of 8 steps, in the middle of a round; never changed."""
    return stopped_run(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture
def copy(stopped: Path, tmp_path: Path) -> Path:
    """The same, to go on with."""
    return Path(shutil.copytree(stopped, tmp_path / "r"))
