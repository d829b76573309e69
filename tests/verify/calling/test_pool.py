"""Verdicts beside generation: in which process they are made, and what ends."""

import asyncio
import importlib
import os
import re
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.types import Problem, Verdict
from paceline.verify import LastNumber, NumberIn, Tags, Weighted, adapt
from paceline.verify.answers.gym import GymAnswer
from paceline.verify.calling.pool import VerifierPool, needs_process
from paceline.verify.calling.reward_config import RewardConfig
from paceline.verify.calling.scoring import NoVerdict
from paceline.verify.calling.verifier import leaves
from paceline.verify.calling.worker import Worker
from paceline.verify.shaping.compose import Gate
from tests.helpers.verdicts import PROBLEM, ask_pool, completion


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
    one, two = ask_pool(elsewhere, "a", "b", workers=1)
    assert one.reward == two.reward != os.getpid() and one.reason == "a"
    assert ask_pool(elsewhere, "a", workers=0)[0].reward == os.getpid()


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
    assert ask_pool(LastNumber(), "42", "43")[0].reward == 1.0


@dataclass(frozen=True, slots=True)
class Mine(NumberIn):
    def __call__(self, problem, completion):
        return float(os.getpid())


def test_a_class_made_of_one_of_ours_is_a_users():
    assert ask_pool(Mine(), "42", workers=1)[0].reward != os.getpid()


def test_one_that_hangs_loses_its_completion_and_no_other():
    good, lost, also_good = ask_pool(hangs, "aa", HARD, "ab", seconds=3.0)
    assert (good.reward, also_good.reward) == (1.0, 0.0)
    assert lost == NoVerdict("'hangs' (test_pool.py) took longer than 3 s")


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
    with VerifierPool(Fragile(tmp_path), RewardConfig(workers=1)) as pool:
        assert pool.submit(PROBLEM, completion("a")).result().reward == 1.0
        assert pool.deaths == 2


class EndsWhereItIsLoaded:
    def __call__(self, problem, completion):
        return 1.0

    def __reduce__(self):
        return os._exit, (3,)


def test_one_that_always_dies_while_it_loads_is_told():
    with pytest.raises(RewardError) as told:
        ask_pool(EndsWhereItIsLoaded(), "a", workers=1)
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
    assert [v.reward for v in ask_pool(verifier, "a", "bb", "ccc")] == [1.0, 2.0, 3.0]
    assert verifier.calls == [3]

    def short(problems, completions):
        return [1.0]

    with pytest.raises(RewardError, match="answered 1 verdicts for 2"):
        ask_pool(adapt(short), "a", "b")


def test_async_functions():
    async def later(problem, completion):
        await asyncio.sleep(0)
        return len(completion.text)

    async def all_later(problems, completions):
        return await asyncio.gather(*(later(None, c) for c in completions))

    assert ask_pool(adapt(later), "abc", workers=1)[0].reward == 3.0
    assert [v.reward for v in ask_pool(adapt(all_later), "abc", "d")] == [3.0, 1.0]


def test_every_signature_may_be_async():
    async def trl(completions, **columns):
        return [float(len(c)) for c in completions]

    async def verl(data_source, solution_str, ground_truth, extra_info):
        return {"score": float(len(solution_str))}

    class Later:
        async def __call__(self, problem, completion):
            return float(len(completion.text))

    for function in (trl, verl, Later()):
        assert ask_pool(adapt(function), "abc", workers=0)[0].reward == 3.0


def test_the_widespread_signatures():
    def openrlhf(queries, prompts, labels):
        assert queries == ["?abc"] and prompts == ["?"] and labels == ["42"]
        return {"rewards": [0.5]}

    def listed(prompt, responses, answer):
        assert prompt == "?" and answer == "42"
        return [float(len(r)) for r in responses]

    assert ask_pool(adapt(openrlhf), "abc", workers=0)[0].reward == 0.5
    assert ask_pool(adapt(listed), "abc", workers=0)[0].reward == 3.0
    with pytest.raises(RewardError, match="one number for each"):
        ask_pool(adapt(lambda queries, prompts, labels: [1, 2]), "a", workers=0)


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
    both = Weighted((("ours", Patient(), 1.0), ("quick", quick, 1.0)))
    assert ask_pool(both, "a", seconds=0.1) == [
        Verdict(
            3.0, {"ours": 1.0, "quick": 2.0},
            "ours: scored by 'Patient'; quick: scored by 'quick' (test_pool.py)", True,
        )
    ]  # fmt: skip
    assert limits == [0.1]
    monkeypatch.undo()
    sum_ = Weighted((("quick", quick, 1.0), ("hangs", hangs, 1.0)))
    assert ask_pool(sum_, HARD, seconds=3.0) == [
        NoVerdict("'hangs' (test_pool.py) took longer than 3 s")
    ]


def test_what_a_worker_cannot_do_is_told():
    broken = Problem("p", "?", "42", {"lock": threading.Lock()})
    with VerifierPool(elsewhere, RewardConfig(workers=1)) as pool:
        future = pool.submit(broken, completion("a"))
        with pytest.raises(RewardError, match=r"could not be asked in a worker .* cannot be sent"):
            future.result()
    with pytest.raises(
        RewardError, match=r"could not be loaded in a worker process \(ModuleNotFoundError"
    ):
        ask_pool(NotThere(), "a", workers=1)


class NotThere:
    def __call__(self, problem, completion):
        return 1.0

    def __reduce__(self):
        return importlib.import_module, ("no_such_module",)


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
        pool = VerifierPool(verifier, RewardConfig(workers=1, seconds=10**6))
        futures = [pool.submit(PROBLEM, completion("a")) for _ in range(3)]
        time.sleep(0.2)  # most often they are at work by now
        pool.close()
        assert all(future.done() for future in futures)
        assert futures[0].result() == NoVerdict("the run was ended")
