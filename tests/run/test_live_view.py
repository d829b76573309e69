"""The live view of a run that asks for it."""

import json
import subprocess
import sys
from urllib.request import urlopen

from paceline.companion import Companion
from paceline.run import train
from paceline.run.live_view import SERVE, live_view
from tests.helpers.fake_run import fake_run
from tests.helpers.runs import small
from tests.helpers.waiting import until


def test_the_address_is_told_and_shows_the_run_until_it_ends(tmp_path):
    run = fake_run(tmp_path / "run", 2, of=3)
    said = []
    with live_view(run, said.append):
        until(lambda: said)
        address = said[0].partition(" ")[0]
        assert said[0].startswith("http://127.0.0.1:") and str(run) in said[0]
        with urlopen(f"{address}state.json") as answer:
            (state,) = json.load(answer)
    assert (state["step"], state["steps"]) == (2, 3)


def test_a_view_that_cannot_be_served_stops_nothing(tmp_path):
    said = []
    with live_view(tmp_path / "nowhere", said.append):
        until(lambda: len(said) == 2)
    assert said[1].startswith("The report is not shown any more: its process ended")
    assert said[0].startswith("paceline: There is no folder")


def test_it_ends_with_the_process_of_the_run_however_that_ends(tmp_path):
    run = fake_run(tmp_path / "run", 2, of=3)
    said = []
    view = Companion(SERVE, [str(run)], said.append)
    until(lambda: said)
    assert said[0].startswith("http://127.0.0.1:")
    view.close()  # as when the run is killed
    assert view.ends_within(60)


def test_its_process_loads_nothing_that_only_training_needs(tmp_path):
    module = SERVE.partition(":")[0]
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_run_that_asks_for_it_is_trained_as_any_other(tmp_path):
    plain = train(small(tmp_path / "a"), quiet=True)
    watched = train(small(tmp_path / "b", watch=True), quiet=True)

    def weights(run):
        return (run.model / "model.safetensors").read_bytes()

    assert weights(plain) == weights(watched)
