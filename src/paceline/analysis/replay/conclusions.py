"""Conclusions of a replay, in sentences."""

from math import isfinite

from ...text import counted, listed, percent, quantity
from .record import MeasuredObjective, Replay

ALIKE_COSINE = 0.999
"""Cosine from which on two gradients are said to point the same way."""
MUCH_CLIPPED = 0.1
"""Share of clipped tokens that is worth a sentence."""
ROUNDING_DIFFERENCE = 1e-2
"""Relative difference of gradients' norms above which it is more than rounding."""
UNEXPLAINED_DIFFERENCE = 0.5
"""Relative difference above which hardware or versions cannot be the reason."""


def agreement(replay: Replay) -> str:
    """A sentence on how well the redone steps agree with the run's record."""
    redone = replay.redone
    if redone.difference == 0:
        if redone.steps == 0 and not isfinite(replay.own.grad_norm):
            return (
                f"The gradient's norm at step {replay.step} is not a finite number, as in the run."
            )
        if redone.steps == 0:
            return f"The gradient's norm at step {replay.step} is the run's, bit for bit."
        return (
            f"The gradient's norm is the run's bit for bit at all of the {redone.steps + 1} steps "
            f"up to {replay.step}."
        )
    if redone.difference == float("inf"):
        return (
            f"At step {redone.at} only one of the two gradients, the run's and this one, has a "
            "norm that is a finite number above 0: the policy here is not the run's."
        )
    told = (
        f"The largest relative difference to the gradient norms of the run is "
        f"{redone.difference:.1e} (step {redone.at})"
    )
    if redone.difference > UNEXPLAINED_DIFFERENCE:
        return (
            f"{told}: this is another policy, or another objective under the same name, than the "
            "run's, and the figures are not of the run."
        )
    if redone.difference > ROUNDING_DIFFERENCE:
        return (
            f"{told}: the policy here is not quite the run's, as with other hardware, threads or "
            "versions."
        )
    return f"{told}: the same run to rounding."


def meaning(replay: Replay) -> str:
    """A paragraph on the meaning of the figures."""
    return " ".join(sentences(replay))


def sentences(replay: Replay) -> list[str]:
    """The conclusions one by one, the most telling first."""
    said = [*_not_finite(replay), *_of_ratios(replay)]
    if not isfinite(replay.own.grad_norm):
        return [*said, "None can be compared with the run's own."]
    if not any(m.grad_norm for m in replay.measured):
        return [*said, "No completion of this part has a gradient under any of them."]
    if not replay.own.grad_norm:
        moved = [m.name for m in _finite(replay) if m.grad_norm]
        if not moved:
            return [*said, f"{replay.own.name} has no gradient here."]
        have = "has" if len(moved) == 1 else "have"
        return [*said, f"{replay.own.name} has no gradient here; {listed(moved)} {have} one."]
    said += [*_furthest(replay), *_clips_most(replay), *_silent(replay), *_alike(replay)]
    said = said or [f"Only {replay.own.name} was asked for, the run's own objective."]
    return [*said, *_entropy(replay)]


def _finite(replay: Replay) -> list[MeasuredObjective]:
    """Objectives whose gradient is finite, and so can be compared."""
    return [m for m in replay.measured if isfinite(m.grad_norm)]


def _not_finite(replay: Replay) -> list[str]:
    """A sentence about objectives whose gradient is not finite."""
    found = [m.name for m in replay.measured if not isfinite(m.grad_norm)]
    if not found:
        return []
    one = f"The gradient of {found[0]} is not a finite number here"
    many = f"The gradients of {listed(found)} are not finite numbers here"
    return [f"{one if len(found) == 1 else many}; a run skips such a step."]


def _of_ratios(replay: Replay) -> list[str]:
    """A sentence if every ratio is 1: the reason, and the place where it is not."""
    if replay.part:
        return []
    alike = "Nothing can be clipped, and objectives that differ in ratio or clip alone coincide"
    if replay.parts == 1:
        return [
            "Every ratio is 1 here, as at every step of this run: it takes one update a round.",
            f"{alike}; a run with schedule.minibatches=4 has steps at which they part.",
        ]
    later, more = [str(step) for step in replay.later_steps], ""
    if later:  # the run may have gone no further
        steps = f"step {later[0]} is" if len(later) == 1 else f"steps {listed(later)} are"
        more = f"; {steps} later in the same round, where they part"
    return [
        "Every ratio is 1 here: it is the round's first part, and the policy has not moved since "
        "the round was sampled.",
        f"{alike}{more}.",
    ]


def _furthest(replay: Replay) -> list[str]:
    """A sentence about the objective whose direction differs most from the run's own."""
    found = {m.name: m for m in replay.measured if _along(replay, m) < ALIKE_COSINE}
    if not found:
        return []
    most = min(found.values(), key=lambda m: _along(replay, m))
    long = quantity(most.grad_norm / replay.own.grad_norm)
    clips = f"; it clips {share(most.clip_fraction)} of the tokens" if _clips(most) else ""
    return [
        f"{most.name} differs most: its gradient points {_along(replay, most):.3f} along that of "
        f"{replay.own.name}, and is {long} times as long{clips}."
    ]


def _clips_most(replay: Replay) -> list[str]:
    """A sentence about the objective that clips most, if that is much and not told yet."""
    most = max(_finite(replay), key=lambda m: m.clip_fraction or 0.0)
    told = most.grad_norm == 0 or any(
        s.startswith(f"{most.name} differs") for s in _furthest(replay)
    )
    if not _clips(most) or told:
        return []
    along = f"; its gradient points {_along(replay, most):.3f} along that of {replay.own.name}"
    where = "" if most is replay.own else along
    return [f"{most.name} clips {share(most.clip_fraction)} of the tokens{where}."]


def _silent(replay: Replay) -> list[str]:
    """A sentence about objectives without any gradient."""
    found = [m for m in replay.measured if not m.grad_norm]
    if not found:
        return []
    have = "has" if len(found) == 1 else "have"
    clipped = all(m.clip_fraction == 1 for m in found)
    why = ": every token is clipped" if clipped else ""
    return [f"{listed([m.name for m in found])} {have} no gradient at all here{why}."]


def _alike(replay: Replay) -> list[str]:
    """A sentence about objectives that point the way of the run's own."""
    found = [m for m in replay.measured[1:] if ALIKE_COSINE <= _along(replay, m) <= 1]
    if not found:
        return []
    points = "points" if len(found) == 1 else "point"
    names = listed([m.name for m in found])
    return [f"{names} {points} the same way as {replay.own.name} (cosine above {ALIKE_COSINE})."]


def _entropy(replay: Replay) -> list[str]:
    """A sentence about objectives whose pushes are not their whole effect."""
    found = [m.name for m in replay.measured if m.objective.entropy]
    if not found:
        return []
    return [
        f"The entropy term of {listed(found)} is in the gradient and in no push: it acts on all "
        "tokens that might have been sampled."
    ]


def _clips(measured: MeasuredObjective) -> bool:
    return (measured.clip_fraction or 0.0) >= MUCH_CLIPPED


def _along(replay: Replay, measured: MeasuredObjective) -> float:
    """The cosine to the run's own gradient; 2 if there is none."""
    cosine = replay.cosine[0][[m.name for m in replay.measured].index(measured.name)]
    return 2.0 if cosine is None else cosine


def where(replay: Replay) -> str:
    """The part in words, e.g. part 2 of 4 of round 1: 64 completions of 8 problems."""
    problems = counted(len(replay.groups), "problem")
    return (
        f"part {replay.part + 1} of {replay.parts} of round {replay.round.index}: "
        f"{counted(len(replay.rows), 'completion')} of {problems}"
    )


def share(fraction: float | None) -> str:
    """A share in percent, with a digit if it is small; a dash for none."""
    if fraction is None:
        return "–"
    return percent(fraction, 0 if fraction == 0 or fraction >= 0.1 else 1)


def figure(value: float | None, digits: int = 3) -> str:
    """A number with so many digits; a dash for none, and for a number that is not finite."""
    return "–" if value is None or not isfinite(value) else f"{value:.{digits}g}"
