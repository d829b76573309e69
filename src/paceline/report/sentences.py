"""The report's sentences: numbers as people read them, the verdict, the objective in words."""

import ast
import math

from ..diagnostics import Diagnosis
from ..stats import change_interval
from ..store.base import finite
from ..store.records import Measured
from ..store.snapshot import RunSnapshot
from ..text import THIN, counted, duration, percent_range, thin_percent


def span_of_steps(found: Diagnosis) -> str:
    """Example: steps 31–46, with a space that does not break."""
    if found.first == found.last:
        return f"step{THIN}{found.first:,}"
    return f"steps{THIN}{found.first:,}–{found.last:,}"


def measured(side: Measured | None, metric: str) -> tuple[float | None, tuple[float, float]]:
    """A metric before or after, with its interval (nan where it has none)."""
    if side is None:
        return None, (math.nan, math.nan)
    low, high = side.intervals.get(metric) or (math.nan, math.nan)
    return finite(getattr(side, metric)), (low, high)


def verdict(run: RunSnapshot) -> str:
    """One sentence from the numbers: what the run did, or how far it is."""
    if not run.metrics:
        return "No step has been finished yet."
    if run.summary is None or run.state == "going":
        return verdict_so_far(run, "Not finished:", "so far")
    if run.state != "finished":
        return verdict_so_far(run, f"{run.state.title()} after", "")
    for metric in ("sampled_accuracy", "greedy_accuracy"):
        before, span_1 = measured(run.before, metric)
        after, span_2 = measured(run.after, metric)
        if before is not None and after is not None:
            break
    else:
        return (
            f"Finished {counted(len(run.metrics), 'step')}; nothing was measured before and after."
        )
    name = "Sampled" if metric == "sampled_accuracy" else "Greedy"
    assert run.after is not None
    where = f" on {counted(run.after.n, 'held-out problem', ',')}"
    known = not math.isnan(span_2[0])
    interval = f" (95{THIN}% interval {percent_range(*span_2)})" if known else ""
    time = f" in {duration(run.summary.seconds)}"
    low, high = change_interval(before, after, (span_1, span_2))
    verb = "fell" if high < 0 else "went"
    doubt = (
        "; the interval of the change includes zero, so this run alone does not show that"
        " training changed it"
        if low <= 0 <= high
        else ""
    )
    return (
        f"{name} accuracy{where} {verb} from {thin_percent(before)} to {thin_percent(after)}"
        f"{interval}{time}{doubt}."
    )


def verdict_so_far(run: RunSnapshot, start: str, end: str) -> str:
    """What can be said without a measurement after training: from the training completions."""
    steps = len(run.metrics)
    seconds = sum(s for s in run.column("seconds") if s is not None)
    so_far = f"{start} {counted(steps, 'step', ',')} in {duration(seconds)} {end}".strip()
    right = [a for a in run.column("accuracy") if a is not None]
    if len(right) < 2:
        return f"{so_far}."
    few = max(1, min(5, len(right) // 2))
    first, last = sum(right[:few]) / few, sum(right[-few:]) / few
    over = f"the first {few} steps to" if few > 1 else "the first step to"
    return (
        f"{so_far}; the share of right training completions went from"
        f" {thin_percent(first)} in {over} {thin_percent(last)} in the last"
        f"{f' {few}' if few > 1 else ''}."
    )


PHRASES = {
    "ZScore": "each reward counts by its distance from its group’s mean, in standard deviations",
    "Center": "each reward counts by its distance from its group’s mean",
    "LeaveOneOut": "each reward counts by its distance from the mean of the others in its group",
    "LengthWeighted": "each reward counts by its distance from its group’s length-weighted mean",
    "BatchZScore": "each reward counts by its distance from the round’s mean, scaled by its spread",
    "ReturnToGo": "each token counts by what its completion still earned after it",
    "Gae": "each token counts by what it earned beyond the critic’s forecast",
    "TokenRatio": "one ratio for each token",
    "SequenceRatio": "one ratio for each whole completion",
    "GeometricRatio": "one ratio for each completion, the geometric mean over its tokens",
    "Plain": "no clip",
    "SoftGate": "a soft gate instead of a clip",
    "PerToken": "all tokens weigh the same",
    "PerPromptToken": "all tokens of a problem weigh the same, and so do all problems",
    "PerSequence": "all completions weigh the same",
    "PerConstant": "all tokens weigh the same, over a constant length",
    "SequenceSum": "each completion counts by the sum of its tokens",
}


def objective_in_words(text: str) -> str:
    """The objective's parts in one sentence, from its repr; the repr's own words where unknown."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return text
    if not isinstance(tree, ast.Call):
        return text
    found = {k.arg: k.value for k in tree.keywords if k.arg}
    said = [phrase(found[name]) for name in ("advantage", "ratio", "surrogate") if name in found]
    said += [phrase(found["weight"])] if "weight" in found else []
    kl = found.get("kl")
    if kl is not None:
        absent = isinstance(kl, ast.Constant) and kl.value is None
        said.append("no KL penalty" if absent else f"KL penalty {penalty(kl)}")
    correction = found.get("correction")
    if isinstance(correction, ast.Call):
        said.append(f"sampler correction {ast.unparse(correction)}")
    sentence = "; ".join(said) or text
    return f"{sentence[0].upper()}{sentence[1:]}."


def phrase(part: ast.expr) -> str:
    """One part in words, e.g. Clip(low=0.2, high=None) as 'clipped to 0.8–1.2'."""
    if not isinstance(part, ast.Call):
        return ast.unparse(part)
    name = ast.unparse(part.func)
    values = [*part.args, *(k.value for k in part.keywords)]
    numbers = [v.value for v in values if isinstance(v, ast.Constant) and v.value is not None]
    if name == "Clip" and numbers and all(isinstance(n, int | float) for n in numbers):
        low, high = float(numbers[0]), float(numbers[-1])  # type: ignore[arg-type]
        return f"clipped to {1 - low:g}–{1 + high:g}"
    return PHRASES.get(name, ast.unparse(part))


def penalty(kl: ast.expr) -> str:
    """A KL in words, e.g. KL(coef=0.04, form='k3', where='loss', weighted=True) as '0.04 in the
    loss, k3 weighted by each token’s ratio'."""
    options = {k.arg: k.value for k in kl.keywords} if isinstance(kl, ast.Call) else {}
    found = {name: v.value for name, v in options.items() if isinstance(v, ast.Constant)}
    if not {"coef", "form", "where"} <= set(found):
        return ast.unparse(kl)
    weighted = " weighted by each token’s ratio" if found.get("weighted") else ""
    return f"{found['coef']:g} in the {found['where']}, {found['form']}{weighted}"
