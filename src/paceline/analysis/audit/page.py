"""The audit as one self-contained page, in the look of the report and under its policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...report.elements import Term
from ...report.page import Page
from ...run.screen import printable
from ...text import counted, thin_percent, wall_clock
from .conclusions import Finding
from .model import Sampled
from .record import Audit
from .reward import Probed

HERE = Path(__file__).parent
"""The folder of the page's template and style."""


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One way of answering, and what it earned."""

    good: bool
    name: str
    wanted: str
    right: str
    reward: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rate:
    """A problem's share of right completions as a bar, in percent of the plot."""

    x: str
    y: str
    width: str
    height: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelSections:
    """The model's answers to a sample of problems, in sections of the page."""

    size: str
    figures: tuple[Term, ...]
    rates: tuple[Rate, ...]
    """From the hardest problem to the easiest."""
    reasons: tuple[Term, ...]
    prompt: str
    example: str


@dataclass(frozen=True, slots=True)
class AuditSections:
    """All that an audit's page shows, from top to bottom."""

    sound: bool
    findings: Sequence[Finding]
    probes: tuple[ProbeRow, ...]
    calls: str
    model: ModelSections | None
    """None where the model was not asked."""


def write_page(made: Audit, path: Path) -> None:
    """Write the page of an audit."""
    page(made).write(path)


def page(made: Audit) -> Page:
    """The whole page."""
    said = made.verdict.removeprefix("Verdict: ")
    training = counted(made.training, "problem")
    return Page(
        template=HERE / "templates/audit.html",
        content=AuditSections(
            sound=made.sound,
            findings=made.findings,
            probes=tuple(map(_probe, made.reward.probes)),
            calls=f"{counted(made.reward.calls, 'call')}, {made.reward.milliseconds:.1f} ms each, "
            f"the longest {made.reward.worst:.0f} ms; {made.reward.differing} gave another reward "
            "when repeated.",
            model=None if made.sampled is None else _model(made.sampled),
        ),
        title=f"Audit of {made.recipe} · paceline",
        heading=f"{made.recipe}, audited",
        verdict=f"{said[:1].upper()}{said[1:]}",
        subject=(
            Term("Task", made.task),
            Term("Data", f"{training} to train on, {made.overlap.heldout} held out"),
        ),
        links=(("reward", "Reward"), ("model", "Model")),
        footer=f"Page written {wall_clock()[:16].replace('T', ' ')}.",
        style=HERE / "static/audit.css",
    )


def _probe(p: Probed) -> ProbeRow:
    right, reason = f"{p.right} of {p.asked}", printable(p.reason)
    return ProbeRow(p.good, p.name, p.wanted, right, f"{p.reward:.2f}", reason)


def _model(s: Sampled) -> ModelSections:
    problems, completions = counted(s.problems, "problem"), counted(s.completions, "completion")
    figures = (
        ("Right", thin_percent(s.accuracy)),
        ("Right if form did not count", thin_percent(s.lenient)),
        ("Cut by length", thin_percent(s.cut)),
        ("Tokens, mean", f"{s.tokens:.0f}"),
        ("Groups with signal", thin_percent(s.with_signal)),
        *((f"Expected with groups of {g}", thin_percent(v)) for g, v in s.predicted.items()),
        ("Seconds a step", f"{s.seconds:.1f}"),
    )
    return ModelSections(
        size=f"{problems} × {completions}.",
        figures=tuple(Term(name, "", value) for name, value in figures),
        rates=_rates(sorted(s.rates)),
        reasons=tuple(Term(f"{n:,}", printable(reason)) for reason, n in s.reasons.items()),
        prompt=printable(s.prompt),
        example=printable(s.example),
    )


def _rates(shares: Sequence[float]) -> tuple[Rate, ...]:
    """Bars side by side; a problem that is never solved has a thin one."""
    slot = 100 / len(shares)
    heights = [max(1.0, 100 * share) for share in shares]
    return tuple(
        Rate(
            x=f"{i * slot:.3f}",
            y=f"{100 - height:.1f}",
            width=f"{0.86 * slot:.3f}",
            height=f"{height:.1f}",
            text=thin_percent(share),
        )
        for i, (share, height) in enumerate(zip(shares, heights, strict=True))
    )
