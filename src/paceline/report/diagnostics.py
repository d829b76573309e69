"""Diagnoses of the run, by name: the rules that held, and those that were looked for."""

from dataclasses import dataclass

from ..diagnostics import Diagnosis, Rule, watched
from ..store.snapshot import RunSnapshot
from ..text import THIN
from .elements import Term

LONG = 10
"""Steps after which what held is told a second time, as it was at the end."""


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule that held, with what it said each time."""

    name: str
    steps: str
    """Steps in words, such as: steps 39–60, the last."""
    rows: tuple[Term, ...]
    """Findings by step, the remedy, the rule."""


@dataclass(frozen=True, slots=True)
class DiagnosticsSection:
    """Every rule: those that held, then the rest in a line that opens to what they are."""

    held: tuple[HeldRule, ...] = ()
    rest: str = ""
    rules: tuple[Term, ...] = ()
    """The rules of the rest."""


def diagnostics(run: RunSnapshot) -> DiagnosticsSection:
    """Every rule that held, with its steps, figures and remedy; then one line for the rest."""
    if not run.metrics:
        return DiagnosticsSection(rest="There is nothing to judge before the first step.")
    watch = watched(run.metrics, run.before, run.after)
    last = run.steps[-1]
    held = sorted((r for r in watch.rules if r.found), key=lambda rule: rule.found[0].first)
    rest = [rule for rule in watch.rules if not rule.found]
    absent, unjudged = [r for r in rest if r.judged], [r for r in rest if not r.judged]
    return DiagnosticsSection(
        tuple(_held(rule, last) for rule in held),
        _names(absent, unjudged),
        tuple(_term(_capital(rule.name), rule.rule) for rule in (*absent, *unjudged)),
    )


def _held(rule: Rule, last: int) -> HeldRule:
    rows = []
    for diagnosis in rule.found:
        rows.append(_term(f"Step{THIN}{diagnosis.first:,}", diagnosis.finding))
        if diagnosis.last - diagnosis.first >= LONG and diagnosis.lately != diagnosis.finding:
            rows.append(_term(f"Step{THIN}{diagnosis.last:,}", diagnosis.lately))
    rows += [_term("Remedy", rule.remedy), _term("Rule", rule.rule, muted=True)]
    steps = ", ".join(_steps(diagnosis) for diagnosis in rule.found)
    end = ", the last" if rule.found[-1].last == last else ""
    return HeldRule(_capital(rule.name), f"steps{THIN}{steps}{end}", tuple(rows))


def _term(name: str, text: str, *, muted: bool = False) -> Term:
    sentence = f"{_capital(text).removesuffix('.')}.".replace(" %", f"{THIN}%")
    return Term(name, sentence, muted=muted)


def _steps(diagnosis: Diagnosis) -> str:
    first, last = f"{diagnosis.first:,}", f"{diagnosis.last:,}"
    return first if first == last else f"{first}–{last}"


def _names(absent: list[Rule], unjudged: list[Rule]) -> str:
    """One quiet line with the names of the rules that did not hold."""
    parts = []
    if absent:
        parts.append(f"Looked for and not found: {', '.join(rule.name for rule in absent)}.")
    if unjudged:
        names = ", ".join(rule.name for rule in unjudged)
        parts.append(f"Not judged, as there are no figures: {names}.")
    return " ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
