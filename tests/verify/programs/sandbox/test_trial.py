"""A trial notices what an attack gets and what it does to the world around it."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from paceline.verify.programs.sandbox import Sandbox
from paceline.verify.programs.sandbox.attack import Attack
from paceline.verify.programs.sandbox.sandbox import NO_WALL_TIER, RAISED
from paceline.verify.programs.sandbox.trial import World, children, run_attack, suite, world


@pytest.fixture
def around():
    with world() as made:
        yield made


def wait_until(true) -> None:
    """Wait for another thread or process, but not for ever: what follows says what is missing."""
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)


def test_a_world_that_nobody_touched_is_whole(around):
    assert around.broken() == ""
    assert around.secret.read_text() == around.token == os.environ["PACELINE_SECRET"]
    assert around.fill_in("open('@SECRET@'), @PORT@") == (
        f"open('{around.secret}'), {around.places['PORT']}"
    )


def test_nothing_is_left_of_a_world():
    with world() as made:
        folder, victim = made.folder, made.victim
    assert not folder.exists() and victim not in children()
    assert "PACELINE_SECRET" not in os.environ


def connect(around: World) -> None:
    socket.create_connection(("127.0.0.1", int(around.places["PORT"]))).close()
    wait_until(lambda: around.arrived)


def send(around: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", int(around.places["UDP"])))
    wait_until(lambda: around.arrived)


def stop(around: World) -> None:
    os.kill(around.victim, signal.SIGSTOP)
    wait_until(lambda: around.broken())


@pytest.mark.parametrize(
    ("does", "breach"),
    [
        (connect, "reached a TCP port"),
        (send, "reached a UDP port"),
        (lambda a: (a.folder / "mine").touch(), "changed the files of a folder outside"),
        (lambda a: (a.folder / "kept").write_text("other"), "changed a file outside"),
        (lambda a: (a.folder / "kept").chmod(0o777), "changed a file outside"),
        (lambda a: os.utime(a.folder / "kept", (0, 0)), "changed a file outside"),
        (stop, "ended or stopped another process"),
    ],
)
def test_what_was_done_to_the_world_is_named(around, does, breach):
    does(around)
    assert around.broken() == breach


@pytest.mark.parametrize(
    ("attack", "breach"),
    [
        (Attack("reads", "files", "print(open('@SECRET@').read())"), "read a secret"),
        (Attack("claims", "files", "print('BREACH')"), "got what it must not get"),
        (Attack("users", "files", "print('root:x:0')"), "read the users of the system"),
        (Attack("writes", "files", "open('@FOLDER@/kept', 'w')"), "changed a file outside"),
        (
            Attack("fails", "grader", "1/0", ("ok",)),
            f"ended as 'failed' ({RAISED})",
        ),
        (
            Attack("says", "grader", "print(1)", holds=lambda result: result.stdout == b"2\n"),
            "was not reported as it was",
        ),
        (Attack("does nothing", "files", "print(input())", stdin="fine"), ""),
    ],
)
def test_what_an_attack_got_is_named(around, attack, breach):
    tried = run_attack(Sandbox(NO_WALL_TIER), attack, around)
    assert (tried.attack, tried.breach) == (attack, breach)


def test_every_attack_of_a_suite_has_its_result():
    reads = Attack("reads", "files", "print(open('@SECRET@').read())")
    quiet = Attack("quiet", "files", "pass")
    found = list(suite(Sandbox(NO_WALL_TIER), [reads, quiet]))
    assert [(t.attack, t.breach) for t in found] == [(reads, "read a secret"), (quiet, "")]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="the processes are read from /proc")
def test_children_are_those_of_children_too():
    code = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '1000'])\n"
        "print(child.pid, flush=True); sys.stdin.read(); child.kill(); child.wait()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    grandchild = int(child.stdout.readline())
    assert {child.pid, grandchild} <= children()
    assert children(child.pid) == {grandchild}
    child.communicate()
    assert not {child.pid, grandchild} & children()
