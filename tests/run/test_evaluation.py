"""Accuracy on held-out problems, measured as the config says."""

import io

import pytest
import torch
from rich.console import Console

from paceline.engine import ScriptedEngine
from paceline.errors import Interrupted
from paceline.layout import TokenRows
from paceline.model import load_tokenizer, resolve
from paceline.preflight.load import load
from paceline.preflight.rows import with_rows
from paceline.run import build, evaluation
from paceline.run.evaluation import Evaluator
from paceline.run.screen import Screen
from paceline.run.signals import Interrupts
from paceline.training import Trainer, TrainerHooks
from paceline.types import Round
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.line_configs import small_dpo, small_reward_model
from tests.helpers.made_tasks import config_of

RIGHT = "4712"
"""The answer of the one held-out problem."""


class Told(TrainerHooks):
    """Keeps what is told when memory runs out."""

    def __init__(self):
        self.told = []

    def out_of_memory(self, what):
        self.told.append(what)


class Short(ScriptedEngine):
    """An engine whose memory suffices for two rows at once."""

    rows = 8

    def generate(self, requests, sampling, finished=None):
        if self.rows > 2:
            raise RuntimeError("CUDA out of memory.")
        return super().generate(requests, sampling, finished)

    def shrink(self):
        self.rows //= 2
        return "half as many completions are sampled at once now"


def scripted(script, kind=ScriptedEngine):
    """An engine that answers with a script's text."""
    return kind(script, load_tokenizer(resolve("tiny")), 2)


def made(engine, interrupts: Interrupts | None = None, **evaluation):
    """An evaluator, a trainer whose engine answers, and what is printed."""
    out = io.StringIO()
    section = {"problems": 1, "completions": 2, "max_tokens": 9} | evaluation
    loaded = load(config_of(evaluation=section))
    screen = Screen(9, console=Console(file=out, width=100, soft_wrap=True))
    verifiers = VerifierPool(loaded.task.verifier, RewardConfig(workers=0))
    trainer: Trainer = build.trainer_of(loaded, build.policy_of(loaded), Told())
    trainer.engine = engine
    return Evaluator(loaded, verifiers, screen, interrupts or Interrupts()), trainer, out


def test_accuracy_is_measured_on_the_held_out_problems():
    texts = iter(["4712", "4712", "no"])  # greedy, then two that are sampled
    evaluator, trainer, out = made(scripted(lambda prompt, stream: next(texts)))
    found = evaluator.measure(trainer, "before training")
    assert found is not None and (found.task, found.n) == ("made", 1)
    assert (found.greedy_accuracy, found.sampled_accuracy, found.cut) == (1.0, 0.5, 0.0)
    assert out.getvalue() == "evaluating before training …\n"


def test_it_is_sampled_as_the_evaluations_section_says():
    asked = []

    class Keeps(ScriptedEngine):
        def generate(self, requests, sampling, finished=None):
            asked.append((sampling, [len(request.streams) for request in requests]))
            return super().generate(requests, sampling, finished)

    section = {"completions": 3, "max_tokens": 3, "temperature": 0.7}
    evaluator, trainer, _ = made(scripted(lambda prompt, stream: RIGHT, Keeps), **section)
    found = evaluator.measure(trainer, "before training")
    assert found is not None and found.cut == 1.0  # four digits, of which three are allowed
    (greedy, once), (sampled, three) = asked
    assert greedy.greedy and sampled.temperature == 0.7 and (once, three) == ([1], [3])
    assert greedy.max_tokens == sampled.max_tokens == 3


def test_without_problems_nothing_is_measured():
    evaluator, trainer, out = made(
        scripted(lambda prompt, stream: pytest.fail("asked")), problems=0
    )
    assert evaluator.measure(trainer, "before training") is None and out.getvalue() == ""


def test_where_memory_runs_out_fewer_rows_are_sampled_at_once():
    evaluator, trainer, _ = made(scripted(lambda prompt, stream: RIGHT, Short))
    found = evaluator.measure(trainer, "after training")
    assert found is not None and found.sampled_accuracy == 1.0
    assert isinstance(trainer.hooks, Told)
    assert trainer.hooks.told == ["half as many completions are sampled at once now"] * 2


def test_it_may_be_broken_off():
    interrupts = Interrupts()
    evaluator, trainer, _ = made(scripted(lambda prompt, stream: pytest.fail("asked")), interrupts)
    interrupts.number = 2  # a signal that has arrived
    with pytest.raises(Interrupted):
        evaluator.measure(trainer, "before training")


# Pairs


def of_rows(config):
    """An evaluator and the trainer of a run on rows that bring their completions."""
    loaded = with_rows(load(config))
    screen = Screen(9, console=Console(file=io.StringIO(), width=100))
    verifiers = VerifierPool(loaded.task.verifier, RewardConfig(workers=0))
    trainer: Trainer = build.trainer_of(loaded, build.model_of(loaded), Told())
    return Evaluator(loaded, verifiers, screen, Interrupts()), trainer


def test_at_the_reference_half_of_the_pairs_are_in_order():
    evaluator, trainer = of_rows(small_dpo())
    found = evaluator.measure(trainer, "before training")
    assert (found.pairs, found.pair_accuracy, found.pair_margin) == (8, 0.5, 0.0)
    # The likelihood of the preferred ones is measured beside it, and no reward model's figures.
    assert found.rows == 8 and found.nll > 1 and found.calibration_error is None
    for _ in range(3):
        trainer.step()
    later = evaluator.measure(trainer, "after step 3", last=True)
    assert later.pair_margin > 0 and later.temperature is None


def test_a_reward_models_scores_are_divided_in_the_folder_and_not_where_it_trains():
    evaluator, trainer = of_rows(small_reward_model())
    rows = TokenRows.of(Round(0, evaluator.loaded.rows.heldout))
    for _ in range(4):
        trainer.step()
    before = trainer.policy.score_ends(rows)
    between = evaluator.measure(trainer, "after step 4")
    assert trainer.policy.temperature == 1.0 and between.temperature is None
    assert between.n == between.pairs == 8 and between.nll is None
    last = evaluator.measure(trainer, "after training", last=True)
    # A checkpoint that is saved from here on is that of a run that was not measured.
    assert torch.equal(trainer.policy.score_ends(rows), before)
    assert trainer.policy.temperature == last.temperature
    assert last.calibration_error_before == pytest.approx(between.calibration_error)
    assert last.pair_margin == pytest.approx(between.pair_margin / last.temperature)
    assert last.pair_accuracy == between.pair_accuracy
    again = evaluator.measure(trainer, "after training", last=True)
    assert again.temperature == pytest.approx(last.temperature)


def test_an_order_that_is_wrong_is_left_as_it_is(monkeypatch):
    evaluator, trainer = of_rows(small_reward_model())
    monkeypatch.setattr(evaluation, "temperature_of", lambda _: None)
    rows = TokenRows.of(Round(0, evaluator.loaded.rows.heldout))
    before = trainer.policy.score_ends(rows)
    assert evaluator.measure(trainer, "after training", last=True).temperature is None
    assert torch.equal(trainer.policy.score_ends(rows), before)
