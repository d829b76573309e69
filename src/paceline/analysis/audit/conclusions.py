"""Conclusions of an audit, in sentences that say what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...config import Config
from ...tasks import Task
from ...text import counted, percent
from .model import ENOUGH_SIGNAL, Overlap, Sampled
from .reward import Rewarded

MANY_COMPLETIONS = 1000
"""Number of completions from which on training is not worth a try if none of them is right."""
SLOW_MILLISECONDS = 200.0
"""Milliseconds of a call from which on a finding tells of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and whether it is a reason not to train."""

    sentence: str
    bad: bool = False


def findings(
    config: Config,
    task: Task,
    rewarded: Rewarded,
    overlap: Overlap,
    sampled: Sampled | None,
) -> tuple[Finding, ...]:
    """All findings, the bad ones first."""
    found = [*_of_reward(task, rewarded), *_of_overlap(overlap)]
    if sampled is not None:
        found += _of_model(config, sampled)
    return tuple(sorted(found, key=lambda finding: not finding.bad))


def verdict(found: Sequence[Finding]) -> str:
    """The conclusion of all findings, in one sentence."""
    bad = sum(finding.bad for finding in found)
    if not bad:
        return "Verdict: nothing speaks against training with this."
    things = "one thing" if bad == 1 else f"{bad} things"
    return f"Verdict: fix {things} first; the model would learn what the reward pays, not the task."


def _of_reward(task: Task, rewarded: Rewarded) -> list[Finding]:
    found = [Finding(f"The reward fails: {error}", bad=True) for error in rewarded.errors]
    if rewarded.form is not None:
        shown = rewarded.form.format("ANSWER").replace("\n", " ")
        found.append(
            Finding(
                f"The task does not say how a right completion looks, so the audit took '{shown}' "
                "with the expected answer in ANSWER's place: the reward pays for it."
            )
        )
    elif task.gold is None:
        found.append(
            Finding(
                "The task does not say how a right completion looks, and the reward pays for no "
                "usual form of the expected answer, so only completions that need none were "
                "tried; read some completions with their rewards yourself."
            )
        )
    for p in rewarded.probes:
        if p.good:
            continue
        if p.unanswered:
            sentence = (
                f"'{p.name}' got no verdict in {p.unanswered} of {p.asked} cases: a run would lose "
                "such groups."
            )
            found.append(Finding(sentence, bad=True))
        missing = p.asked - p.full - p.unanswered
        if p.wanted == "full marks" and missing:
            sentence = f"{missing} of {p.asked} gold answers miss full marks ({p.reason}): {p.why}."
        elif p.wanted == "not right" and p.right:
            sentence = f"'{p.name}' counts as right in {p.right} of {p.asked} cases: {p.why}."
        elif p.wanted == "not right" and p.ahead is not None and p.ahead >= 0:
            sentence = (
                f"'{p.name}' earns {p.reward:.2f} in the mean, no less than right answers to the "
                f"same problems ({p.reward - p.ahead:.2f}): a policy learns to write it."
            )
        else:
            continue
        found.append(Finding(sentence, bad=True))
    if rewarded.differing:
        found.append(
            Finding(
                f"{counted(rewarded.differing, 'call')} gave another reward on repetition; a run "
                "cannot be repeated or resumed exactly with it.",
                bad=True,
            )
        )
    if rewarded.milliseconds > SLOW_MILLISECONDS:
        found.append(
            Finding(
                f"A call takes {rewarded.milliseconds:.0f} ms; with rewards.workers=N, N of them "
                "go on beside the sampling."
            )
        )
    return found


def _of_overlap(overlap: Overlap) -> list[Finding]:
    if not overlap.heldout:
        return [Finding("Nothing is held out, so no accuracy will be measured.")]
    share = overlap.same_words / overlap.heldout
    if overlap.same_words:
        return [
            Finding(
                f"{overlap.same_words} of {overlap.heldout} held-out problems have the words of a "
                "training problem: held-out accuracy measures memory in part; keep families "
                "together with task.split_key.",
                bad=share > 0.02,
            )
        ]
    return []


def _of_model(config: Config, s: Sampled) -> list[Finding]:
    found = []
    if s.cut > 0.3:
        found.append(
            Finding(
                f"{percent(s.cut)} of completions are cut at {config.rollouts.max_tokens} "
                f"tokens; try rollouts.max_tokens={s.max_tokens}, or ask for shorter answers."
            )
        )
    elif s.max_tokens < config.rollouts.max_tokens // 2:
        found.append(
            Finding(
                f"Nearly all completions fit into {s.max_tokens} tokens; rollouts.max_tokens="
                f"{s.max_tokens} would end runaway ones sooner."
            )
        )
    if not any(s.rates):
        count = s.problems * s.completions
        found.append(
            Finding(
                f"None of {count} completions was right, so fewer than {300 / count:.1f} % are "
                "(rule of three): the first steps will carry little signal or none. If none comes, "
                "take easier problems, a warm start, or a reward that pays for steps on the way.",
                bad=count >= MANY_COMPLETIONS and not s.with_signal,
            )
        )
    elif min(s.rates) == 1.0:
        found.append(Finding("The model solves every problem already: take harder ones.", bad=True))
    elif s.predicted.get(config.rollouts.completions, 1.0) < ENOUGH_SIGNAL:
        found.append(
            Finding(
                f"About {percent(s.predicted[config.rollouts.completions])} of groups of "
                f"{config.rollouts.completions} will carry signal; groups of {s.group_size} "
                f"promise {percent(s.predicted[s.group_size])}."
            )
        )
    gap = s.lenient - s.accuracy
    if gap > 0.1:
        found.append(
            Finding(
                f"{percent(s.lenient)} of completions contain the right answer, "
                f"{percent(s.accuracy)} in the form asked for: up to {100 * gap:.0f} points of "
                "a later gain would be form."
            )
        )
    return found
