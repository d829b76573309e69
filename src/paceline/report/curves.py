"""The report's curves: which there are, what each shows, and what to make of one that is flat.

There is no curve of the loss: with group-relative advantages its value says nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from ..diagnostics import Diagnosis, diagnoses
from ..store.base import finite
from ..store.snapshot import Metric, RunSnapshot
from ..text import quantity, thin_percent
from .elements import Chart, CurveData, Dot, Plot, Term, Tone, Unit
from .points import bin_size, binned, measurements
from .row_curves import likelihood, pair_accuracy, pair_rewards
from .sentences import ACCURACIES, span_of_steps


@dataclass(frozen=True, slots=True)
class Line:
    """The way from one metric to a chart, or a sentence where it never changes."""

    id: str
    title: str
    of: Metric
    text: str
    unit: Unit = "number"
    flat: dict[float, str] = field(default_factory=dict)
    """The sentence for a metric that has this value at every step."""
    bin: Callable[[list[float]], float] = fmean
    """The way in which neighbouring steps of a long run become one point."""
    smooth: bool = True
    compared: bool = True
    """False leaves it out of a comparison's page."""


LINES = (
    Line(
        "pair_loss",
        "Loss of a pair",
        lambda step: step.pair_loss,
        "Mean over pairs: log 2 = 0.693 where nothing is preferred yet. Bad: it stays there.",
    ),
    Line(
        "end_probability",
        "Probability of the end",
        lambda step: step.end_probability,
        "How surely the model ends a turn where the row ends it. Bad: it stays low, and answers"
        " will run on.",
        "percent",
    ),
    Line(
        "reward",
        "Reward",
        lambda step: step.reward,
        "What the verifier gave, on average. Bad: it rises and accuracy does not.",
    ),
    Line(
        "completion_tokens",
        "Completion length",
        lambda step: step.completion_tokens,
        "Mean tokens of a completion. Bad: it grows or collapses while accuracy stays.",
        "tokens",
    ),
    Line(
        "cut",
        "Cut by length",
        lambda step: step.cut,
        "Completions that met the length limit. Bad: it rises, and the limit decides the reward.",
        "percent",
        {0.0: "No completion met the length limit.", 1.0: "Every completion met the length limit."},
    ),
    Line(
        "no_signal",
        "Groups without signal",
        lambda step: step.share_without_signal,
        "Groups whose completions all got one reward, and so teach nothing; those that were set"
        " aside for it count too. Bad: near 100\u202f%.",
        "percent",
        {
            0.0: "In every group the rewards differed.",
            1.0: "In every group all rewards were equal, so nothing was learned.",
        },
        compared=False,
    ),
    Line(
        "entropy",
        "Entropy",
        lambda step: step.entropy,
        "How undecided the policy is, in nats a token. Bad: near zero early, or a steep rise.",
    ),
    Line(
        "explained_variance",
        "Explained variance",
        lambda step: step.explained_variance,
        "How much of the rewards’ variance the critic foretells: 1 is all of it, 0 no more than one"
        " number for all. Bad: below 0, for then it does harm where λ is below 1.",
        flat={0.0: "The critic gives one number for all, so that no reward is explained."},
    ),
    Line(
        "kl",
        "KL to the reference",
        lambda step: step.kl,
        "How far the policy is from the reference, in nats a token: from where it began, or from a"
        " teacher. Bad: a sudden climb, and with a teacher no fall.",
        flat={0.0: "The policy is the reference."},
    ),
    Line(
        "step_kl",
        "KL of the step",
        lambda step: step.step_kl,
        "From the start of the round to the policy after the step, in nats a token; optimizer.trust"
        " bounds it.",
    ),
    Line(
        "step_share",
        "Share of the step taken",
        lambda step: step.step_share,
        "The line search halves a step that goes too far. Bad: near 0, for the rate is too high.",
        "percent",
        {1.0: "No step went too far."},
        smooth=False,
    ),
    Line(
        "ratio_max",
        "Largest ratio",
        lambda step: step.ratio_max,
        "New over old probability, or its inverse. Bad: far outside the clip, step after step.",
        bin=max,
        smooth=False,
    ),
    Line(
        "clip_fraction",
        "Clip fraction",
        lambda step: step.clip_fraction,
        "Tokens whose gradient the clip bounded. Bad: a large share, for most of the step is lost.",
        "percent",
        {0.0: "No ratio left the clip’s range."},
    ),
    Line(
        "grad_norm",
        "Gradient norm",
        lambda step: step.grad_norm,
        "Length of the gradient. One spike is harmless where it is clipped. Bad: a lasting rise.",
        bin=max,
        smooth=False,
    ),
    Line(
        "mismatch",
        "Sampler mismatch",
        lambda step: step.mismatch,
        "How far sampler and trainer differ in a token’s log-probability, in nats. Bad: it grows.",
        flat={0.0: "Sampling and training computed the same log-probabilities."},
    ),
    Line("lr", "Learning rate", lambda step: step.lr, "As scheduled.", smooth=False),
)
"""The metrics that the report draws, in their order on the page."""

SIGNS = {
    "reward": ("reward ahead of the answers", "reward ahead of held-out accuracy"),
    "completion_tokens": ("length drift",),
    "no_signal": ("advantage collapse", "nothing left to learn"),
    "entropy": ("entropy collapse",),
    "kl": ("KL growth",),
    "ratio_max": ("ratio blow-up",),
    "clip_fraction": ("ratio blow-up",),
}
"""The diagnoses that a metric is the sign of. Its curve says nothing of its own on what they judge:
a policy that has learned has a low entropy and few groups with signal, too."""


def charts(run: RunSnapshot) -> tuple[list[Chart], list[Term]]:
    """The figures, and the value and a sentence of each metric that never changed."""
    if not run.metrics:
        return [], []
    found, constant = [], list[Term]()
    if any(step.pair_loss is not None for step in run.metrics):
        found += [pair_accuracy(run), pair_rewards(run)]
    if any(step.nll is not None for step in run.metrics):
        found.append(likelihood(run))
    judged = any(side and side.sampled for side in (run.before, run.after))
    if judged or any(step.accuracy is not None for step in run.metrics):
        found.append(accuracy(run))
    if any(step.value is not None for step in run.metrics):
        found.append(forecasts(run))
    held = diagnoses(run.metrics, run.before, run.after)
    for line in LINES:
        values = run.column(line.of)
        known = [v for v in values if v is not None]
        if not known:
            continue
        if len(known) > 2 and max(known) - min(known) <= 1e-9 * max(1e-6, abs(known[0])):
            text = flat_words(run, line, known[0])
            constant.append(Term(line.title, text, shown(known[0], line.unit)))
            continue
        note, tone = remark(line.id, known, len(values) - len(known), held)
        plot = Plot(
            id=line.id,
            unit=line.unit,
            series=((line.title, binned(values, line.bin)),),
            smooth=line.smooth,
            log=min(known) > 0 and max(known) > 50 * median(known),
        )
        found.append(Chart(plot, line.title, line.text, note, tone))
    if all(v is None for v in run.column(lambda step: step.kl)):
        text = "The objective asks for none, so no reference is computed."
        constant.append(Term("KL", text, "none"))
    return [*found, *reasons(run), *phases(run)], constant


def accuracy(run: RunSnapshot) -> Chart:
    """Accuracy of training, with every held-out measurement."""
    values = run.column(lambda step: step.accuracy)
    known = [v for v in values if v is not None]
    never = bool(known) and max(known) == 0
    note = "No completion was right at any step, so nothing could be learned." if never else ""
    series = (("training", binned(values)),)
    return Chart(
        Plot(id="accuracy", unit="percent", series=series, dots=tuple(held_out(run))),
        "Accuracy",
        "Right completions of the training problems; dots are held-out problems."
        " Bad: flat at zero, or training far above held-out.",
        note,
        "bad" if never else "",
        wide=True,
    )


def forecasts(run: RunSnapshot) -> Chart:
    """The critic's mean forecast beside the mean of what it was to forecast."""
    series = (
        ("forecast", binned(run.column(lambda step: step.value))),
        ("target", binned(run.column(lambda step: step.value_target))),
    )
    return Chart(
        Plot(id="value", unit="number", series=series),
        "Forecast of the critic",
        "Mean V of a step’s tokens beside the mean R that they came to."
        " Bad: V stays behind, and then critic.head_lr is too low.",
    )


def held_out(run: RunSnapshot) -> list[Dot]:
    """Every held-out accuracy of the run as a dot, with its interval where one is known."""
    dots = list[Dot]()
    for x, measured in measurements(run):
        for name, accuracy in ACCURACIES:
            if (share := accuracy(measured)) is not None:
                low, high = share.interval or (None, None)
                dots.append(Dot(x, share.value, f"held out, {name.lower()}", low, high))
    return dots


def phases(run: RunSnapshot) -> list[Chart]:
    """Seconds of each step, stacked by phase, the longest phase at the bottom."""
    total: Counter[str] = Counter()
    for record in run.metrics:
        total.update({name: finite(seconds) or 0.0 for name, seconds in record.phases.items()})
    if not total:
        return []
    names = [name for name, _ in total.most_common()]
    columns = [[finite(one.phases.get(name)) or 0.0 for one in run.metrics] for name in names]
    series = tuple((n, binned(c)) for n, c in zip(names, columns, strict=True))
    return [
        Chart(
            Plot(id="phases", unit="seconds", series=series, stacked=True),
            "Seconds a step",
            "Where the time goes, by phase. Bad: steps that grow longer at equal length.",
            legend_below=True,
        )
    ]


def reasons(run: RunSnapshot) -> list[Chart]:
    """The verifier's reasons, as shares of each step's completions: the five commonest reasons."""
    total: Counter[str] = Counter()
    for record in run.metrics:
        total.update(record.reasons)
    if not total:
        return []
    names = [name for name, _ in total.most_common(5)]
    columns: list[list[float | None]] = [[] for _ in names]
    rest: list[float | None] = []
    for record in run.metrics:
        said = record.reasons
        rows = sum(said.values()) or 1
        for column, name in zip(columns, names, strict=True):
            column.append(said.get(name, 0) / rows)
        rest.append(max(0.0, 1.0 - sum(c[-1] or 0.0 for c in columns)) if said else 0.0)
    series = [(name or "(no reason)", binned(c)) for name, c in zip(names, columns, strict=True)]
    series += [("other", binned(rest))] if len(total) > len(names) else []
    return [
        Chart(
            Plot(id="reasons", unit="percent", series=series, stacked=True),
            "What the verifier said",
            "Shares of the completions. Bad: a reason that grows and is not the right answer.",
            legend_below=True,
        )
    ]


def flat_words(run: RunSnapshot, line: Line, value: float) -> str:
    """The meaning of it that a metric has one value at every step."""
    one_update = run.updates_per_round == 1
    if line.id == "ratio_max" and value == 1:
        if one_update:
            return "Every ratio is 1: one update a round, so the clip never binds."
        return "Every ratio is 1 though a round serves several updates: the policy does not move."
    if line.id == "clip_fraction" and value == 0 and one_update:
        return "Nothing to clip: with one update a round every ratio is 1."
    return line.flat.get(value, "The same at every step.")


def remark(
    name: str, known: list[float], missing: int, held: Sequence[Diagnosis]
) -> tuple[str, Tone]:
    """The sense of these numbers, where it is odd or bad; nothing for most."""
    signs = [found for found in held if found.name in SIGNS.get(name, ())]
    if signs:
        told = ", ".join(f"{found.name} at {span_of_steps(found)}" for found in signs)
        return f"{told[0].upper()}{told[1:]}: see Diagnostics.", "odd"
    late = fmean(known[-max(1, len(known) // 4) :])
    if name == "cut" and late > 0.3:
        return (
            f"In the last quarter {thin_percent(late, 0)} met the limit: a longer one may help.",
            "bad",
        )
    if name == "grad_norm" and missing:
        return f"At {missing} of {len(known) + missing} steps it was not a finite number.", "bad"
    return "", ""


def shown(value: float, unit: Unit) -> str:
    """A value with its unit."""
    return thin_percent(value, 0) if unit == "percent" else quantity(value)


def curve_data(run: RunSnapshot, found: Sequence[Chart]) -> CurveData:
    """Data that the page's script draws: the steps, the numbers of every chart, the window of
    smoothing."""
    steps, size = run.steps, max(1, bin_size(len(run.metrics)))
    ends = [steps[min(i + size, len(steps)) - 1] for i in range(0, len(steps), size)]
    return CurveData(ends, window(len(ends)), [chart.plot for chart in found])


def window(points: int) -> int:
    """Neighbouring points in the thick line's mean: odd, about a tenth of the run; 1 is none."""
    return 1 if points < 10 else max(3, points // 20 * 2 + 1)
