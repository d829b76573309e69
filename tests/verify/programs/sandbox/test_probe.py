"""Whether a wall stands is tried before it is trusted."""

import pytest

from paceline.errors import SandboxError
from paceline.verify.programs.sandbox import Sandbox, sandbox, walls


def test_a_wall_that_lets_something_through_is_not_taken(fresh, monkeypatch):
    monkeypatch.setattr(sandbox, "Landlock", walls.Nothing)
    with pytest.raises(SandboxError, match="a program could read a file of this user"):
        Sandbox("landlock").run("print(1)")
