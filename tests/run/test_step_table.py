"""The lines of the table of steps."""

from paceline.run.step_table import (
    CRITIC_HEADER,
    GIVEN_HEADER,
    PAIRS_HEADER,
    SAMPLED_HEADER,
    StepLine,
)
from tests.helpers.records import a_given_step, a_pair_step, a_step


def test_a_step_that_sampled_tells_what_was_right():
    line = StepLine(a_step(step=3), 100, left=194.0)
    assert line.header == SAMPLED_HEADER
    assert str(line).split()[:3] == ["3/100", "50", "%"] and str(line).split()[-2:] == ["3", "min"]


def test_a_step_beside_a_critic_tells_its_forecast_beside_the_reward():
    line = StepLine(a_step(step=3, value=0.456), 100, left=194.0)
    assert line.header == CRITIC_HEADER and len(CRITIC_HEADER) == len(SAMPLED_HEADER)
    assert len(str(line)) == len(str(StepLine(a_step(step=3), 100, left=194.0)))
    at = CRITIC_HEADER.index("mean V") + len("mean V")
    assert str(line)[:at].endswith("  0.46") and "6/8" not in str(line)


def test_a_step_on_rows_tells_their_likelihood():
    line = StepLine(a_given_step(step=3, nll=0.6931, end_probability=0.987), 30, left=12.0)
    assert line.header == GIVEN_HEADER
    words = str(line).split()
    # e^0.6931 is 2; 64 rows of 100 tokens, a gradient of 1, 500 tokens a second, 6.9 s a step.
    figures = ["3/30", "0.6931", "2.00", "99", "%", "64", "100.0", "1", "500", "6.9", "12", "s"]
    assert words == figures


def test_a_step_on_pairs_tells_their_order_and_both_rewards():
    line = StepLine(a_pair_step(step=3), 30, left=12.0)
    assert line.header == PAIRS_HEADER
    # The helper's pairs: −0.1 − (−0.4) = 0.3; 100 tokens, a gradient of 1, 6.9 s a step.
    figures = ["3/30", "0.6000", "75", "%", "+0.300", "-0.100", "-0.400", "100.0", "1", "6.9"]
    assert str(line).split() == [*figures, "12", "s"]
    scores = StepLine(a_pair_step(nll=None, pair_accuracy=None, chosen_reward=None), 30, left=0.0)
    assert scores.header == PAIRS_HEADER and str(scores).split().count("–") == 2


def test_all_fit_a_terminal_of_80_columns():
    huge = {"pair_loss": 123.45678, "pair_accuracy": 1.0, "grad_norm": 1234567.0}
    rewards = {"chosen_reward": -98765.4, "rejected_reward": 98765.4, "pair_margin": -1.5e7}
    for record in (
        a_step(step=9999),
        a_given_step(step=9999, nll=12.34567, grad_norm=1234567.0),
        a_pair_step(step=9999, seconds=1234.5, completion_tokens=4321.0, **huge, **rewards),
    ):
        line = StepLine(record, 9999, left=86400.0 * 4)
        assert max(len(line.header), len(str(line))) <= 80


def test_figures_that_are_missing_are_dashes():
    record = a_given_step(end_probability=None, grad_norm=None, tokens_per_second=None)
    assert str(StepLine(record, 30, 0.0)).split().count("–") == 3
