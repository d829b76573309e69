"""What is said of going on with a run, where its reward is in a file and where it is not."""

from pathlib import Path

from paceline import recipes
from paceline.config import to_json
from paceline.store.hints import go_on, go_on_with, start_again
from paceline.tasks import Rows

RUN = Path("runs/demo")


FILE = to_json(recipes.tiny().with_(task=Rows("q.csv", reward="mine.py:own")))
SESSION = to_json(recipes.tiny().with_(task=Rows("q.csv", reward=lambda *_: 1.0)))


def test_with_a_reward_that_a_file_holds_a_command_goes_on():
    assert go_on(RUN, FILE) == "`paceline resume runs/demo`"
    assert go_on(RUN, FILE, "steps=N") == "`paceline resume runs/demo steps=N`"
    assert go_on_with(RUN, FILE, "optimizer.lr", "0.5") == (
        "`paceline resume runs/demo optimizer.lr=0.5`"
    )
    assert start_again(RUN, FILE) == "`paceline train runs/demo/config.json`"


def test_with_a_reward_of_a_session_only_that_session_does():
    there = " in the session that has its reward"
    assert go_on(RUN, SESSION) == f"`paceline.resume('runs/demo', config)`{there}"
    assert go_on(RUN, SESSION, "steps=N") == (
        f"`paceline.resume('runs/demo', config.with_(steps=N))`{there}"
    )
    assert go_on_with(RUN, SESSION, "optimizer.lr", "0.5") == (
        f"`paceline.resume('runs/demo', config, named=['optimizer.lr'])`{there}"
    )
    assert start_again(RUN, SESSION) == f"`paceline.train(config)`{there}"
