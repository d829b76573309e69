"""A replay as one self-contained page, in the style of the report and under its content policy.

The template shows tables and bars, the script colours the tokens. What models wrote reaches the
page as JSON and is only ever shown as text.
"""

from dataclasses import dataclass
from pathlib import Path

from ...report.elements import Cell, Term
from ...report.page import CHARTS, TEXT, TOKENS, Page
from ...text import counted, decimal, wall_clock
from .conclusions import agreement, figure, sentences, share, where
from .record import MeasuredObjective, Replay
from .token_data import reader_data
from .weight_bars import WeightBars, weight_bars

FOLDER = Path(__file__).parent
"""Folder of the page's sections, styles and script."""
LINKS = (
    ("objectives", "Objectives"), ("completions", "Completions"), ("tokens", "Tokens"),
    ("setup", "Set-up"),
)  # fmt: skip
"""Sections of the page that its head links to: (anchor, title)."""
HEADS = ("Gradient norm", "× the run’s", "Trained on", "Clipped", "Largest ratio")
"""Heads of the columns of the table of objectives."""


@dataclass(frozen=True, slots=True)
class ObjectiveRow:
    """The figures of an objective on the part, below HEADS."""

    name: str
    own: bool
    """True for the run's own objective."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Cosine:
    """The cosine between two gradients."""

    value: str
    kind: str
    """Class of its colour: the larger the cosine, the deeper."""


@dataclass(frozen=True, slots=True)
class CosineRow:
    """The cosines between an objective's gradient and every other one."""

    name: str
    cells: tuple[Cosine, ...]


@dataclass(frozen=True, slots=True)
class ReplaySections:
    """All that a replay's page shows, from top to bottom."""

    meaning: str
    heads: tuple[str, ...]
    objectives: tuple[ObjectiveRow, ...]
    cosines: tuple[CosineRow, ...]
    weights: WeightBars
    written: tuple[Term, ...]
    """The objectives as they are written."""
    run: tuple[Term, ...]
    notes: tuple[str, ...]
    """Sentences about what is not as it was in the run."""


def default_page(run: Path, step: int) -> Path:
    """The path of a replay's page unless another one is given."""
    return run / f"replay-step-{step:06d}.html"


def write_page(replay: Replay, path: Path) -> None:
    """Write the page of a replay."""
    page(replay).write(path)


def page(replay: Replay) -> Page:
    """The whole page."""
    data, said = reader_data(replay), sentences(replay)
    name = f"{replay.path.name}, step {replay.step}"
    return Page(
        template=FOLDER / "templates/replay.html",
        content=ReplaySections(
            meaning=_typeset(" ".join(said[1:])),
            heads=HEADS,
            objectives=tuple(_row(replay, m) for m in replay.measured),
            cosines=cosines(replay),
            weights=weight_bars(replay, data),
            written=tuple(Term(m.name, repr(m.objective)) for m in replay.measured),
            run=(Term("directory", str(replay.path)), Term("step", str(replay.step))),
            notes=replay.redone.notes,
        ),
        title=f"{name} · paceline replay",
        heading=f"{name}, replayed",
        verdict=_typeset(said[0]),
        subject=subject(replay),
        links=LINKS,
        footer=f"Page written {wall_clock()[:16].replace('T', ' ')}.",
        needs="The tokens need JavaScript, which is all in this file.",
        style=FOLDER / "static/replay.css",
        scripts=(CHARTS, TEXT, TOKENS, FOLDER / "static/replay.js"),
        data={"replay-data": data},
    )


def subject(replay: Replay) -> tuple[Term, ...]:
    """The step that was replayed, for the head of the page."""
    begun = replay.redone.begin
    start = f"the checkpoint of step {begun}" if begun else "the model that the run began with"
    many = replay.redone.steps
    steps = counted(many, "step") if many else "No step"
    return (
        Term("Part", _typeset(f"{where(replay)[0].upper()}{where(replay)[1:]}.")),
        Term("Objective", _typeset(f"{replay.own.name}. {replay.own.objective.describe()}")),
        Term("Policy", _typeset(f"{steps} redone from {start}. {agreement(replay)}")),
    )


def _typeset(text: str) -> str:
    return text.replace("'", "’")


def _row(replay: Replay, m: MeasuredObjective) -> ObjectiveRow:
    own = replay.own.grad_norm
    values = (
        figure(m.grad_norm),
        figure(m.grad_norm / own) if own else "–",
        f"{m.rows_trained} of {m.rows}",
        share(m.clip_fraction),
        figure(m.ratio_max, 4),
    )
    cells = tuple(Cell(head, value) for head, value in zip(HEADS, values, strict=True))
    return ObjectiveRow(m.name, m is replay.own, cells)


def cosines(replay: Replay) -> tuple[CosineRow, ...]:
    """The cosine between every two gradients."""
    return tuple(
        CosineRow(m.name, tuple(map(_cosine, row)))
        for m, row in zip(replay.measured, replay.cosine, strict=True)
    )


def _cosine(cosine: float | None) -> Cosine:
    if cosine is None:
        return Cosine("–", "")
    kind = f"c{round(abs(cosine) * 10)}{' against' if cosine < 0 else ''}"
    return Cosine(decimal(cosine, 3), kind)
