"""The frame of every page: one file that loads nothing from anywhere.

Styles, script and data stand in it, and its content security policy allows no more than that. The
templates show what Python prepares: they escape every text, and a name that is not there is an
error. What the models wrote reaches a page as JSON too, which scripts only ever show as text.
"""

import hashlib
import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .elements import Term

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
"""The folder of what all pages share."""
STATIC, TEMPLATES = HERE / "static", HERE / "templates"
STYLE = STATIC / "page.css"
"""The style of every page."""
CHARTS, TEXT, TOKENS = (STATIC / f"{name}.js" for name in ("charts", "text", "tokens"))
"""Scripts that pages share."""
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
"""Characters that are not seen, or reorder others; line ends and tabs are not among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page. All of its texts are plain: the templates escape them."""

    template: Path
    """Template that extends base.html and shows `content`."""
    content: object
    """Record of all that is this page's own."""
    title: str
    """Title of the browser's tab."""
    heading: str
    verdict: str
    """The one sentence that stands large below the heading."""
    subject: Sequence[Term]
    """Rows of a list that says what the page is about."""
    links: Sequence[tuple[str, str]]
    """(id, name) of the sections that a reader can go to."""
    footer: str
    needs: str = "The curves and the rollouts need JavaScript, which is all in this file."
    """Sentence on what is missing where scripts are off."""
    style: Path | None = None
    """Styles beside those of all pages."""
    scripts: Sequence[Path] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    """id -> what the scripts read, as JSON."""
    allows: str = ""
    """More of a content security policy, for a page that a server of ours serves."""

    def html(self) -> str:
        """The whole file."""
        style = STYLE.read_text("utf-8") + (self.style.read_text("utf-8") if self.style else "")
        script = "".join(path.read_text("utf-8") for path in self.scripts)
        template = environment(self.template.parent).get_template(self.template.name)
        return template.render(
            page=self,
            content=self.content,
            policy="; ".join(filter(None, (policy(style, script), self.allows))),
            style=style,
            script=script,
        )

    def write(self, path: Path) -> Path:
        """Write the page aside and rename it, so that a reader never meets half of one."""
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(self.html(), encoding="utf-8", errors="replace")
        os.replace(aside, path)
        return path


@cache
def environment(folder: Path) -> "Environment":
    """The templates of a folder, beside those that all pages share."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only a page needs it

    made = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["json.dumps_function"] = json_text
    made.policies["json.dumps_kwargs"] = {}
    return made


def visible(value: object) -> object:
    """A text with its invisible characters made visible, so that none can hide or reorder the rest.
    What is HTML already stays as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", value)


def policy(style: str, script: str) -> str:
    """Nothing is loaded, and only these very styles and this very script apply."""

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}"


def json_text(data: object) -> str:
    """Strict JSON of plain values and records: no NaN, and no line ends that only some know. The
    filter `tojson`, which calls it, takes the markup out."""
    text = json.dumps(
        data, default=fields_of, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def fields_of(record: Any) -> dict[str, object]:
    """A record as JSON has it, for `json.dumps`."""
    if not is_dataclass(record):
        raise TypeError(f"{record!r} is not a record, and has no JSON.")
    return {one.name: getattr(record, one.name) for one in fields(record)}
