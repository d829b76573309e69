"""A run of twelve steps that tests replay, and one of its steps under many objectives."""

import shutil
from pathlib import Path

import pytest

from paceline.analysis.replay import Replay, replay
from paceline.run import Run
from tests.helpers.replays import made


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Run:
    """Three rounds of four parts; checkpoints after steps 3, 6, 9 and 12. Nobody changes it."""
    return made(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture
def copy(run, tmp_path) -> Path:
    """The run's directory, for a test that changes it."""
    return Path(shutil.copytree(run.path, tmp_path / "r"))


@pytest.fixture(scope="session")
def later(run) -> Replay:
    """A step of a round's last part, at which ratios have left 1; two of its groups have signal."""
    return replay(run.path, 4)
