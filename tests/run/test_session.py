"""One process's stretch of a run: what its listeners hear, and what it leaves when it stops."""

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from paceline.errors import DivergedError, UnfitCheckpointError
from paceline.preflight.load import load
from paceline.run import Run, build, train
from paceline.run.continuation import config_of, find
from paceline.run.describe import described
from paceline.run.listeners import Listener
from paceline.run.screen import Screen
from paceline.run.session import MOST_SKIPPED, Session, restore
from paceline.run.signals import Interrupts
from paceline.store.places import create_run
from paceline.store.rounds import read_round
from paceline.training import Optimizer, Trainer
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.records import a_measurement
from tests.helpers.runs import small

UNMEASURED = {"problems": 0}


class Heard(Listener):
    """Keeps what it hears, in order; raises at a step, if it shall."""

    def __init__(self, raises_at: int | None = None):
        self.heard: list[object] = []
        self.raises_at = raises_at

    def begins(self, before):
        self.heard.append(("begins", before and before.n))

    def evaluated(self, title, measured):
        self.heard.append(title)

    def step(self, record, round):
        self.heard.append((record.step, round and round.index))
        if record.step == self.raises_at:
            raise ValueError("a listener of mine")

    def event(self, event):
        self.heard.append(event.kind)


def go(out: Path, listener: Listener, **changes) -> Run:
    """A run from its start, with one more listener."""
    loaded = load(small(out, **changes))
    run = create_run(out)
    run.write_json("config.json", described(loaded).to_json())
    screen = Screen(9, console=Console(file=io.StringIO()))
    with VerifierPool(loaded.task.verifier, RewardConfig(workers=0)) as verifiers:
        session = Session(loaded, run, screen, verifiers, Interrupts())
        session.listeners = (*session.listeners, listener)
        try:
            session.go()
        finally:
            run.release()
    return run


def test_a_listener_hears_of_everything_in_order(tmp_path):
    heard = Heard()
    evaluation = {"problems": 4, "completions": 1, "every": 2}
    go(tmp_path / "r", heard, steps=3, schedule={"minibatches": 2}, evaluation=evaluation)
    assert heard.heard == [
        "before training", ("begins", 4), (1, 0), "after step 2", (2, 0), (3, 1), "after training",
        "finished",
    ]  # fmt: skip


def test_an_error_of_a_listener_stops_the_run_after_a_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="a listener of mine"):
        go(tmp_path / "r", Heard(raises_at=2), save_every=0, evaluation=UNMEASURED)
    run = Run.open(tmp_path / "r")
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-000002"]
    assert run.summary["stopped"] == "ValueError: a listener of mine"
    assert (run.model / "model.safetensors").is_file() and (run.path / "report.html").is_file()
    assert [line["step"] for line in run.metrics()] == [1, 2]


def test_accuracy_that_is_known_is_not_measured_again(tmp_path, capsys):
    evaluation = {"problems": 4, "completions": 1}
    config = small(tmp_path / "r", steps=1, evaluation=evaluation)
    run = train(config, before=a_measurement(0.25, n=4))
    assert run.summary["before"] == a_measurement(0.25, n=4).to_json()
    said = capsys.readouterr().out
    assert "before training, measured elsewhere: sampled 25.0 %" in said
    assert "evaluating before training" not in said and "evaluating after training" in said


# Gradients that are not finite


@pytest.fixture
def nothing_finite_in(monkeypatch):
    """Let the gradient of some steps be no number."""

    def patch(steps):
        step = Optimizer.step

        def broken(self, number, **options):
            if number in steps:
                self.masters[0].grad.fill_(float("nan"))
            return step(self, number, **options)

        monkeypatch.setattr(Optimizer, "step", broken)

    return patch


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """True if all weights that both have are equal; a weight that is tied stands in one only."""
    both = one.keys() & other.keys()
    return len(both) > 10 and all(torch.equal(one[name], other[name]) for name in both)


def test_a_run_that_diverged_leaves_the_model_of_its_last_checkpoint(tmp_path, nothing_finite_in):
    nothing_finite_in(range(6, 99))
    decay = {"weight_decay": 0.5}  # every step changes the weights, whatever was sampled
    config = small(
        tmp_path / "r", steps=20, save_every=2, save_keep=0, evaluation=UNMEASURED, optimizer=decay
    )
    with pytest.raises(DivergedError) as stopped:
        train(config, quiet=True)
    assert str(stopped.value) == (
        "The gradient was not finite in 5 steps in a row, the last of them step 10; the model is "
        "that of step 4 again, the last checkpoint. Lower optimizer.lr, or look at the last rounds "
        "in the report."
    )
    run = Run.open(tmp_path / "r")
    # Steps 6, 8 and 10 would have been saved: not among steps whose gradient is not finite. Step 5
    # has changed the model.
    names = sorted(path.name for path in run.checkpoints.iterdir())
    assert names == ["step-000002", "step-000004"]
    folder = run.checkpoints / "step-000004"
    assert same(
        load_file(run.model / "model.safetensors"), load_file(folder / "policy.safetensors")
    )
    assert [line["skipped"] for line in run.metrics()] == [False] * 5 + [True] * MOST_SKIPPED
    assert run.summary["counters"]["steps_skipped"] == MOST_SKIPPED


def test_without_a_checkpoint_it_leaves_no_model(tmp_path, nothing_finite_in):
    nothing_finite_in(range(99))
    with pytest.raises(DivergedError, match="there is no checkpoint to go back to"):
        train(small(tmp_path / "r", steps=20, evaluation=UNMEASURED), quiet=True)
    run = Run.open(tmp_path / "r")
    assert not run.model.exists() and list(run.checkpoints.iterdir()) == []
    assert run.summary["stopped"].startswith("DivergedError: The gradient was not finite in 5")


def test_a_few_such_steps_are_passed_over(tmp_path, nothing_finite_in):
    nothing_finite_in((2, 3, 4, 5, 7))
    run = train(small(tmp_path / "r", steps=8, evaluation=UNMEASURED), quiet=True)
    assert run.finished and run.summary["counters"]["steps_skipped"] == 5


# Going on


@pytest.fixture
def taken_up(copy) -> tuple[Trainer, Run]:
    """A fresh trainer of the stopped run, at its first step."""
    run = Run(copy)
    loaded = load(config_of(run))
    return build.trainer_of(loaded, build.policy_of(loaded)), run


def test_a_checkpoint_is_restored_with_the_round_in_use(taken_up):
    trainer, run = taken_up
    found, _ = find(run)
    assert found is not None
    restore(trainer, found, run)
    assert (trainer.steps, trainer.rounds, trainer.part) == (5, 3, 1)
    assert trainer.sampled is not None
    kept = read_round(run.rollouts_of(2), trainer.source.problem_at)
    assert trainer.sampled.round.rollouts == kept.rollouts
    weights = dict(trainer.policy.exact_parameters())
    assert same(weights, load_file(found.folder / "policy.safetensors"))


def test_a_round_of_other_problems_is_refused_before_anything_is_changed(taken_up):
    trainer, run = taken_up
    found, _ = find(run)
    assert found is not None
    path = run.rollouts_of(2)
    table = pq.read_table(path)
    place = table.schema.get_field_index("problem_id")
    pq.write_table(table.set_column(place, "problem_id", [["gone"] * table.num_rows]), path)
    said = r"^cannot read its round: .* asked problem gone at"
    with pytest.raises(UnfitCheckpointError, match=said):
        restore(trainer, found, run)
    assert (trainer.steps, trainer.rounds, trainer.sampled) == (0, 0, None)
