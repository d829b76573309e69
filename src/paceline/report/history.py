"""What happened beside the training: what was skipped, lost or done again, and when."""

from html import escape

from ..store.records import Event
from ..store.snapshot import RunSnapshot
from .sentences import THIN

COUNTED = {
    "groups_lost": "groups dropped because the verifier gave no verdict",
    "groups_refused": "groups set aside for having no signal, and others drawn",
    "groups_without_signal": "groups in which all rewards were equal: they gave no gradient",
    "steps_without_signal": "steps in which no group had any signal",
    "prompts_too_long": "problems left out because they do not fit into the context",
    "steps_skipped": "steps skipped because the gradient was not finite",
    "out_of_memory": "times memory ran out, and the work was done again in smaller pieces",
    "checkpoints_failed": "checkpoints that could not be saved",
    "resumes": "times the run went on from a checkpoint",
    "stuck": "times nothing went on for minutes",
    "workers_restarted": "times a process of the reward ended by itself and was started again",
}
"""A counter of the summary -> what it counts."""
KINDS = {
    "started": "started", "resumed": "went on", "stopped": "stopped", "finished": "finished",
    "note": "note", "memory": "memory", "not saved": "not saved", "broken": "broken checkpoint",
    "stuck": "stuck", "worker": "worker",
}  # fmt: skip
SHOWN = 60
"""Events on the page, the last ones."""


def history(run: RunSnapshot) -> str:
    """Counters that are not zero, then the events in order."""
    counters = run.summary.counters if run.summary else {}
    found = [(counters[key], text) for key, text in COUNTED.items() if counters.get(key)]
    items = "".join(f"<div><dt>{count:,}</dt><dd>{text}</dd></div>" for count, text in found)
    counted = f'<dl class="counted">{items}</dl>' if items else ""
    if not items and run.summary:
        counted = '<p class="muted">Nothing was skipped, dropped or done again.</p>'
    rows = "".join(_row(event) for event in run.events[-SHOWN:])
    left_out = len(run.events) - SHOWN
    more = f'<p class="muted">{left_out:,} earlier events are in events.jsonl.</p>'
    return counted + (more if left_out > 0 else "") + (f'<ol class="events">{rows}</ol>')


def _row(event: Event) -> str:
    time = event.time[:16].replace("T", " ")
    kind = KINDS.get(event.kind, event.kind)
    where = f"step{THIN}{event.step:,}" if event.step else ""
    text = "" if event.kind == "resumed" else event.text
    return (
        f"<li><time>{escape(time)}</time> <span>{escape(where)}</span> <b>{escape(kind)}</b>"
        f" {escape(text)}</li>"
    )
