"""What happened beside the training, as a report tells it."""

from paceline.report.elements import Term
from paceline.report.history import COUNTED, KINDS, SHOWN, EventRow, history
from paceline.store.records import Event, counters_of
from tests.helpers.records import a_summary
from tests.helpers.snapshots import a_snapshot

THIN = "\u202f"


def test_what_is_not_zero_is_counted() -> None:
    counters = {"groups_lost": 1300, "steps_skipped": 0, "resumes": 1}
    found = history(a_snapshot(summary=a_summary(counters=counters)))
    assert found.counted == (
        Term("1,300", "groups dropped because the verifier gave no verdict"),
        Term("1", "times the run was resumed from a checkpoint"),
    )


def test_every_counter_of_a_summary_has_its_words() -> None:
    assert set(counters_of((), ())) == set(COUNTED)


def test_without_counts_it_says_so_as_soon_as_there_is_a_summary() -> None:
    nothing = "Nothing was skipped, dropped or done again."
    assert history(a_snapshot(summary=a_summary())).none == nothing
    assert history(a_snapshot()).none == ""


def test_events_are_told_in_order_with_their_time_step_and_word() -> None:
    time = "2026-11-21T1{}+0000"
    events = (
        Event(time=time.format("6:58:31"), kind="started", step=0),
        Event(time=time.format("7:01:02"), kind="not saved", step=1025, text="<b>full</b>"),
        Event(time=time.format("8:00:00"), kind="resumed", step=1025, text="after step 1025"),
        Event(time=time.format("8:00:30"), kind="unheard of", step=1026, text="by this version"),
    )
    found = history(a_snapshot(events=events))
    assert found.left_out == "" and found.events == (
        EventRow("2026-11-21 16:58", "", "started", ""),
        EventRow("2026-11-21 17:01", f"step{THIN}1,025", "not saved", "<b>full</b>"),
        EventRow("2026-11-21 18:00", f"step{THIN}1,025", "resumed", ""),
        EventRow("2026-11-21 18:00", f"step{THIN}1,026", "unheard of", "by this version"),
    )
    assert set(KINDS) >= {event.kind for event in events[:3]}


def test_the_last_events_are_shown_and_earlier_ones_counted() -> None:
    many = tuple(Event(time="", kind="note", step=i, text=f"n{i}") for i in range(SHOWN + 1007))
    found = history(a_snapshot(events=many))
    assert found.left_out == "1,007 earlier events are in events.jsonl."
    assert [row.text for row in found.events] == [f"n{i}" for i in range(1007, SHOWN + 1007)]
    assert history(a_snapshot(events=many[:SHOWN])).left_out == ""
