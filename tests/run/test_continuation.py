"""Before a run goes on: its files found and compared, with nothing changed until all is sound."""

import io
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from paceline.errors import CheckpointError, ConfigError, DataError
from paceline.objective import named
from paceline.preflight.environment import environment_of
from paceline.preflight.load import load
from paceline.run import continuation
from paceline.run.continuation import check_fits, clear, find, newest, tell, with_limits
from paceline.run.screen import Screen
from paceline.store.checkpoint import FoundCheckpoint, OtherSchemaError
from paceline.store.description import CODE_PREFIX, Changes
from paceline.store.run import Run
from tests.helpers.checkpoints import other_schema
from tests.helpers.stopped_runs import of_eight_steps


@pytest.fixture
def run(copy: Path) -> Run:
    """The stopped run: checkpoints of steps 4 and 5, of which the last is inside a round."""
    return Run(copy)


def a_screen() -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(8, console=Console(file=out, width=200, soft_wrap=True, highlight=False)), out


def damage(run: Run, step: int) -> None:
    """Half of a checkpoint's policy is lost."""
    path = run.checkpoints / f"step-{step:06d}" / "policy.safetensors"
    os.truncate(path, path.stat().st_size // 2)


def described(run: Run, **changes: object) -> None:
    """Write the run's config.json with other values."""
    run.write_json("config.json", {**run.config, **changes})


# Its config


def test_the_config_is_that_of_the_run(run):
    assert continuation.config_of(run) == of_eight_steps(run.path).with_(
        out=run.description.config["out"]
    )


def test_what_is_put_in_place_of_a_key_is_taken_and_the_runs_own_is_not_read(run):
    config = {**run.config["config"], "objective": {"function": "gone.py:mine"}}
    described(run, config=config)
    with pytest.raises(ConfigError, match=r"There is no file '.*gone.py'"):
        continuation.config_of(run)
    other = continuation.config_of(run, {"objective": named.dr_grpo()})
    assert other.objective == named.dr_grpo() and other.steps == 8


def test_a_run_of_a_version_that_could_not_resume_is_told(run):
    config = run.config
    del config["id"]
    run.write_json("config.json", config)
    with pytest.raises(ConfigError) as refused:
        continuation.stored_config(run)
    assert str(refused.value) == (
        f"'{run.path}' was made by a version of paceline that could not resume; start it again with"
        f" `paceline train {run.path / 'config.json'}`."
    )


# Its checkpoint


def found_steps(run: Run, before: int | None = None) -> tuple[int | None, list[str]]:
    """The step of the newest whole checkpoint, and the names of those that are broken."""
    found, broken = newest(run, before)
    return found and found.state.step, [path.name for path, _ in broken]


def test_the_newest_checkpoint_that_is_whole_is_taken(run):
    assert found_steps(run) == (5, []) and found_steps(run, before=5) == (4, [])
    assert found_steps(run, before=4) == (None, [])
    damage(run, 5)
    assert found_steps(run) == (4, ["step-000005"])
    damage(run, 4)
    assert found_steps(run) == (None, ["step-000005", "step-000004"])


def test_lines_that_are_missing_break_a_checkpoint(run):
    size = run.lines.stat().st_size
    os.truncate(run.lines, size - 1)
    found, ((path, why),) = newest(run)
    assert found is not None and found.state.step == 4 and path.name == "step-000005"
    assert str(why) == f"metrics.jsonl has only {size - 1} of {size} bytes"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"."), "has other bytes than it had"),
        (lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_the_round_in_use_belongs_to_a_checkpoint_in_its_middle(run, change, says):
    change(run.rollouts_of(2))
    found, ((_, why),) = newest(run)
    assert str(why) == f"the round in use, round-000002.parquet, {says}"
    assert found is not None and found.state.step == 4  # at the end of a round: it needs none


def test_where_none_is_whole_nothing_is_begun_again(run):
    for step in (4, 5):
        damage(run, step)
    with pytest.raises(CheckpointError) as refused:
        find(run)
    told = str(refused.value)
    assert told.startswith(f"No checkpoint of '{run.path}' is whole (step-000005: policy.")
    assert "; step-000004: policy." in told
    assert told.endswith(f"start it again with `paceline train {run.path / 'config.json'}`.")


def test_a_checkpoint_of_another_version_is_not_passed_over(run):
    other_schema(run.checkpoints / "step-000005")
    with pytest.raises(OtherSchemaError, match="is a checkpoint of schema 2"):
        find(run)


@pytest.mark.parametrize(
    ("every", "why"),
    [(2, r"\(they are gone, or could not be saved\)"), (0, r"\(save_every is 0\)")],
)
def test_a_run_with_more_steps_than_it_may_lose_is_not_begun_again(run, every, why):
    shutil.rmtree(run.checkpoints)
    described(run, config={**run.config["config"], "save_every": every})
    with pytest.raises(CheckpointError, match=rf"made 5 steps and has no checkpoint .* {why}"):
        find(run)


def test_a_young_run_begins_again(run):
    shutil.rmtree(run.checkpoints)
    described(run, config={**run.config["config"], "save_every": 5})
    assert find(run) == (None, [])


# What may have changed


def fits(
    run: Run,
    changes: Changes | None = None,
    found: FoundCheckpoint | None = None,
    named_keys: tuple[str, ...] = (),
    config=None,
    **hashes: str,
) -> None:
    """Check that the run may go on with these changes, and files that have other hashes."""
    loaded = load(config or continuation.config_of(run))
    now = environment_of(loaded)
    now = replace(now, fingerprints={**now.fingerprints, **hashes})
    check_fits(run, loaded, now, changes or {}, named_keys, found)


def test_what_has_not_changed_fits(run):
    found, _ = find(run)
    fits(run, found=found)
    fits(run, {"steps": (8, 9), "optimizer.lr": (0.01, 0.5)}, found)


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("problems", DataError, r"The problems of the task, .* not those of the run; put the old"),
        ("tokenizer", ConfigError, r"The model's tokenizer .* not those of the run; put the old"),
    ],
)
def test_problems_and_tokenizer_are_those_of_the_run(run, kind, error, says):
    found, _ = find(run)
    with pytest.raises(error, match=says):
        fits(run, found=found, **{kind: "other"})


def test_other_problems_pass_where_the_change_is_named(run):
    found, _ = find(run)
    with pytest.raises(DataError, match=r"or name the change: `paceline resume .*/r task\.KEY=…`"):
        fits(run, found=found, problems="other", named_keys=("optimizer.lr",))
    fits(run, found=found, problems="other", named_keys=("task.high",))


def test_other_weights_matter_only_where_the_run_begins_again(run):
    config = run.config
    config["fingerprints"]["model"] = "of other weights"
    run.write_json("config.json", config)
    fits(run, found=find(run)[0])
    with pytest.raises(ConfigError, match=r"files are not those of the run; put the old ones back"):
        fits(run, found=None)


def test_what_a_round_was_sampled_with_changes_between_rounds_only(run):
    middle, end = find(run)[0], newest(run, before=5)[0]
    change = {"rollouts.temperature": (1.0, 0.7)}
    with pytest.raises(ConfigError) as refused:
        fits(run, change, middle)
    assert str(refused.value) == (
        "The run resumes in the middle of a round, after step 5, in which rollouts.temperature "
        "cannot change; resume without the change until the round's end (steps=N), then with it."
    )
    fits(run, change, end)


def test_a_change_that_was_made_after_the_checkpoint_counts_too(run):
    middle, _ = find(run)
    described(run, changes=[{"step": 6, "keys": {"objective": ["a", "b"]}}])
    with pytest.raises(ConfigError, match="after step 5, in which objective cannot change"):
        fits(run, found=middle)


def test_a_reference_that_follows_must_be_in_the_checkpoint(run):
    found, _ = find(run)
    config = continuation.config_of(run).with_(objective=named.grpo(kl=0.1))
    with pytest.raises(ConfigError, match=r"no reference that follows the policy, as reference.ev"):
        fits(run, found=found, config=config.with_(reference={"every": 1}))
    fits(run, found=found, config=config.with_(reference={"every": 0}))
    fits(run, found=found, config=config.with_(objective=named.grpo(), reference={"every": 1}))


# Going back to the checkpoint


def test_what_was_written_after_the_checkpoint_is_removed(run):
    screen, out = a_screen()
    leftover = run.checkpoints / "step-000006.tmp-77"
    leftover.mkdir()
    with run.lines.open("a") as file:
        file.write('{"step": 6, "rew')
    for name in ("round-000003.parquet", "round-000003.parquet.tmp"):
        (run.rollouts / name).write_bytes(b"later")
    found, _ = find(run)
    clear(run, found, [], screen)
    assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4, 5]
    assert found is not None and run.lines.stat().st_size == found.state.metrics_bytes
    kept = [f"round-00000{i}.parquet" for i in range(3)]
    assert sorted(path.name for path in run.rollouts.iterdir()) == kept
    assert not leftover.exists() and out.getvalue() == ""


def test_without_a_checkpoint_everything_is_written_again(run):
    clear(run, None, [], a_screen()[0])
    assert list(run.metrics()) == [] and list(run.rollouts.iterdir()) == []


def test_broken_checkpoints_are_put_aside_under_a_name_that_is_free(run):
    screen, out = a_screen()
    (run.checkpoints / "step-000005.broken").mkdir()
    damage(run, 5)
    found, broken = find(run)
    clear(run, found, broken, screen)
    names = sorted(path.name for path in run.checkpoints.iterdir())
    assert names == ["step-000004", "step-000005.broken", "step-000005.broken-2"]
    last = list(run.events())[-1]
    told = "checkpoint step-000005 is put aside as step-000005.broken-2: policy.safetensors has"
    assert last["kind"] == "broken" and last["text"].startswith(told)
    assert told in out.getvalue() and out.getvalue().endswith("; an earlier one is taken.\n")


def test_where_it_goes_on_and_what_changed_is_told(run):
    screen, out = a_screen()
    config = continuation.config_of(run)
    now = environment_of(load(config))
    now = replace(
        now,
        versions={**now.versions, "torch": "0.1"},
        machine={**now.machine, "cpus": 999},
        fingerprints={**now.fingerprints, f"{CODE_PREFIX}mine.py": "ab" * 32},
    )
    was = run.description.versions["torch"]
    others = tell(run, config, now, {"optimizer.lr": (0.01, 0.5)}, find(run)[0], screen)
    assert others == [f"torch was {was} and is 0.1"]  # neither processors nor a file that is new
    assert out.getvalue().splitlines() == [
        f"paceline: tiny  →  {run.path}, after step 5 of 8",
        "  optimizer.lr: 0.01 → 0.5",
        f"  note: torch was {was} and is 0.1; the run continues, but not bit for bit as before.",
    ]
    screen, out = a_screen()
    assert tell(run, config, environment_of(load(config)), {}, None, screen) == []
    assert out.getvalue().splitlines() == [f"paceline: tiny  →  {run.path}, from the start"]


def test_a_limit_of_memory_that_was_asked_for_replaces_the_checkpoints(run):
    found, _ = find(run)
    assert found is not None
    config = continuation.config_of(run).with_(tokens_per_forward=512, rows_at_once=7)
    own = found.state.trainer["tokens_per_forward"]
    assert with_limits(found, config, run, {"steps": (8, 9)}) == found
    asked = with_limits(found, config, run, {"tokens_per_forward": (own, 512)})
    assert asked is not None and asked.folder == found.folder
    assert asked.state.trainer == {**found.state.trainer, "tokens_per_forward": 512}
    # A change of an earlier session counts as long as no checkpoint was saved since.
    for step, limit in ((5, 512), (4, own)):
        described(run, changes=[{"step": step, "keys": {"tokens_per_forward": [own, 512]}}])
        again = with_limits(found, config, run, {})
        assert again is not None and again.state.trainer["tokens_per_forward"] == limit
    assert with_limits(None, config, run, {}) is None
