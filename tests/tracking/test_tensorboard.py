"""TensorBoard's files, read back event by event."""

import re

import pytest

from paceline.tracking.tensorboard import _row
from tests.helpers.tracked_runs import sent_in_two_sessions
from tests.helpers.tracker_files import event_files

pytest.importorskip("tensorboardX")


def test_a_run_of_two_sessions_is_one_curve_with_all_that_it_has(tmp_path):
    folder = tmp_path / "demo"
    said = sent_in_two_sessions(folder, "tensorboard")
    place = folder / "trackers/tensorboard"
    assert all(f"tensorboard is seen with `tensorboard --logdir {place}`" in one for one in said)
    events = list(event_files(place))
    values = [(event.step, value) for event in events for value in event.summary.value]

    def steps(tag):
        return [step for step, value in values if value.tag.startswith(tag)]

    assert steps("train/accuracy") == list(range(1, 13))
    assert steps("eval/sampled_accuracy_low") == [0, 10, 12]
    assert steps("completions") == list(range(1, 13)) and steps("config") == [0, 5]
    (report,) = (value for _, value in values if value.tag.startswith("report"))
    assert report.tensor.string_val[0].decode() == f"`{folder / 'report.html'}`"
    # Steps that were sent by halves, before the second session, are taken back by TensorBoard.
    assert [e.step for e in events if e.session_log.status == 1] == [6]


def test_what_a_model_says_stays_in_its_cell_and_is_no_html(tmp_path):
    """One completion of the first round opens scripts, and has many lines."""
    folder = tmp_path / "demo"
    sent_in_two_sessions(folder, "tensorboard")
    events = event_files(folder / "trackers/tensorboard")
    tables = [
        value.tensor.string_val[0].decode()
        for event in events
        for value in event.summary.value
        if value.tag.startswith("completions")
    ]
    head, _, *rows = tables[0].split("\n")
    assert len(rows) == 8 and head.count("|") == 9
    assert all(row.count("|") == 9 for row in rows)
    assert "alert" in tables[0] and "<script" not in tables[0] and "<img" not in tables[0]


def test_a_cell_formats_links_loads_and_ends_nothing():
    row = _row(["![x](http://a/b.png)", "**b** `c` # d", "one\rtwo\r\nthree\nfour | five", 0.5])
    told = re.sub(r"&#\d+;", "", row)
    assert not set(told) & set("![]()*`#\r\n")
    assert row.count("|") == 5 and row.count("<br>") == 3 and "one<br>two<br>three<br>four" in row
