"""What a tracker is told of a run."""

from paceline.store.run import Run
from paceline.tracking.tracker import TrackedRun
from tests.helpers.fake_run import fake_run


def test_a_run_is_told_with_its_config_and_what_it_runs_on(tmp_path):
    run = Run(fake_run(tmp_path / "mine", 1, of=2, finished=False))
    told = TrackedRun.of(run, "wandb", 17)
    assert (told.name, told.pid, told.changes) == ("mine", 17, [])
    assert told.place == tmp_path / "mine/trackers/wandb"
    assert told.config == dict(run.description.config)
    assert told.about["version of torch"] == "2.13.0"
    assert told.about["command"].startswith("paceline train")


def test_a_run_of_an_early_version_without_an_identity_has_one_that_lasts(tmp_path):
    run = Run(fake_run(tmp_path / "mine", 1, of=1))
    assert run.description.id is None
    first, second = TrackedRun.of(run, "wandb").id, TrackedRun.of(run, "mlflow").id
    assert first == second and len(first) == 32 and first.isalnum()
    other = Run(fake_run(tmp_path / "other", 1, of=1))
    assert TrackedRun.of(other, "wandb").id != first
