"""What the fault suites share: a nursery for their runs, and what a run leaves that nothing
stopped."""

from collections.abc import Iterator

import pytest

from tests.faults.harness import Left, Nursery, left_by


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="session")
def uninterrupted(nursery, tmp_path_factory) -> tuple[Left, int]:
    """What it leaves, and how many operations on its files it took."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert nursery.run(folder / "r", record=str(folder / "operations")) == 0
    return left_by(folder / "r"), len((folder / "operations").read_text().splitlines())


@pytest.fixture(scope="session")
def straight(uninterrupted) -> Left:
    return uninterrupted[0]
