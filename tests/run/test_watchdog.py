"""A watchdog speaks when nothing goes on, names what is waited for, and is silent else."""

import threading
import time

from paceline.run.watchdog import Watchdog
from paceline.verify.judges import Judges, Rewards
from tests.training.test_trainer import PROBLEMS, trainer_of


def test_a_verdict_that_does_not_come_is_named():
    go_on, said = threading.Event(), []

    def hangs(problem, completion):
        if problem.id == "p7":
            go_on.wait(30)
        return 0.0

    trainer = trainer_of(verifier=hangs)
    # In the trainer's own process no call has a time limit.
    trainer.sampler.judges = Judges(hangs, Rewards(workers=0))

    def tell(text):
        said.append(text)
        go_on.set()

    with Watchdog(trainer, trainer.sampler.judges, tell, seconds=0.5):
        for _ in range(4):
            trainer.step()
    assert go_on.is_set() and len(said) == 1
    assert said[0].startswith("nothing has gone on for ") and "(sample)" in said[0]
    assert "the verdict of 'hangs' (test_watchdog.py) on problem p7 has been waited" in said[0]
    assert "; the trainer is at " in said[0]


def test_while_something_goes_on_it_is_silent():
    said = []
    trainer = trainer_of()
    with Watchdog(trainer, trainer.sampler.judges, said.append, seconds=1.0):
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            trainer.step()
    assert said == []


def test_the_oldest_verdict_is_the_one_waited_for_longest():
    go_on = threading.Event()

    def waits(problem, completion):
        go_on.wait(30)
        return 0.0

    from paceline.types import Completion

    class Many:
        def batch(self, problems, completions):
            return [waits(p, c) for p, c in zip(problems, completions, strict=True)]

    with Judges(Many(), Rewards(workers=2)) as judges:
        assert judges.oldest() is None and judges.judged == 0
        asked = [judges.ask(p, Completion((), (), "", "stop")) for p in PROBLEMS[3:6]]
        assert judges.oldest().problem == "p3" and "Many" in judges.oldest().verifier
        go_on.set()
        judges.settle()
        assert [future.result().reward for future in asked] == [0.0] * 3
        assert judges.oldest() is None and judges.judged == 3
