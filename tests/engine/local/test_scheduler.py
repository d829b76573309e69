"""Continuous batching: who is admitted when, and what leaves the cache."""

import pytest

from paceline.engine import LocalEngine, Sampling
from paceline.engine.local.scheduler import Scheduler
from tests.helpers.requests import RAGGED, requests, token_ids


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 7, 100])
def test_places_are_refilled_and_nothing_else_changes(sharp, rows_at_once):
    sharp.stop_ids = ()
    sampling = Sampling(12)
    answers = LocalEngine(sharp, rows_at_once=rows_at_once).generate(RAGGED, sampling)
    assert [tuple(len(c.token_ids) for c in g) for g in answers] == [r.limits for r in RAGGED]
    alone = [LocalEngine(sharp).generate([r], sampling)[0] for r in RAGGED]
    assert token_ids(answers) == token_ids(alone)


def test_the_queue_is_decoded_in_few_steps(sharp, monkeypatch):
    # 20 rows at 8 places: batches that wait for their longest row would take 8 + 11 + 9 steps;
    # refilled places take one more than the longest row alone.
    sharp.stop_ids, steps = (), []
    step = Scheduler._step
    monkeypatch.setattr(
        Scheduler, "_step", lambda self: (steps.append(len(self.running)), step(self))
    )
    LocalEngine(sharp, rows_at_once=8).generate(RAGGED, Sampling(12))
    # First tokens come with the prompts, the others are decoded one a step: nothing is wasted.
    assert sum(steps) == sum(n - 1 for r in RAGGED for n in r.limits)
    assert len(steps) == 12


def test_prompts_go_through_the_model_in_bounded_passes(sharp, monkeypatch):
    whole = LocalEngine(sharp).generate(requests(2), Sampling(6))
    monkeypatch.setattr("paceline.engine.local.scheduler.PREFILL_TOKENS", 4)
    again = LocalEngine(sharp).generate(requests(2), Sampling(6))
    assert token_ids(again) == token_ids(whole)
