"""The directory of a comparison, and its compare.json."""

import pytest

from paceline.analysis.compare.comparison import (
    About,
    Comparison,
    _give_up_checkpoints,
    held,
    owned,
    renew,
    write,
)
from paceline.analysis.compare.launcher import Failure
from paceline.errors import ConfigError
from paceline.store.places import create_run


@pytest.fixture
def result(trained):
    return Comparison(trained[0].path.parents[2])


def test_a_directory_without_figures_is_no_comparison(tmp_path):
    with pytest.raises(ConfigError, match=r"is not a comparison: it has no compare\.json"):
        Comparison.open(tmp_path)
    assert Comparison(tmp_path).data == {}


def test_figures_are_written_once_two_labels_have_a_finished_run(trained, tmp_path):
    result = Comparison(tmp_path)
    assert not write(result, About("tiny", trained[:1], None))
    assert not result.file.exists()


def test_the_record_is_that_of_the_runs(trained, result):
    failed = Failure(trained[1], "ValueError: no")
    assert write(result, About("tiny", trained, 0.5, [failed]))
    record = Comparison.open(result.path).record
    assert (record.complete, record.seeds, record.planned, record.finished) == (True, (0,), 2, 2)
    assert (record.baseline, record.asked_threshold, record.threshold) == ("grpo", 0.5, 0.5)
    assert [(f.run, f.why) for f in record.failed] == [("gspo seed 0", "ValueError: no")]
    assert record.same_start and record.command is None
    for label, one in record.objectives.items():
        summary = result.runs()[label][0].outcome
        assert summary is not None and summary.after is not None
        assert one.final_accuracy.per_seed == (summary.after.sampled_accuracy,)
        assert one.runs == (f"runs/{label}/seed-0",)
    assert result.data["sentences"] == list(record.sentences)


def test_a_comparison_is_computed_again_from_its_runs(trained, result):
    write(result, About("tiny", trained, 0.5))
    before = result.record
    result.file.write_text(result.file.read_text().replace('"threshold": 0.5', '"threshold": 0.1'))
    assert result.record.threshold == 0.1
    renew(result)
    assert result.record.threshold == 0.5
    assert result.record.objectives == before.objectives


def test_runs_that_are_gone_are_named(trained, result, tmp_path):
    write(result, About("tiny", trained, None))
    elsewhere = Comparison(tmp_path)
    elsewhere.file.write_bytes(result.file.read_bytes())
    with pytest.raises(ConfigError, match="runs/grpo/seed-0"):
        elsewhere.runs()
    with pytest.raises(ConfigError, match="runs/grpo/seed-0"):
        renew(elsewhere)


def test_a_file_that_lacks_a_key_is_refused_with_what_to_do(trained, result, tmp_path):
    write(result, About("tiny", trained, None))
    other = Comparison(tmp_path)
    other.file.write_text(result.file.read_text().replace('"baseline"', '"first"'))
    with pytest.raises(ConfigError, match="lacks 'baseline'; make the comparison again with the"):
        renew(other)


def test_checkpoints_that_were_to_be_kept_are_kept(tmp_path):
    for keep in (0, 2):
        run = create_run(tmp_path / str(keep))
        run.write_json("config.json", {"config": {"save_keep": keep}})
        (run.checkpoints / "step-000004").mkdir()
        _give_up_checkpoints(run)
        assert run.checkpoints.exists() == (keep == 0)
        run.release()


def test_a_directory_that_came_to_nothing_is_removed(tmp_path):
    with owned(tmp_path / "x"):
        assert (tmp_path / "x").is_dir()
    assert not (tmp_path / "x").exists()
    with owned(tmp_path / "x"):
        (tmp_path / "x" / "runs").mkdir()
    assert (tmp_path / "x" / "runs").is_dir()
    with owned(tmp_path / "x"):  # and it is one again
        pass
    assert (tmp_path / "x" / "runs").is_dir()


def test_a_directory_of_something_else_is_refused(trained, tmp_path):
    with pytest.raises(ConfigError, match="not a place for a comparison"), owned(trained[0].path):
        pass
    (tmp_path / "letter.txt").write_text("dear")
    file = tmp_path / "letter.txt"
    with pytest.raises(ConfigError, match="not a place for a comparison"), owned(file):
        pass
    with pytest.raises(ConfigError, match=r"holds other things \('letter.txt'\)"), owned(tmp_path):
        pass


def test_a_comparison_belongs_to_one_process_at_a_time(tmp_path):
    with (
        held(tmp_path),
        pytest.raises(ConfigError, match="Another process is making the comparison in"),
        held(tmp_path),
    ):
        pass
    with held(tmp_path):
        pass
