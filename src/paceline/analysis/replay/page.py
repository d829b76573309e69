"""A replay as one self-contained page, in the look of the report and under its policy.

The tables and bars are made here; the script colours the tokens. What models wrote reaches the page
as JSON and is only ever shown as text.
"""

from html import escape
from pathlib import Path

from ...report.page import CHARTS, TEXT, TOKENS, Page, fill
from ...report.run_sections import pairs, terms
from ...report.sentences import objective_in_words
from ...run.describe import wall_clock
from ...text import counted, decimal
from .conclusions import agreement, figure, sentences, share, where
from .record import Replay
from .token_data import reader_data
from .weight_bars import strips

HERE = Path(__file__).parent
LINKS = (
    ("objectives", "Objectives"), ("completions", "Completions"), ("tokens", "Tokens"),
    ("setup", "Set-up"),
)  # fmt: skip


def default_page(run: Path, step: int) -> Path:
    """Where a replay's page goes unless it is told otherwise."""
    return run / f"replay-step-{step:06d}.html"


def write_page(replay: Replay, path: Path) -> None:
    """Write the page of a replay."""
    page(replay).write(path)


def page(replay: Replay) -> Page:
    """The whole page."""
    data, said = reader_data(replay), sentences(replay)
    name = f"{replay.path.name}, step {replay.step}"
    return Page(
        title=f"{name} · paceline replay",
        heading=escape(f"{name}, replayed"),
        verdict=_prose(said[0]),
        subject=subject(replay),
        links=LINKS,
        main=fill(
            HERE / "sections.html",
            meaning=_prose(" ".join(said[1:])),
            objectives=objectives_table(replay),
            matrix=matrix(replay),
            strips=strips(replay, data),
            setup=setup(replay),
        ),
        footer=escape(f"Page written {wall_clock()[:16].replace('T', ' ')}."),
        needs="The tokens need JavaScript, which is all in this file.",
        style=HERE / "replay.css",
        scripts=(CHARTS, TEXT, TOKENS, HERE / "replay.js"),
        data={"replay-data": data},
    )


def subject(replay: Replay) -> str:
    """What was replayed, for the head of the page."""
    begun = replay.redone.begin
    start = f"the checkpoint of step {begun}" if begun else "the model that the run began with"
    many = replay.redone.steps
    steps = counted(many, "step") if many else "No step"
    redone = f"{steps} redone from {start}. {agreement(replay)}"
    rows = (
        ("Part", f"{where(replay)[0].upper()}{where(replay)[1:]}."),
        ("Objective", f"{replay.own.name}. {objective_in_words(repr(replay.own.objective))}"),
        ("Policy", redone),
    )
    return terms((label, _typeset(text)) for label, text in rows)


def _prose(text: str) -> str:
    return escape(_typeset(text))


def _typeset(text: str) -> str:
    return text.replace("'", "’")


def objectives_table(replay: Replay) -> str:
    """One row an objective."""
    heads = ("Gradient norm", "× the run’s", "Trained on", "Clipped", "Largest ratio")
    own = replay.own.grad_norm
    rows = []
    for m in replay.measured:
        cells = (
            figure(m.grad_norm),
            figure(m.grad_norm / own) if own else "–",
            f"{m.rows_trained} of {m.rows}",
            share(m.clip_fraction),
            figure(m.ratio_max, 4),
        )
        small = " <small>the run’s own</small>" if m is replay.own else ""
        row = "".join(
            f'<td data-label="{label}">{escape(cell)}</td>'
            for label, cell in zip(heads, cells, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(m.name)}{small}</th>{row}</tr>')
    head = "".join(f'<th scope="col">{label}</th>' for label in ("Objective", *heads))
    return (
        "<table><caption>The gradient’s norm is that before clipping. Clipped is the share of the"
        " tokens that the objective bounds, largest ratio that of the ratio that it makes (one a"
        " token, or one a completion); – stands where it has no bound. AdamW heeds how long a"
        " gradient is much less than where it points.</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def matrix(replay: Replay) -> str:
    """The cosine between every two gradients, the deeper the colour the larger."""
    names = [escape(m.name) for m in replay.measured]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(map(_cell, row))}</tr>'
        for name, row in zip(names, replay.cosine, strict=True)
    )
    return (
        '<div class="scroll" role="region" tabindex="0" aria-label="Cosines">'
        f'<table class="matrix"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _cell(cosine: float | None) -> str:
    if cosine is None:
        return "<td>–</td>"
    kind = f"c{round(abs(cosine) * 10)}{' against' if cosine < 0 else ''}"
    return f'<td class="{kind}">{decimal(cosine, 3)}</td>'


def setup(replay: Replay) -> str:
    """The objectives as values, and what is not as it was."""
    values = {m.name: repr(m.objective) for m in replay.measured}
    notes = "".join(f"<p>{escape(note)}</p>" for note in replay.redone.notes)
    where_run = f"<h3>Run</h3>{pairs({'directory': str(replay.path), 'step': replay.step})}"
    return f"<h3>Objectives</h3>{pairs(values)}{where_run}{notes}"
