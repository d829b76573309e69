"""The screen of a run in a notebook: one output below the cell, updated in place.

rich prints a block a line there, so that a run of some hundred steps fills the page; and what a
block shows as "working" stays for ever.
"""

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from rich.console import Console

WIDTH = 100
"""Columns of the output."""
FIRST, LAST = 40, 160
"""Lines that are shown of a long output: the plan, and the newest."""
STATUS_SECONDS = 0.5
"""Least time between two updates for a status line alone."""
BOX = "display:flex;flex-direction:column-reverse;max-height:36em;overflow:auto"
"""CSS around the output: reversed, as a box whose content is renewed shows its end then."""
STYLE = "font-size:12px;line-height:1.35;white-space:pre;margin:0"
"""CSS of the output."""
Line = tuple[str, str]
"""A line of the output: as HTML, and as plain text."""


def in_notebook() -> bool:
    """True in a process that runs the cells of a notebook."""
    shell = sys.modules.get("IPython")  # a kernel has loaded it
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


class NotebookConsole(Console):
    """A console that shows everything printed so far in one output of the cell."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            file=io.StringIO(), record=True, force_terminal=True, force_jupyter=False,
            width=WIDTH, color_system="standard", **settings,
        )  # fmt: skip
        self._lines: list[Line] = []
        self._status, self._shown = "", 0.0
        self._display: Any = None

    def print(self, *objects: Any, **settings: Any) -> None:
        """Add lines to the output."""
        super().print(*objects, **settings)
        if self.quiet:
            return
        html = self.export_html(clear=False, inline_styles=True, code_format="{code}")
        text = self.export_text(clear=True)
        self._lines += zip(html.splitlines(), text.splitlines(), strict=False)
        self._show()

    @contextmanager
    def status(self, status: Any, **settings: Any) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A context with a last line that says what is being done; it gives what `update` renews
        the line with."""
        self.update(status)
        try:
            yield self
        finally:
            self._status = ""
            self._show()

    def update(self, status: str) -> None:
        """Renew the last line, not more often than it can be read."""
        self._status = str(status)
        if time.monotonic() - self._shown >= STATUS_SECONDS:
            self._show()

    def _show(self) -> None:
        from IPython.core.display_functions import display

        if self.quiet:
            return
        content = {"text/html": self._html(), "text/plain": self._text()}
        self._shown = time.monotonic()
        if self._display is None:
            self._display = display(content, raw=True, display_id=True)
        else:
            self._display.update(content, raw=True)

    def _html(self) -> str:
        lines = [html for html, _ in self._kept()]
        if self._status:
            lines.append(f"<i>{escape(self._status)} …</i>")
        text = "\n".join(lines)
        return f'<div style="{BOX}"><pre style="{STYLE}">{text}</pre></div>'

    def _text(self) -> str:
        lines = [text for _, text in self._kept()]
        if self._status:
            lines.append(f"{self._status} …")
        return "\n".join(lines)

    def _kept(self) -> list[Line]:
        if len(self._lines) > FIRST + LAST:
            self._lines[FIRST:-LAST] = [("⋮", "⋮")]
        return self._lines
