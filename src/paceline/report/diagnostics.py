"""What was going on in the run, by name: the rules that held, and those that were looked for."""

from html import escape

from ..diagnostics import Diagnosis, Rule, watched
from ..store.snapshot import RunSnapshot
from .sentences import THIN

LONG = 10
"""Steps after which what held is told a second time, as it was at the end."""


def diagnostics(run: RunSnapshot) -> str:
    """Every rule that held, with its steps, figures and remedy; then one line for the rest."""
    if not run.metrics:
        return '<p class="muted">There is nothing to judge before the first step.</p>'
    watch = watched(run.metrics, run.before, run.after)
    last = run.steps[-1]
    held = sorted((r for r in watch.rules if r.found), key=lambda rule: rule.found[0].first)
    found = "".join(_entry(rule, last) for rule in held)
    absent = [rule for rule in watch.rules if not rule.found]
    rest = _rest([r for r in absent if r.judged], [r for r in absent if not r.judged])
    return (f'<ol class="diagnoses">{found}</ol>' if found else "") + rest


def _entry(rule: Rule, last: int) -> str:
    """One rule, with what it said each time that it held."""
    rows = []
    for diagnosis in rule.found:
        rows.append(_row(f"Step{THIN}{diagnosis.first:,}", diagnosis.finding))
        if diagnosis.last - diagnosis.first >= LONG and diagnosis.lately != diagnosis.finding:
            rows.append(_row(f"Step{THIN}{diagnosis.last:,}", diagnosis.lately))
    rows += [_row("Remedy", rule.remedy), _row("Rule", rule.rule, "muted")]
    steps = ", ".join(_steps(diagnosis) for diagnosis in rule.found)
    end = ", the last" if rule.found[-1].last == last else ""
    return (
        f"<li><h3>{escape(_capital(rule.name))} <small>steps{THIN}{steps}{end}</small></h3>"
        f"<dl>{''.join(rows)}</dl></li>"
    )


def _row(term: str, text: str, kind: str = "") -> str:
    sentence = f"{_capital(text).removesuffix('.')}.".replace(" %", f"{THIN}%")
    return f'<div class="{kind}"><dt>{escape(term)}</dt><dd>{escape(sentence)}</dd></div>'


def _steps(diagnosis: Diagnosis) -> str:
    first, last = f"{diagnosis.first:,}", f"{diagnosis.last:,}"
    return first if first == last else f"{first}–{last}"


def _rest(absent: list[Rule], unjudged: list[Rule]) -> str:
    """One quiet line; the rules open below it."""
    parts = []
    if absent:
        parts.append(f"Looked for and not found: {', '.join(rule.name for rule in absent)}.")
    if unjudged:
        names = ", ".join(rule.name for rule in unjudged)
        parts.append(f"Not judged, for want of figures: {names}.")
    if not parts:
        return ""
    rules = "".join(_row(_capital(rule.name), rule.rule) for rule in (*absent, *unjudged))
    return (
        f'<details class="rules"><summary>{escape(" ".join(parts))}</summary>'
        f"<dl>{rules}</dl></details>"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
