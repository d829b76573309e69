"""Inside the sandbox: what a program finds there, and what it leaves."""

from paceline.verify.programs.sandbox import Sandbox
from tests.helpers.walls import each_wall


@each_wall
def test_the_library_is_there_and_packages_are_not(wall):
    code = "import collections, fractions, itertools, json, math, random, re, statistics\nprint(1)"
    assert Sandbox(wall).run(code).stdout == b"1\n"
    assert b"ModuleNotFoundError" in Sandbox(wall).run("import torch").stderr


@each_wall
def test_a_program_is_a_main_module(wall):
    code = """
import dataclasses, sys
@dataclasses.dataclass
class Point:
    x: int
def main():
    print(Point(3), __name__, sys.argv)
if __name__ == "__main__":
    main()
"""
    assert Sandbox(wall).run(code).stdout == b"Point(x=3) __main__ ['answer.py']\n"


@each_wall
def test_sets_print_in_one_order(wall):
    code = "print({'a', 'b', 'c', 'd', 'e'})"
    assert len({Sandbox(wall).run(code).stdout for _ in range(4)}) == 1


@each_wall
def test_a_program_leaves_nothing_to_the_next_one_in_its_interpreter(wall):
    run = Sandbox(wall).run
    run(
        "import builtins, sys, json\nbuiltins.left = sys.left = json.left = 1\nsys.argv += ['left']"
    )
    seen = run(
        "import builtins, sys, json\n"
        "print([hasattr(x, 'left') for x in (builtins, sys, json)], sys.argv, len(globals()))"
    )
    assert seen.stdout.startswith(b"[False, False, False] ['answer.py']")


@each_wall
def test_exits_are_python_s(wall):
    run = Sandbox(wall).run
    said = run("import sys; sys.exit('sorry')")
    assert (said.exit_code, said.stderr) == (1, b"sorry\n")
    assert run("import sys; sys.exit(None)").outcome == "ok"
    assert run("import atexit; atexit.register(print, 'last')").stdout == b"last\n"
    assert run("import os; os.kill(os.getpid(), 9)").outcome == "failed", "signals are refused"
