"""The one schema of what a run writes down."""

import json
import math

import pytest

from paceline.errors import UserError
from paceline.objective import named
from paceline.recipes import tiny
from paceline.run import train
from paceline.store import Event, Measured, StepRecord, Summary
from paceline.store.records import OF_CRITIC, OF_SEARCH, SOMETIMES, Share, counters_of
from tests.helpers.records import PLAIN, a_measurement, a_step
from tests.helpers.trainers import trainer_of


def test_a_step_is_written_and_read_again_as_it_is():
    record = a_step(evaluation=a_measurement(0.4))
    assert StepRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert list(a_step().to_json()) == list(PLAIN), "in the order in which it is declared"


def test_keys_of_another_version_are_kept_and_absent_ones_stay_absent():
    line = {**PLAIN, "temperature": 0.7}
    del line["empty"], line["accuracy_refused"]
    record = StepRecord.from_json(line)
    assert record.unknown == {"temperature": 0.7} and record.empty == 0.0
    assert {"empty", "accuracy_refused", "evaluation", *SOMETIMES} == record.absent
    assert sorted(record.to_json().items(), key=str) == sorted(line.items(), key=str)


def test_beside_a_critic_a_step_has_its_figures_and_else_none_of_them():
    report = trainer_of(named.ppo()).step()
    measured, record = report.critic.measured, StepRecord.of(report)
    assert record.value == 0 and record.value_target == measured.target > 0
    assert record.explained_variance == 0, "V is 0 everywhere"
    assert (record.value_loss, record.critic_grad_norm) == (measured.loss, report.critic.grad_norm)
    assert record.to_json().keys() >= OF_CRITIC
    without = StepRecord.of(trainer_of().step())
    assert not OF_CRITIC & without.to_json().keys() and without.value is None


def test_where_a_line_search_was_made_a_step_has_its_figures():
    report = trainer_of(lr=2e-2, trust=1e-3).step()
    record = StepRecord.of(report)
    assert (record.step_kl, record.step_share) == (report.searched.kl, report.searched.share)
    assert not OF_SEARCH & StepRecord.of(trainer_of().step()).to_json().keys()


def test_an_accuracy_is_a_share_with_its_interval_where_that_is_known():
    one = a_measurement(0.5, intervals={"sampled_accuracy": [0.46, 0.54]}, greedy_accuracy=0.6)
    assert one.sampled == Share(0.5, (0.46, 0.54)) and one.sampled.bounds == (0.46, 0.54)
    assert one.greedy == Share(0.6, None) and all(map(math.isnan, one.greedy.bounds))


@pytest.mark.parametrize("key", ["step", "round", "reward", "groups", "seconds"])
def test_a_line_that_lacks_what_every_version_writes_names_it(key):
    with pytest.raises(UserError, match=f"The step lacks '{key}'"):
        StepRecord.from_json({k: v for k, v in PLAIN.items() if k != key})


@pytest.mark.parametrize("data", [None, [], 5, "step"])
def test_what_is_no_object_is_no_record(data):
    with pytest.raises(UserError, match="is a JSON object, not"):
        Event.from_json(data)


def test_what_is_no_finite_number_is_none():
    record = StepRecord.from_json(
        {**PLAIN, "entropy": float("nan"), "kl": "much", "grad_norm": True}
    )
    assert (record.entropy, record.kl, record.grad_norm) == (None, None, None)


def test_a_run_has_nothing_but_records(tmp_path):
    config = tiny().with_(steps=4, out=str(tmp_path / "run"), **{"evaluation.every": 2})
    run = train(config, quiet=True)
    steps, events = list(run.records()), list(run.event_records())
    for records, lines in ((steps, run.metrics()), (events, run.events())):
        assert [record.to_json() for record in records] == list(lines)
        assert not any(record.unknown for record in records)
    without = {"evaluation", *SOMETIMES}
    assert [record.absent for record in steps] == [without, SOMETIMES, without, without]
    assert isinstance(steps[1].evaluation, Measured) and steps[1].evaluation.n == 10
    summary = run.outcome
    assert isinstance(summary, Summary) and summary.finished and summary.steps == 4
    assert summary.to_json() == run.summary and not (summary.unknown or summary.absent)
    assert summary.counters == counters_of(steps, events)


def test_counters_take_what_steps_share_once():
    steps = [a_step(part=part, groups_lost=2, skipped=part == 1, rows_trained=0) for part in (0, 1)]
    events = [Event(time="", kind="resumed", step=1), Event(time="", kind="note", step=1)]
    found = counters_of(steps, events)
    assert (found["groups_lost"], found["steps_skipped"], found["steps_without_signal"]) == (
        2,
        1,
        2,
    )
    assert found["resumes"] == 1 and found["stuck"] == 0
