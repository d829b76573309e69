"""Verdicts beside generation: what is asked, what is lost, and what stops a run."""

import asyncio
import importlib
import os
import re
import signal
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paceline.errors import ConfigError, RewardError, SandboxError
from paceline.types import Completion, Problem, Verdict
from paceline.verify import LastNumber, NumberIn, Tags, Weighted, adapt
from paceline.verify.answers.gym import GymAnswer
from paceline.verify.calling.pool import VerifierPool, needs_process
from paceline.verify.calling.reward_config import RewardConfig
from paceline.verify.calling.scoring import NoVerdict
from paceline.verify.calling.verifier import judge, leaves
from paceline.verify.calling.worker import Worker
from paceline.verify.shaping.compose import Gate

PROBLEM = Problem("p", "?", "42")


def completion(text):
    return Completion((), (), text, "stop")


def ask(verifier, *texts, **settings):
    with VerifierPool(verifier, RewardConfig(**settings)) as judges:
        futures = [judges.submit(PROBLEM, completion(text)) for text in texts]
        judges.flush()
        return [future.result() for future in futures]


def elsewhere(problem, completion):
    return Verdict(float(os.getpid()), {}, completion.text)


def hangs(problem, completion):
    return float(bool(re.match(r"(a+)+$", completion.text)))


def raises(problem, completion):
    return 1 / len(completion.text)


def dies(problem, completion):
    os._exit(1)


HARD = "a" * 60 + "b"


def test_a_users_reward_runs_in_a_process_of_its_own():
    one, two = ask(elsewhere, "a", "b", workers=1)
    assert one.reward == two.reward != os.getpid() and one.reason == "a"
    assert ask(elsewhere, "a", workers=0)[0].reward == os.getpid()


def calls_others(verifier):
    return [needs_process(leaf) for leaf in leaves(verifier)]


def test_our_own_need_none():
    own = Weighted((("answer", NumberIn("tag"), 1.0), ("form", Tags(), 0.1)))
    assert calls_others(own) == [False, False] and calls_others(LastNumber()) == [False]
    assert calls_others(Gate(Tags(), own)) == [False] * 3
    assert calls_others(elsewhere) == calls_others(GymAnswer("basic_arithmetic")) == [True]
    assert calls_others(Weighted((("answer", elsewhere, 1.0), ("form", Tags(), 0.1)))) == [
        True,
        False,
    ]
    assert calls_others(Gate(Tags(), elsewhere)) == [False, True]
    assert ask(LastNumber(), "42", "43")[0].reward == 1.0


@dataclass(frozen=True, slots=True)
class Mine(NumberIn):
    def __call__(self, problem, completion):
        return float(os.getpid())


def test_a_class_made_of_one_of_ours_is_a_users():
    assert ask(Mine(), "42", workers=1)[0].reward != os.getpid()


def test_one_that_hangs_loses_its_completion_and_no_other():
    good, lost, also_good = ask(hangs, "aa", HARD, "ab", seconds=3.0)
    assert (good.reward, also_good.reward) == (1.0, 0.0)
    assert lost == NoVerdict("'hangs' (test_judges.py) took longer than 3 s")


def test_one_that_raises_stops_or_drops():
    with pytest.raises(
        RewardError, match=r"'raises' .* raised ZeroDivisionError on problem p"
    ) as r:
        ask(raises, "")
    assert "in raises" in str(r.value.__cause__)
    assert ask(raises, "", "aa", on_error="drop") == [
        NoVerdict("'raises' (test_judges.py) raised ZeroDivisionError"),
        Verdict(0.5, {}, "scored by 'raises' (test_judges.py)"),
    ]
    with pytest.raises(RewardError, match="ended its process"):
        ask(dies, "a")
    assert ask(dies, "a", on_error="drop") == [
        NoVerdict("'dies' (test_judges.py) ended its process")
    ]
    lost = ask(raises, "", on_error="drop")[0]
    assert "division by zero" in lost.detail


def dies_and_its_successor_too(folder, problem, completion):
    """Kills its process at the first call; the next process is killed while it loads."""
    if not (Path(folder) / "asked").exists():
        (Path(folder) / "asked").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


class Fragile:
    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, problem, completion):
        return dies_and_its_successor_too(self.folder, problem, completion)

    def __reduce__(self):
        return fragile, (self.folder,)


def fragile(folder):
    asked, loaded = Path(folder) / "asked", Path(folder) / "loaded"
    if asked.exists() and not loaded.exists():
        loaded.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Fragile(folder)


def test_a_process_that_is_killed_and_its_successor_too_are_started_again(tmp_path):
    with VerifierPool(Fragile(tmp_path), RewardConfig(workers=1)) as judges:
        assert judges.submit(PROBLEM, completion("a")).result().reward == 1.0
        assert judges.deaths == 2


class EndsWhereItIsLoaded:
    def __call__(self, problem, completion):
        return 1.0

    def __reduce__(self):
        return os._exit, (3,)


def test_one_that_always_dies_while_it_loads_is_told():
    with pytest.raises(RewardError) as told:
        ask(EndsWhereItIsLoaded(), "a", workers=1)
    assert str(told.value) == (
        "The reward 'EndsWhereItIsLoaded' could not be loaded: its process ended while it was "
        "loading, twice; look at what ends it, such as memory that is short, or an exit in a file "
        "that it imports."
    )


def test_at_start_a_reward_that_cannot_travel_is_refused():
    lock = threading.Lock()
    with pytest.raises(ConfigError, match=r"set rewards\.workers=0"):
        VerifierPool(lambda problem, completion: float(lock.locked()))


@dataclass(frozen=True)
class Many:
    """A batch verifier that knows how often it was called."""

    calls: list

    def batch(self, problems, completions):
        self.calls.append(len(completions))
        return [float(len(c.text)) for c in completions]


def test_many_at_once_are_asked_once():
    verifier = Many([])
    assert [v.reward for v in ask(verifier, "a", "bb", "ccc")] == [1.0, 2.0, 3.0]
    assert verifier.calls == [3]

    def short(problems, completions):
        return [1.0]

    with pytest.raises(RewardError, match="answered 1 verdicts for 2"):
        ask(adapt(short), "a", "b")


def test_async_functions():
    async def later(problem, completion):
        await asyncio.sleep(0)
        return len(completion.text)

    async def all_later(problems, completions):
        return await asyncio.gather(*(later(None, c) for c in completions))

    assert ask(adapt(later), "abc", workers=1)[0].reward == 3.0
    assert [v.reward for v in ask(adapt(all_later), "abc", "d")] == [3.0, 1.0]


def test_every_signature_may_be_async():
    async def trl(completions, **columns):
        return [float(len(c)) for c in completions]

    async def verl(data_source, solution_str, ground_truth, extra_info):
        return {"score": float(len(solution_str))}

    class Later:
        async def __call__(self, problem, completion):
            return float(len(completion.text))

    for function in (trl, verl, Later()):
        assert ask(adapt(function), "abc", workers=0)[0].reward == 3.0


def test_the_widespread_signatures():
    def openrlhf(queries, prompts, labels):
        assert queries == ["?abc"] and prompts == ["?"] and labels == ["42"]
        return {"rewards": [0.5]}

    def listed(prompt, responses, answer):
        assert prompt == "?" and answer == "42"
        return [float(len(r)) for r in responses]

    assert ask(adapt(openrlhf), "abc", workers=0)[0].reward == 0.5
    assert ask(adapt(listed), "abc", workers=0)[0].reward == 3.0
    with pytest.raises(RewardError, match="one number for each"):
        ask(adapt(lambda queries, prompts, labels: [1, 2]), "a", workers=0)


@dataclass(frozen=True, slots=True)
class Patient(LastNumber):
    """One of ours that takes its time, as a program in the sandbox does."""

    needs_process = False

    def __call__(self, problem, completion):
        time.sleep(0.2)
        return 1.0


def test_each_part_of_a_sum_has_its_own_time_limit(monkeypatch):
    def quick(problem, completion):
        return 2.0

    limits, call = [], Worker.call
    monkeypatch.setattr(
        Worker, "call", lambda self, words, seconds: limits.append(seconds) or call(self, words, 60)
    )
    # Ours has none, and what it takes is not taken from the next one's.
    assert ask(Weighted((("ours", Patient(), 1.0), ("quick", quick, 1.0))), "a", seconds=0.1) == [
        Verdict(
            3.0, {"ours": 1.0, "quick": 2.0},
            "ours: scored by 'Patient'; quick: scored by 'quick' (test_judges.py)", True,
        )
    ]  # fmt: skip
    assert limits == [0.1]
    monkeypatch.undo()
    sum_ = Weighted((("quick", quick, 1.0), ("hangs", hangs, 1.0)))
    assert ask(sum_, HARD, seconds=3.0) == [
        NoVerdict("'hangs' (test_judges.py) took longer than 3 s")
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_part_that_takes_many_is_asked_once_behind_the_others(workers):
    many = Many([])
    verifier = Weighted((("number", LastNumber() & many, 1.0), ("length", many, 0.1)))
    verdicts = ask(verifier, "42", "a", "so 42", workers=workers)
    assert [v.parts for v in verdicts] == [
        {"number": 2.0, "length": 2.0}, {"number": 0.0, "length": 1.0},
        {"number": 5.0, "length": 5.0},
    ]  # fmt: skip
    # First those whose gate was open and the one whose gate was not, then the two others again.
    assert many.calls == [3, 2]


@dataclass(frozen=True)
class Breaks:
    """A batch verifier that breaks so many times, then answers what it was given."""

    errors: list
    answers: tuple

    def batch(self, problems, completions):
        if self.errors:
            raise self.errors.pop()
        return self.answers


def test_many_at_once_get_a_second_try_and_lose_only_what_is_no_number():
    assert ask(Breaks([SandboxError("no")], (1.0, 2.0)), "a", "b")[1].reward == 2.0
    assert (
        ask(Breaks([SandboxError("no")] * 2, ()), "a", "b") == [NoVerdict("the sandbox failed")] * 2
    )
    one, two = ask(Breaks([OSError("net")], (1.0, float("nan"))), "a", "b", on_error="drop")
    assert one.reward == 1.0 and two == NoVerdict("'Breaks' did not answer a number")
    lost = ask(Breaks([OSError("net")] * 2, ()), "a", on_error="drop")
    assert lost == [NoVerdict("'Breaks' raised OSError")]
    with pytest.raises(RewardError, match="raised OSError on 2 completions: net"):
        ask(Breaks([OSError("net")], (1.0, 2.0)), "a", "b")


def test_what_a_worker_cannot_do_is_told():
    broken = Problem("p", "?", "42", {"lock": threading.Lock()})
    with VerifierPool(elsewhere, RewardConfig(workers=1)) as judges:
        future = judges.submit(broken, completion("a"))
        with pytest.raises(RewardError, match=r"could not be asked in a worker .* cannot be sent"):
            future.result()
    with pytest.raises(
        RewardError, match=r"could not be loaded in a worker process \(ModuleNotFoundError"
    ):
        ask(NotThere(), "a", workers=1)


class NotThere:
    def __call__(self, problem, completion):
        return 1.0

    def __reduce__(self):
        return importlib.import_module, ("no_such_module",)


@dataclass(frozen=True, slots=True)
class Louder(Weighted):
    def __call__(self, problem, completion):
        return replace(super(Louder, self).__call__(problem, completion), reward=99.0)


def test_a_class_made_of_a_sum_is_called_as_it_is():
    louder = Louder((("answer", LastNumber(), 1.0),))
    assert judge(louder, PROBLEM, completion("42")).reward == 99.0
    assert ask(louder, "42", workers=1)[0].reward == 99.0
    assert ask(Weighted((("louder", louder, 0.5),)), "42", workers=1)[0].reward == 49.5


@dataclass(frozen=True, slots=True)
class Forgetful:
    """Asks somebody whom it does not list."""

    asks: object
    verifiers: tuple = ()

    def asking(self):
        return (yield self.asks)

    def __call__(self, problem, completion):
        raise AssertionError


@pytest.mark.parametrize("part", [elsewhere, Many([])])
def test_whoever_is_asked_has_to_be_listed(part):
    with pytest.raises(RewardError, match="is not among its `verifiers`"):
        ask(Forgetful(part), "a")
    assert ask(Forgetful(part, (part,)), "a", workers=1)[0].reward


def leaves_now(problem, completion):
    raise SystemExit


@pytest.mark.parametrize("workers", [0, 1])
def test_what_breaks_off_leaves_nobody_waiting(workers):
    class Breaking:
        verifiers = ()

        def asking(self):
            raise OSError("gone")
            yield

    with pytest.raises(RewardError, match="'Breaking' raised OSError on problem p: gone"):
        ask(Breaking(), "a", workers=workers)

    class Partless(Breaking):
        def asking(self):
            return Verdict(1.0, None)
            yield

    with pytest.raises(RewardError, match="'Partless' raised AttributeError"):
        ask(Partless(), "a", workers=workers)
    with pytest.raises(RewardError, match=r"called sys\.exit\(\) on problem p, which"):
        ask(leaves_now, "a", workers=workers)


@dataclass(frozen=True, slots=True)
class Slow(LastNumber):
    """One of ours, so that closing waits for it and for nothing behind it."""

    needs_process = False

    def __call__(self, problem, completion):
        time.sleep(0.5)
        return 1.0


def test_closing_leaves_nobody_waiting_and_waits_for_nobody():
    def sleeps(problem, completion):
        time.sleep(10**6)
        return 1.0

    for verifier in (sleeps, Weighted((("ours", Slow(), 1.0), ("sleeps", sleeps, 1.0)))):
        judges = VerifierPool(verifier, RewardConfig(workers=1, seconds=10**6))
        futures = [judges.submit(PROBLEM, completion("a")) for _ in range(3)]
        time.sleep(0.2)  # most often they are at work by now
        judges.close()
        assert all(future.done() for future in futures)
        assert futures[0].result() == NoVerdict("the run was ended")


def test_settings_have_to_make_sense():
    for wrong in ({"workers": -1}, {"seconds": 0}, {"on_error": "ignore"}):
        with pytest.raises(ConfigError):
            RewardConfig(**wrong)
