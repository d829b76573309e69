"""Conclusions of a comparison, in sentences: first of all whether it shows anything."""

from collections.abc import Iterator, Mapping

from ...stats import all_same
from ...store.comparison import (
    ArmRecord,
    ComparisonRecord,
    DiagnosisRecord,
    DifferenceRecord,
    LostRecord,
)
from ...text import THIN, counted, points, points_range, signed_points

FEW_PROBLEMS = 500
"""Number of held-out problems below which a sentence says that figures are coarse."""


def sentences(data: ComparisonRecord) -> list[str]:
    """One sentence for every comparison with the first, then their limits."""
    first, differences = data.baseline, data.differences
    many = sum(one.p is not None for one in differences.final_accuracy.values())
    found = [sentence(label, first, one, many) for label, one in differences.final_accuracy.items()]
    found += [
        f"On the way {label} is {_better(one)} than {first}: its mean accuracy over all samples "
        f"differs by {seen(one, many)}."
        for label, one in differences.area.items()
        if one.shown
    ]
    return [*found, *_diagnosed(data), *_limits(data)]


def sentence(label: str, first: str, one: DifferenceRecord, of: int) -> str:
    """A sentence about one difference in final accuracy.

    Args:
        of: number of comparisons made at once.
    """
    n = len(one.seeds)
    if one.p is None:
        return (
            f"{label} against {first}: {signed_points(one.mean)} points with one seed, which shows "
            "no difference and rules none out; five seeds are a beginning."
        )
    if not any(one.per_seed):
        return f"{label} against {first}: the same accuracy in each of {n} seeds."
    if one.shown:
        return f"{label} is {_better(one)} than {first}: {seen(one, of)}."
    return f"{label} against {first}: no difference shown, {seen(one, of)}.{_could(one, n)}"


def _better(one: DifferenceRecord) -> str:
    return "better" if one.mean > 0 else "worse"


def seen(one: DifferenceRecord, of: int) -> str:
    """A difference with its interval and p value.

    Args:
        of: number of comparisons made at once.
    """
    assert one.p_holm is not None and one.interval is not None  # of several seeds
    p = f"p{THIN}={THIN}{p_value(one.p_holm)}" + (f" after Holm, of {of}" if of > 1 else "")
    span = f"95{THIN}% interval {points_range(*one.interval)}"
    if all_same(one.per_seed):
        span = "no interval: all seeds gave the same difference"
    return f"{signed_points(one.mean)} points ({span}; {p})"


def _could(one: DifferenceRecord, n: int) -> str:
    """The differences that these seeds could have shown, and the number of seeds that would show
    this one."""
    if one.detectable is None:
        return f" {n} seeds are few enough to give the same difference by chance."
    if one.detectable >= 1:
        return f" {n} seeds are too few to show a difference of any size here."
    text = f" {n} seeds show a difference of {points(one.detectable)} points four times in five"
    if one.seeds_needed is None:
        return f"{text}; one as small as the one seen would take more than 1,000 seeds."
    return f"{text}; one as small as the one seen takes {one.seeds_needed:,} seeds."


def p_value(value: float) -> str:
    """A p value as text. Examples: 0.012, 0.41, <0.001."""
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def by_name(one: ArmRecord) -> dict[str, list[DiagnosisRecord]]:
    """Name -> the first diagnosis of that name in each seed that has it."""
    found: dict[str, list[DiagnosisRecord]] = {}
    for diagnosis in one.diagnoses:
        same = found.setdefault(diagnosis.name, [])
        if all(diagnosis.seed != other.seed for other in same):
            same.append(diagnosis)
    return found


def _diagnosed(data: ComparisonRecord) -> list[str]:
    return [
        f"{label}: {name} in {len(of)} of {len(one.seeds)} seeds, first at step "
        f"{min(d.first for d in of):,}."
        for label, one in data.objectives.items()
        for name, of in by_name(one).items()
    ]


def on_one_update(updates: Mapping[str, tuple[int, str]]) -> str | None:
    """A sentence if objectives are compared that may have the same gradient.

    Args:
        updates: label -> number of updates a round, and the objective as it is written.
    """
    once = {objective for parts, objective in updates.values() if parts == 1}
    if len(once) < 2:
        return None
    return (
        "One update a round: every ratio is 1, so objectives that differ in their ratio or their "
        "clip alone have the same gradient (grpo, gspo, sapo and gmpo; dapo and cispo). "
        "schedule.minibatches=4 tells them apart."
    )


def _lost(label: str, lost: LostRecord) -> Iterator[str]:
    """A sentence about answers without a verdict: the clock may have decided, so that other
    machines, or more runs at a time, give another result."""
    if lost.answers:
        answers = counted(lost.answers, "held-out answer", ",")
        yield (
            f"{label}: {answers} had no verdict, and count{'s' * (lost.answers == 1)} as wrong; "
            "give the verifier more time (rewards.seconds), or make fewer runs at a time."
        )
    if lost.groups:
        groups, were = (
            counted(lost.groups, "group", ","),
            "was" if lost.groups == 1 else "were",
        )
        yield f"{label}: {groups} of training had no verdict and {were} left out."


def _limits(data: ComparisonRecord) -> list[str]:
    found, objectives = [], data.objectives
    if data.baseline not in objectives:
        found.append(
            f"{data.baseline}, with which the others are compared, has no finished run, so "
            "there are no differences."
        )
    if not data.same_test:
        found.append(
            "The problems, or how answers are judged, are not the same for all: accuracies are of "
            "different tests, and nothing is compared with anything."
        )
    elif not data.same_start:
        found.append("Not all runs of one seed had the same start: that is part of what differs.")
    if data.threshold is None:
        found.append("Nothing was learned on average, so there is no threshold to be reached.")
    found += [text for label, one in objectives.items() for text in _lost(label, one.lost)]
    for key, values in data.made_with.items():
        found.append(f"Not all runs were made alike: {key} was {' and '.join(values)}.")
    problems = min(one.problems for one in objectives.values())
    if problems < FEW_PROBLEMS:
        found.append(
            f"Accuracy is measured on {counted(problems, 'problem')} only: figures are coarse, and "
            "the intervals are those over seeds, not over problems."
        )
    updates = {k: (one.updates_a_round, one.objective) for k, one in objectives.items()}
    if said := on_one_update(updates):
        found.append(said)
    if data.finished < data.planned:
        left = data.planned - data.finished
        found.append(f"{left} of {data.planned} runs are not finished: these figures will change.")
    return found
