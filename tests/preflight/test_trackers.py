"""Trackers that are not installed."""

from paceline.preflight.preflight import check
from paceline.preflight.trackers import PACKAGES, missing_package, remark
from tests.helpers.runs import small


def test_those_without_their_package_are_named_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setitem(PACKAGES, "mlflow", "no_such_module")
    monkeypatch.setitem(PACKAGES, "wandb", "json")
    assert missing_package("wandb") is None and missing_package("mlflow") == "no_such_module"
    notes = check(small(tmp_path / "run", tracker=("wandb", "mlflow")), timed=False).notes
    assert [note for note in notes if "tracked" in note] == [remark("mlflow", "no_such_module")]
    assert remark("mlflow", "mlflow").endswith("mlflow is not installed: pip install mlflow.")
