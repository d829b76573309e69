"""What a Python session calls: errors of its own come in a few lines."""

import io
import os
import signal
import subprocess
import sys
import time
import traceback

import pytest

import paceline
from paceline.errors import ConfigError, MemoryShortError, RewardError
from paceline.run.entry import entry
from paceline.run.screen import Screen
from paceline.tasks import Rows

QUESTIONS = "prompt,answer\n" + "".join(f"{i} + 1?,{i + 1}\n" for i in range(30))


def deeper(error, cause=None):
    raise error from cause


def raised(error, cause=None):
    with pytest.raises(type(error)) as caught:
        entry(deeper)(error, cause)
    return traceback.format_exception(caught.value)


def test_what_a_user_can_mend_comes_without_our_frames():
    told = "".join(raised(ConfigError("There is no file 'x'."), KeyError("inside")))
    assert "in deeper" not in told and "inside" not in told
    assert told.endswith("ConfigError: There is no file 'x'.\n")


def test_of_a_reward_its_own_error_stands_above():
    assert "KeyError: 'inside'" in "".join(raised(RewardError("It raised."), KeyError("inside")))


def test_an_error_of_ours_keeps_its_frames():
    assert "in deeper" in "".join(raised(ZeroDivisionError("ours")))


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("CUDA out of memory."), OSError(12, "Cannot allocate memory")],
)
def test_memory_that_is_short_is_a_sentence(error):
    with pytest.raises(MemoryShortError, match=r"^Memory ran out \(.*\); end other programs, rai"):
        entry(deeper)(error)
    assert entry(len)([1]) == 1


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_a_thread_or_a_library_without_room_is_a_sentence(error):
    with pytest.raises(MemoryShortError, match=r"^The system has no room .*`ulimit -u`\)\.$"):
        entry(deeper)(error)


def test_what_is_printed_has_the_letters_that_there_are_and_a_screen_changes_no_stream(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii", write_through=True))
    Screen(3)
    assert sys.stdout.errors == "strict"
    entry(print)("1 → 2")
    assert written.getvalue() == b"1 -> 2\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "q.csv").write_text(QUESTIONS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SCRIPT = """
import paceline
from paceline.tasks import Rows

def reward(problem, completion):
    return 1.0 if problem.answer in completion.text else 0.0

def run(reward, steps=1, **more):
    task = Rows(path="q.csv", reward=reward)
    config = paceline.recipes.tiny().with_(
        task=task, steps=steps, evaluation={"problems": 0}, out="r", **more)
    paceline.train(config, quiet=True)
"""


def script(name, *lines, code=0):
    """Run a script, or, without a name, what stands on standard input; returns its errors."""
    text = SCRIPT + "\n".join(lines) + "\n"
    if name:
        with open(name, "w") as file:
            file.write(text)
    words = [sys.executable, *([name] if name else ["-"])]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr.strip().splitlines()


def recorded():
    return paceline.Run("r").config["config"]["task"]["reward"]


def test_a_function_of_a_script_is_a_reward_and_the_command_line_goes_on(here):
    script("mine.py", "if __name__ == '__main__':", "    run(reward)")
    assert recorded() == f"{here / 'mine.py'}:reward"
    words = ["-m", "paceline.cli", "resume", "r", "steps=2", "--quiet"]
    assert subprocess.run([sys.executable, *words], check=False).returncode == 0
    assert paceline.Run("r").summary["steps"] == 2


def test_a_function_of_a_notebooks_cell_is_a_reward_and_python_goes_on(here, capsys):
    from paceline.cli import main

    script(None, "run(reward)")
    assert recorded() == "<python>:reward"
    assert main(["sample", "r", "1 + 1?"]) == 0 and main(["report", "r"]) == 0
    capsys.readouterr()
    on = "`paceline.resume('r', config.with_(steps=N))` in the session that has its reward"
    with pytest.raises(ConfigError, match="already holds a run, which is finished") as refused:
        paceline.train(paceline.recipes.tiny().with_(out="r"))
    assert str(refused.value).endswith(f"give that one more steps with {on}.")
    paceline.resume("r")
    assert on in " ".join(capsys.readouterr().out.split())
    for words in (["resume", "r", "steps=2"], ["eval", "r", "evaluation.problems=1"]):
        assert main(words) == 2
        told = capsys.readouterr().err.strip()
        assert told.startswith("paceline: The reward 'reward' was written in a Python session, and")
    on = ("config = paceline.recipes.tiny().with_(task=Rows(path='q.csv', reward=reward), steps=2,",
          "    evaluation={'problems': 0}, out='r')", "paceline.resume('r', config)")  # fmt: skip
    script(None, *on)
    assert paceline.Run("r").summary["steps"] == 2
    # What another cell of that name does is told.
    (was,) = (v for k, v in paceline.Run("r").config["fingerprints"].items() if "code of " in k)
    script(None, "def reward(problem, completion): return 0.5", *on[:-1],
           "paceline.resume('r', config.with_(steps=3))")  # fmt: skip
    (now,) = (v for k, v in paceline.Run("r").config["fingerprints"].items() if "code of " in k)
    assert was != now


def test_a_comparison_cannot_take_it(here):
    def of_here(problem, completion):
        return 1.0

    config = paceline.recipes.tiny().with_(task=Rows(path="q.csv", reward=of_here))
    with pytest.raises(ConfigError, match="'of_here' was written in this Python session, and a co"):
        paceline.compare(config, ["grpo", "rloo"], seeds=1, quiet=True)
    assert not list(here.glob("comparisons/*"))


def test_a_script_without_a_guard_is_one_sentence(here):
    told = script("mine.py", "run(f'{__file__}:reward')", code=1)
    assert told[-1] == (
        "paceline.errors.ConfigError: 'mine.py' calls paceline.train where it is only read for the "
        'functions in it; put that call behind `if __name__ == "__main__":`.'
    )
    assert len(told) < 12 and not (here / "r").exists()


def test_so_is_a_module_that_a_worker_would_import_again(here):
    (here / "mine.py").write_text(SCRIPT + "run(reward)\n")
    done = subprocess.run(
        [sys.executable, "-c", "import mine"], capture_output=True, text=True, check=False
    )
    told = done.stderr.strip().splitlines()
    assert "'mine.py' calls paceline.train where it is only read for the functions" in told[-1]
    assert len(told) < 15 and not (here / "r").exists()


def test_without_a_guard_its_own_functions_need_none(here):
    script("mine.py", "run(reward)")
    assert paceline.Run("r").finished


def test_ctrl_c_is_a_keyboard_interrupt_of_a_few_lines(here):
    with open("mine.py", "w") as file:
        file.write(SCRIPT + "if __name__ == '__main__':\n    run(reward, steps=100_000)\n")
    process = subprocess.Popen(
        [sys.executable, "mine.py"], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    until = time.monotonic() + 120
    while not os.path.exists("r/metrics.jsonl") and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1].strip().splitlines()
    assert told[0].startswith("Traceback") and "KeyboardInterrupt" in told[-1], told
    assert len(told) < 12, told
    assert paceline.Run("r").summary["interrupted"]
