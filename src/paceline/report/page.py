"""What every page has in common: one file that loads nothing from anywhere.

Styles, script and data stand in it, and its content security policy allows no more than that. What
Python writes is escaped by who writes it; what the models wrote reaches a page as JSON and is only
ever shown as text. The curves are drawn by a small script of our own: a plotting library would
weigh more than ten times the rest of the page.
"""

import hashlib
import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STYLE = HERE / "page.css"
CHARTS, TEXT, TOKENS = (HERE / f"{name}.js" for name in ("charts", "text", "tokens"))
"""Scripts that pages share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, put together by `html`. All texts but `title` and `needs` are HTML."""

    title: str
    """Of the browser's tab."""
    heading: str
    verdict: str
    """The one sentence that stands large below it."""
    subject: str
    """Rows of a list: what the page is about."""
    links: Sequence[tuple[str, str]]
    """(id, name) of the sections that can be gone to."""
    main: str
    """The sections."""
    footer: str
    needs: str
    """What is missing where scripts are off."""
    style: Path | None = None
    """What the page has besides the styles of all pages."""
    scripts: Sequence[Path]
    data: Mapping[str, Any]
    """id -> what its script reads, as JSON."""

    def html(self) -> str:
        """The whole file."""
        style = STYLE.read_text("utf-8") + (self.style.read_text("utf-8") if self.style else "")
        script = "".join(path.read_text("utf-8") for path in self.scripts)
        data = (
            f'<script type="application/json" id="{id}">{embedded(value)}</script>'
            for id, value in self.data.items()
        )
        links = (f'<a href="#{id}">{escape(name)}</a>' for id, name in self.links)
        return fill(
            HERE / "frame.html",
            policy=escape(policy(style, script)),
            title=escape(self.title),
            style=style,
            links="".join(links),
            heading=self.heading,
            verdict=self.verdict,
            subject=self.subject,
            main=self.main,
            footer=self.footer,
            needs=escape(self.needs),
            data="\n".join(data),
            script=script,
        )

    def write(self, path: Path) -> Path:
        """Write it aside and rename it, so that a reader never meets half of one."""
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(self.html(), encoding="utf-8", errors="replace")
        os.replace(aside, path)
        return path


def fill(template: Path, **slots: str) -> str:
    """A template with each {{slot}} filled, in one pass: what fills one is not looked into."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: slots[match[1]], template.read_text("utf-8"))


def policy(style: str, script: str) -> str:
    """Nothing is loaded, and only these very styles and this very script apply."""

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}"


def embedded(data: Any) -> str:
    """JSON that is safe inside a script element, and strict: no NaN, no raw markup."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
