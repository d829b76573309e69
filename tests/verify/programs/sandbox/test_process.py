"""Interpreters that wait for programs: what passes through them, and that nothing stays behind."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from paceline.verify.programs.sandbox import Sandbox, sandbox
from paceline.verify.programs.sandbox.trial import children
from tests.helpers.walls import each_wall


@each_wall
def test_large_input_arrives_whole_whoever_reads_it(wall):
    fed = "x" * 3_000_000
    whole = Sandbox(wall).run("import sys; print(len(sys.stdin.read()))", fed)
    assert whole.stdout == b"3000000\n"
    assert Sandbox(wall).run("print('no')", fed).stdout == b"no\n"
    lines = Sandbox(wall).run("a = input(); b = input(); print(b + a)", "1\n2\n3")
    assert lines.stdout == b"21\n"


@each_wall
def test_two_at_once_do_not_meet(wall):
    found = {}

    def run(name):
        found[name] = Sandbox(wall).run(f"import time; time.sleep(0.2); print('{name}')").stdout

    threads = [threading.Thread(target=run, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {str(i): f"{i}\n".encode() for i in range(6)}


def counts():
    mounts = len(Path("/proc/self/mounts").read_text().splitlines())
    return len(children()), len(os.listdir("/proc/self/fd")), mounts


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@each_wall
def test_nothing_grows(wall):
    # 150 programs, every third of which runs into a limit; benchmarks/sandbox.py takes 2,000.
    programs = ("print(1)", "1/0", "while True: print('a' * 9999)")
    for code in programs * 3:
        Sandbox(wall).run(code)
    gc.collect()
    before, memory = counts(), resident()
    for code in programs * 50:
        Sandbox(wall).run(code)
    gc.collect()
    # Interpreters that earlier tests left waiting may have been used up: fewer is fine.
    assert all(now <= then for now, then in zip(counts(), before, strict=True))
    assert resident() - memory < 8 << 20


@each_wall
def test_when_the_trainer_is_killed_nothing_goes_on(wall):
    trainer = subprocess.Popen(
        [sys.executable, "-c",
         "import threading, time\nfrom paceline.verify.programs.sandbox import Sandbox\n"
         "from paceline.verify.programs.sandbox.trial import children\n"
         f"sandbox = Sandbox('{wall}'); sandbox.run('print(1)'); print(len(children()))\n"
         "threading.Thread(target=sandbox.run, args=('import time; time.sleep(300)',),"
         " kwargs={'seconds': 300}).start()\n"
         "print('ready', flush=True); time.sleep(300)"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    waiting, ready = int(trainer.stdout.readline()), trainer.stdout.readline()
    assert waiting and ready == b"ready\n"
    # An interpreter, and a program in it, have to run for this to say anything.
    wait_until(lambda: len(children(trainer.pid)) > waiting)
    below = children(trainer.pid)
    trainer.send_signal(signal.SIGKILL)
    trainer.wait()
    wait_until(lambda: not any(living(pid) for pid in below))


def living(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # before it was opened, or while it was read
        return False


def wait_until(true):
    """However long it takes; the limit of a test ends what never comes."""
    while not true():
        time.sleep(0.05)


def test_an_interpreter_that_is_gone_is_replaced():
    # The kernel ends one with the thread that started it, or an administrator does.
    assert Sandbox("landlock").run("print(1)").stdout == b"1\n"
    for waiting in sandbox._interpreters.waiting.values():
        for interpreter in waiting:
            interpreter.process.kill()
            interpreter.process.wait()
    assert Sandbox("landlock").run("print(2)").stdout == b"2\n"


AS_PROCESS_1 = """
import ctypes, pathlib, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become ours
from paceline.verify.programs.sandbox import Sandbox
from paceline.verify.programs.sandbox.trial import children
for _ in range(5):
    assert Sandbox(sys.argv[1]).run("while True: pass", seconds=0.2).outcome == "limit"
states = [pathlib.Path(f"/proc/{p}/stat").read_text().rpartition(")")[2][1] for p in children()]
print(states.count("Z"))
"""


@each_wall
def test_as_process_1_of_a_container_it_leaves_no_zombies(wall):
    done = subprocess.run(
        [sys.executable, "-c", AS_PROCESS_1, wall], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "0\n", done.stderr
