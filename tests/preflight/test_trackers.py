"""Trackers that are not installed."""

from paceline.preflight.preflight import check
from paceline.preflight.trackers import PACKAGES, not_installed, remark
from tests.helpers.runs import small


def test_those_without_their_package_are_named_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setitem(PACKAGES, "mlflow", ("no_such_module", "mlflow"))
    monkeypatch.setitem(PACKAGES, "wandb", ("json", "wandb"))
    assert not_installed(["wandb", "mlflow"]) == ["mlflow"]
    notes = check(small(tmp_path / "run", tracker=("wandb", "mlflow")), timed=False).notes
    assert [note for note in notes if "tracked" in note] == [remark("mlflow")]
    assert remark("mlflow").endswith("not installed: pip install mlflow.")
