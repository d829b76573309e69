"""The ways in which attacks are written: what each prints if it gets through, or is held."""

import os
import subprocess
import sys

import pytest

from paceline.verify.programs.sandbox.attack import (
    CONTAINED,
    Attack,
    endless,
    hoards,
    hungry,
    native,
    says,
    tries,
)
from paceline.verify.programs.sandbox.result import Result


def printed(attack: Attack) -> list[str]:
    """What a harmless attack prints without any wall."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", attack.code], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_each_statement_is_tried_by_itself():
    attack = tries("two", "files", "1 / 0", "x = 1\ny = x + 1", harmless=True)
    assert printed(attack) == ["held division by zero", "BREACH 1"]
    assert (attack.name, attack.kind, attack.harmless) == ("two", "files", True)
    assert attack.outcomes == ("ok", "failed")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are x86_64's")
def test_a_system_call_is_refused_or_gets_through():
    # 100000 is no call, 39 is getpid.
    assert printed(native("none", "calls", 100000)) == ["held refused"]
    assert printed(native("pid", "calls", 39, "0", "0")) == ["BREACH 0"]


def test_one_that_hoards_stops_at_too_many_or_where_it_is_refused():
    assert printed(hoards("numbers", "memory", "len(kept)", 3)) == ["BREACH"]
    refused = hoards("files", "memory", "os.open('/nowhere/x', 0)", 3)
    assert printed(refused) == ["held [Errno 2] No such file or directory: '/nowhere/x'"]


def test_one_without_an_end_has_to_meet_a_limit():
    attack = endless("spins", "time", "    while True:\n        pass\n")
    assert attack.outcomes == ("limit",) and attack.code == "while True:\n    pass\n"
    assert hungry("eats", "x").outcomes == ("limit", "failed") and not attack.harmless


def result(stdout: bytes) -> Result:
    return Result("ok", stdout, b"", 0, "", 0.1)


def test_an_output_has_to_come_through_byte_for_byte():
    attack = says("echo", "print(input())", b"abc\n", stdin="abc")
    assert attack.holds(result(b"abc\n")) and not attack.holds(result(b"abc"))
    assert (attack.outcomes, attack.stdin) == (("ok",), "abc")
    assert says("fails", "1/0", b"", "failed").outcomes == ("failed",)


def test_an_attack_is_contained_unless_it_breaks_the_sandbox():
    attack = Attack("any", "files", "pass")
    assert attack.outcomes == CONTAINED and "infrastructure" not in CONTAINED
    assert attack.holds(result(b"anything"))
