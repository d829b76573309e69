"""The curves of a run on rows that bring their completions: their likelihood, the order of pairs of
them, and the rewards of both sides."""

from ..store.snapshot import RunSnapshot
from .elements import Chart, Dot, Plot
from .points import binned, measurements


def likelihood(run: RunSnapshot) -> Chart:
    """Negative log-likelihood of what rows bring, with every held-out measurement."""
    dots = [
        Dot(x, measured.nll, "held out", *measured.intervals.get("nll", (None, None)))
        for x, measured in measurements(run)
        if measured.nll is not None
    ]
    series = (("training", binned(run.column(lambda step: step.nll))),)
    return Chart(
        Plot(id="nll", unit="number", series=series, dots=tuple(dots)),
        "Likelihood",
        "−log π of a token that a row brings, in nats; dots are held-out rows."
        " Bad: training falls and the dots rise, for the rows are learned by heart.",
        wide=True,
    )


def pair_accuracy(run: RunSnapshot) -> Chart:
    """Share of pairs in order, with every held-out measurement."""
    dots = [
        Dot(x, share.value, "held out", *(share.interval or (None, None)))
        for x, measured in measurements(run)
        if (share := measured.ordered) is not None
    ]
    series = (("training", binned(run.column(lambda step: step.pair_accuracy))),)
    return Chart(
        Plot(id="pair_accuracy", unit="percent", series=series, dots=tuple(dots)),
        "Pairs in order",
        "Pairs whose preferred completion has the higher reward; dots are held-out pairs."
        " Bad: near 50\u202f%, or training far above held-out.",
        wide=True,
    )


def pair_rewards(run: RunSnapshot) -> Chart:
    """The mean rewards of both sides of the pairs, apart."""
    series = (
        ("preferred", binned(run.column(lambda step: step.chosen_reward))),
        ("the other", binned(run.column(lambda step: step.rejected_reward))),
    )
    scores = all(step.nll is None for step in run.metrics)
    text = (
        "Mean score of the preferred completions and of the others: their distance counts, the"
        " level is free."
        if scores
        else "How likely the policy finds the completions, as the loss takes it: less the reference"
        " where it has one. The preferred one usually falls, and that is no fault; the other should"
        " fall further."
    )
    return Chart(
        Plot(id="pair_rewards", unit="number", series=series),
        "Rewards of both sides",
        f"{text} Bad: they run together.",
        wide=True,
    )
