"""Events beside the training: what was skipped, lost or done again, and when."""

from dataclasses import dataclass

from ..store.records import Event
from ..store.snapshot import RunSnapshot
from ..text import THIN
from .elements import Term

COUNTED = {
    "groups_lost": "groups dropped because the verifier gave no verdict",
    "groups_refused": "groups set aside for having no signal, and others drawn",
    "groups_without_signal": "groups in which all rewards were equal: they gave no gradient",
    "steps_without_signal": "steps in which no group had any signal",
    "prompts_too_long": "problems left out because they do not fit into the context",
    "steps_skipped": "steps skipped because the gradient was not finite",
    "out_of_memory": "times memory ran out, and the work was done again in smaller pieces",
    "checkpoints_failed": "checkpoints that could not be saved",
    "resumes": "times the run was resumed from a checkpoint",
    "stuck": "times nothing happened for minutes",
    "workers_restarted": "times a process of the reward ended by itself and was started again",
}
"""A counter of the summary -> what it counts."""
KINDS = {
    "started": "started", "resumed": "resumed", "stopped": "stopped", "finished": "finished",
    "note": "note", "memory": "memory", "not saved": "not saved", "broken": "broken checkpoint",
    "stuck": "stuck", "worker": "worker",
}  # fmt: skip
"""Kind of an event -> its word on the page."""
SHOWN = 60
"""Events on the page, the last ones."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as the page shows it."""

    time: str
    where: str
    """The step, where it is known."""
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """Counters that are not zero, then the events in order."""

    counted: tuple[Term, ...]
    none: str
    """Sentence that stands in place of the counters."""
    left_out: str
    events: tuple[EventRow, ...]


def history(run: RunSnapshot) -> History:
    """Counts of what was skipped, lost or done again, and the last events."""
    counters = run.summary.counters if run.summary else {}
    found = ((counters.get(key), text) for key, text in COUNTED.items())
    earlier = len(run.events) - SHOWN
    return History(
        counted=tuple(Term(f"{count:,}", text) for count, text in found if count),
        none="Nothing was skipped, dropped or done again." if run.summary else "",
        left_out=f"{earlier:,} earlier events are in events.jsonl." if earlier > 0 else "",
        events=tuple(map(_row, run.events[-SHOWN:])),
    )


def _row(event: Event) -> EventRow:
    return EventRow(
        time=event.time[:16].replace("T", " "),
        where=f"step{THIN}{event.step:,}" if event.step else "",
        kind=KINDS.get(event.kind, event.kind),
        text="" if event.kind == "resumed" else event.text,
    )
