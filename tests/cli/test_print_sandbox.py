"""What `paceline sandbox test` prints."""

from types import SimpleNamespace

import pytest

from paceline.cli import print_sandbox
from paceline.errors import SandboxError


def test_what_got_through_is_told_in_lines_that_fit(monkeypatch, capsys):
    reads = "read a file of the user that runs it, which no program of a model's may ever see"
    attack = SimpleNamespace(name="reads the home directory", kind="files")
    tried = [SimpleNamespace(attack=attack, breach=breach) for breach in ("", reads)]
    monkeypatch.setattr(print_sandbox, "Sandbox", lambda tier: SimpleNamespace(wall="bubblewrap"))
    monkeypatch.setattr(print_sandbox, "suite", lambda sandbox: tried)
    monkeypatch.setattr(print_sandbox, "_seconds", lambda sandbox: 0.02)
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SandboxError, match=r"^1 of 2 attacks got through the sandbox"):
        print_sandbox.print_suite("auto")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert reads in " ".join(" ".join(lines).split())
    assert lines[1].split() == ["files", "1", "of", "2", "contained"]
