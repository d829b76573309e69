"""report.html: one self-contained page that shows what a training run did, down to the token.

The page loads nothing from anywhere: styles, script and data stand in it, and its content security
policy allows no more than that. What Python writes is escaped; what the models wrote reaches the
page as JSON and is only ever shown as text. The curves are drawn by a small script of our own:
a plotting library would weigh more than ten times the rest of the page.
"""

import hashlib
import json
import os
import re
from base64 import b64encode
from html import escape
from pathlib import Path

from . import page as parts
from .curves import charts, curve_data
from .diagnostics import diagnostics
from .history import history
from .read import Json, RunRecord, read_run
from .rollouts import rollouts
from .words import verdict


def write_report(run_dir: Path) -> Path:
    """Writes run_dir/report.html and returns its path; the run may still be going on.

    The page is written aside and renamed, so that a reader never meets half of one.
    Raises ConfigError (a UserError) where the directory is no run.
    """
    run = read_run(run_dir)
    path, aside = run_dir / "report.html", run_dir / ".report.html.part"
    aside.write_text(page(run), encoding="utf-8", errors="replace")
    os.replace(aside, path)
    return path


def page(run: RunRecord) -> str:
    """The whole page: the template with each {{slot}} filled in one pass."""
    found, constant = charts(run)
    style = asset("page.css")
    script = "".join(map(asset, ("charts.js", "text.js", "tips.js", "page.js")))
    slots = {
        "name": escape(str(run.config.get("name") or run.folder.name)),
        "policy": escape(policy(style, script)),
        "style": style,
        "script": script,
        "subject": parts.subject(run),
        "verdict": escape(verdict(run)),
        "result": parts.result_table(run),
        "facts": parts.facts(run),
        "diagnostics": diagnostics(run),
        "figures": "\n".join(parts.figure(chart) for chart in found),
        "constant": parts.constant_list(constant),
        "about_curves": escape(parts.about_curves(run)),
        "history": history(run),
        "setup": parts.setup(run),
        "footer": escape(parts.footer(run)),
        "curves_data": embedded(curve_data(run, found)),
        "rollouts_data": embedded(rollouts(run.folder)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: slots[match[1]], asset("page.html"))


def asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Nothing is loaded, and only these very styles and this very script apply."""

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}"


def embedded(data: Json) -> str:
    """JSON that is safe inside a script element, and strict: no NaN, no raw markup."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
