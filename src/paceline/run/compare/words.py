"""What a comparison shows, in sentences: first of all whether it shows anything."""

from collections.abc import Mapping
from typing import Any

from ..report.words import THIN, points, signed

Json = dict[str, Any]
FEW_PROBLEMS = 500


def sentences(data: Json) -> list[str]:
    """One for every comparison with the first, then what limits them."""
    first = data["baseline"]
    found = [
        sentence(label, first, one, len(data["differences"]["final_accuracy"]))
        for label, one in data["differences"]["final_accuracy"].items()
    ]
    return [*found, *_limits(data)]


def sentence(label: str, first: str, one: Mapping[str, Any], of: int) -> str:
    """What is known of one difference in final accuracy.

    Args:
        of: how many comparisons are made at once.
    """
    n = len(one["seeds"])
    if one["p"] is None:
        return (
            f"{label} against {first}: {signed(one['mean'])} points with one seed, which shows no "
            "difference and rules none out; five seeds are a beginning."
        )
    if not any(one["per_seed"]):
        return f"{label} against {first}: the same accuracy in each of {n} seeds."
    seen = f"{signed(one['mean'])} points, 95{THIN}% interval {points(one['low'], one['high'])}"
    p = f"p{THIN}={THIN}{_p(one['p_holm'])}" + (f" after Holm, of {of}" if of > 1 else "")
    if one["shown"]:
        better = "better" if one["mean"] > 0 else "worse"
        return f"{label} is {better} than {first}: {seen} ({p})."
    return f"{label} against {first}: no difference shown ({seen}; {p}).{_could(one, n)}"


def _could(one: Mapping[str, Any], n: int) -> str:
    """What these seeds could have shown, and how many would show what was seen."""
    if one["detectable"] is None:
        return f" All {n} seeds gave the same difference, which so few may do by chance."
    if one["detectable"] >= 1:
        return f" {n} seeds are too few to show a difference of any size here."
    text = (
        f" {n} seeds show a difference of {points_of(one['detectable'])} points four times in five"
    )
    if one["seeds_needed"] is None:
        return f"{text}; one as small as the one seen would take more than 1,000 seeds."
    return f"{text}; {one['seeds_needed']:,} seeds would settle one as small as the one seen."


def points_of(share: float) -> str:
    """A size without a sign, in percentage points."""
    return f"{100 * share:.1f}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _limits(data: Json) -> list[str]:
    found = []
    problems = min(one["problems"] for one in data["objectives"].values())
    if problems < FEW_PROBLEMS:
        found.append(
            f"Accuracy is measured on {problems} problems only: figures are coarse, and the "
            "intervals are those over seeds, not over problems."
        )
    if data["config"]["schedule"]["minibatches"] * data["config"]["schedule"]["epochs"] == 1:
        found.append(
            "One update a round: every ratio is 1, so objectives that differ in their ratio or "
            "their clip alone have the same gradient (grpo, gspo, sapo and gmpo; dapo and cispo). "
            "schedule.minibatches=4 tells them apart."
        )
    if data["finished"] < data["planned"]:
        left = data["planned"] - data["finished"]
        found.append(
            f"{left} of {data['planned']} runs are not finished: these figures will change."
        )
    return found
