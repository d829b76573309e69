"""A watchdog speaks when nothing goes on, names what is waited for, and is silent else."""

import threading
from types import SimpleNamespace

from paceline.run import watchdog
from paceline.run.watchdog import Watchdog
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.trainers import PROBLEMS, trainer_of


class Looks:
    """Instead of the clock, and of the event that ends a watchdog: so many looks, between which
    time passes and something is done."""

    def __init__(self, dog, monkeypatch, count, between=lambda: None):
        self.count, self.between, self.now = count, between, 0.0
        self.seconds = dog.seconds / 10
        monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: self.now))
        dog._over = self
        dog._watch()

    def wait(self, seconds):
        assert seconds == self.seconds
        self.now += seconds
        self.count -= 1
        self.between()
        return self.count < 0


def test_a_verdict_that_does_not_come_is_named():
    go_on, said = threading.Event(), []

    def hangs(problem, completion):
        if problem.id == "p7":
            go_on.wait()
        return 0.0

    # In the trainer's own process no call has a time limit.
    verifiers = VerifierPool(hangs, RewardConfig(workers=0))
    trainer = trainer_of(verifier=hangs, verifiers=verifiers)

    def tell(text):  # where the machine stood still for a while, something else is told first
        if "on problem p7" in text:
            said.append(text)
            go_on.set()

    with Watchdog(trainer, verifiers, tell, seconds=0.5):
        for _ in range(4):
            trainer.step()
    assert said[0].startswith("nothing has happened for ") and "(sample)" in said[0]
    assert "the verdict of 'hangs' (test_watchdog.py) on problem p7 has been awaited" in said[0]
    assert "; the trainer is at " in said[0]


def test_while_something_goes_on_it_is_silent(monkeypatch):
    trainer, said = trainer_of(), []
    # Ten looks are its patience: with a step between any two of them it is not tried.
    dog = Watchdog(trainer, trainer.source.rollouter.verifiers, said.append, seconds=1.0)
    Looks(dog, monkeypatch, 35, trainer.step)
    assert trainer.steps == 36 and said == []


def test_where_nothing_goes_on_it_speaks_after_its_patience_and_twice_as_long(monkeypatch):
    trainer, said = trainer_of(), []
    trainer.step()
    # Looks are 1/8 s apart. Since the first one it has waited 1.25 s at the eleventh, 2.5 s at the
    # 21st, and 5 s at the 41st, which there is not.
    dog = Watchdog(trainer, trainer.source.rollouter.verifiers, said.append, seconds=1.25)
    Looks(dog, monkeypatch, 39)
    assert [text.partition(" in step")[0] for text in said] == [
        "nothing has happened for 1 s", "nothing has happened for 2 s",
    ]  # fmt: skip


def test_a_single_verdict_is_a_sign_of_life(monkeypatch):
    trainer, said = trainer_of(), []
    dog = Watchdog(trainer, trainer.source.rollouter.verifiers, said.append, seconds=1.0)

    def judged():
        trainer.source.rollouter.verifiers.judged += 1

    Looks(dog, monkeypatch, 35, judged)
    assert said == []


def test_the_oldest_verdict_is_the_one_waited_for_longest():
    go_on = threading.Event()

    def waits(problem, completion):
        go_on.wait()
        return 0.0

    from paceline.types import Completion

    class Many:
        def batch(self, problems, completions):
            return [waits(p, c) for p, c in zip(problems, completions, strict=True)]

    with VerifierPool(Many(), RewardConfig(workers=2)) as verifiers:
        assert verifiers.longest_pending() is None and verifiers.judged == 0
        asked = [verifiers.submit(p, Completion((), (), "", "stop")) for p in PROBLEMS[3:6]]
        assert (
            verifiers.longest_pending().problem == "p3"
            and "Many" in verifiers.longest_pending().verifier
        )
        go_on.set()
        verifiers.flush()
        assert [future.result().reward for future in asked] == [0.0] * 3
        assert verifiers.longest_pending() is None and verifiers.judged == 3
