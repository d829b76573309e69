"""What the tests of the sandbox share."""

import pytest

from paceline.verify.programs.sandbox import sandbox


@pytest.fixture
def fresh():
    """Walls are tried once a process, and interpreters wait; here anew, and again afterwards."""
    for _ in range(2):
        sandbox._wall_of.cache_clear()
        sandbox._interpreters.close()
        if _ == 0:
            yield
