"""The walls of the sandbox that a test is run for."""

import pytest

each_wall = pytest.mark.parametrize("wall", ["namespaces", "landlock"])
