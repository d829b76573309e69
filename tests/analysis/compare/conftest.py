"""Runs that tests compare: some written by hand, some really trained."""

from pathlib import Path

import pytest

from paceline.analysis.compare.arms import arms_of
from paceline.analysis.compare.planned import Planned, planned
from paceline.config import labelled
from paceline.recipes import tiny
from paceline.run import Run, train
from tests.helpers.comparisons import runs_in


@pytest.fixture
def runs(tmp_path) -> dict[str, dict[int, Run]]:
    """Three objectives over three seeds, written by hand."""
    return runs_in(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> list[Planned]:
    """grpo and gspo with one seed, four steps each in two rounds. Nobody changes them, though
    figures may be written beside them."""
    small = {"steps": 4, "evaluation.problems": 5, "schedule.minibatches": 2}
    arms = arms_of(tiny().with_(**small), labelled(["grpo", "gspo"]), {})
    made = planned(arms, [0], Path(tmp_path_factory.mktemp("compare")) / "tiny")
    for one in made:
        train(one.config, quiet=True)
    return made
