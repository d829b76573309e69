"""The audit as one self-contained page."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...run.screen import printable
from ...text import counted, thin_percent

if TYPE_CHECKING:
    from .audit import Audit

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;
border-bottom:1px solid #ddd;vertical-align:top}td.n,th.n{text-align:right;white-space:nowrap}
.bad{background:#fdecea}
.verdict{padding:.7rem 1rem;border-left:4px solid #2e7d32;background:#eef6ee}
.verdict.no{border-color:#c62828;background:#fdecea}
pre{background:#f5f5f5;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
.bars{display:flex;gap:2px;align-items:flex-end;height:6rem}
.bars i{flex:1;background:#4477aa;min-height:1px}
small{color:#666}
"""


def write_page(made: "Audit", path: Path) -> None:
    """Write it. All text of the model and of the rows is escaped."""
    path.write_text(_page(made), encoding="utf-8")


def _page(made: "Audit") -> str:
    items = "".join(
        f"<li{' class=bad' if f.bad else ''}>{escape(f.sentence)}</li>" for f in made.findings
    )
    parts = [
        f"<h1>Audit of {escape(made.recipe)}</h1>",
        f"<p>Task {escape(made.task)}: {counted(made.training, 'problem')} to train on, "
        f"{made.overlap.heldout} held out.</p>",
        f"<p class='verdict{'' if made.sound else ' no'}'>{escape(made.verdict)}</p>",
        f"<ul>{items}</ul>" if items else "",
        "<h2>What the reward pays for</h2>",
        _probes(made),
        f"<p>{counted(made.reward.calls, 'call')}, {made.reward.milliseconds:.1f} ms each, the "
        f"longest {made.reward.worst:.0f} ms; {made.reward.differing} gave another reward "
        "when repeated.</p>",
        _sampled(made),
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>Audit of {escape(made.recipe)}</title><style>{STYLE}</style>{''.join(parts)}"
        "</html>"
    )


def _probes(made: "Audit") -> str:
    rows = "".join(
        f"<tr{'' if p.good else ' class=bad'}><td>{escape(p.name)}</td><td>{escape(p.wanted)}</td>"
        f"<td class=n>{p.right} of {p.asked}</td><td class=n>{p.reward:.2f}</td>"
        f"<td>{escape(printable(p.reason))}</td></tr>"
        for p in made.reward.probes
    )
    head = (
        "<tr><th>answer</th><th>should be</th><th class=n>right</th><th class=n>mean reward</th>"
        "<th>commonest reason</th></tr>"
    )
    return f"<table>{head}{rows}</table>"


def _sampled(made: "Audit") -> str:
    s = made.sampled
    if s is None:
        return "<p>The model was not asked.</p>"
    lines = (
        ("right", thin_percent(s.accuracy)),
        ("right if form did not count", thin_percent(s.lenient)),
        ("cut by length", thin_percent(s.cut)),
        ("tokens, mean", f"{s.tokens:.0f}"),
        ("groups with signal", thin_percent(s.with_signal)),
        *((f"expected with groups of {g}", thin_percent(v)) for g, v in s.predicted.items()),
        ("seconds a step", f"{s.seconds:.1f}"),
    )
    table = "".join(f"<tr><td>{escape(k)}</td><td class=n>{v}</td></tr>" for k, v in lines)
    bars = "".join(
        f"<i style='height:{max(1, 100 * r):.0f}%' title='{thin_percent(r)}'></i>"
        for r in sorted(s.rates)
    )
    reasons = "".join(
        f"<tr><td>{escape(printable(k))}</td><td class=n>{v}</td></tr>"
        for k, v in s.reasons.items()
    )
    return (
        f"<h2>What the model does</h2><p>{counted(s.problems, 'problem')} × "
        f"{counted(s.completions, 'completion')}.</p>"
        f"<table>{table}</table>"
        f"<h2>Share of right completions, problem by problem</h2><div class=bars>{bars}</div>"
        f"<h2>Reasons</h2><table>{reasons}</table>"
        f"<h2>The first prompt, and a completion</h2><pre>{escape(printable(s.prompt))}</pre>"
        f"<pre>{escape(printable(s.example))}</pre>"
    )
