"""The screen of a run in a notebook: one output below the cell, updated in place.

rich prints a block a line there, so that a run of some hundred steps fills the page; and what a
block shows as "working" stays for ever.
"""

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from threading import RLock
from typing import Any

from rich.console import Console

WIDTH = 100
"""Columns of the output."""
FIRST, LAST = 40, 160
"""Lines that are shown of a long output: the plan, and the newest."""
STATUS_SECONDS = 0.5
"""Least time between two updates for a status line alone."""
PRINT_SECONDS = 0.2
"""Least time between two updates for lines: each sends the whole output, and a notebook's server
drops what comes faster than a megabyte a second."""
BOX = "display:flex;flex-direction:column-reverse;max-height:36em;overflow:auto"
"""CSS around the output. A box in reversed order stays at its end when its content is renewed."""
STYLE = "font-size:12px;line-height:1.35;white-space:pre;margin:0"
"""CSS of the output."""
Line = tuple[str, str]
"""A line of the output: as HTML, and as plain text."""


def in_notebook() -> bool:
    """True in a process that runs the cells of a notebook."""
    shell = sys.modules.get("IPython")  # a kernel has loaded it
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


def after_the_cell(call: Callable[[], None]) -> None:
    """Call a function once, when the cell that is running has ended."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return

    def ended(*_: object) -> None:
        shell.events.unregister("post_run_cell", ended)
        call()

    shell.events.register("post_run_cell", ended)


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
        self._turn, self._waits = RLock(), False  # notes come from other threads

    def print(self, *objects: Any, **settings: Any) -> None:
        """Add lines to the output."""
        with self._turn:
            super().print(*objects, **settings)
            if self.quiet:
                return
            html = self.export_html(clear=False, inline_styles=True, code_format="{code}")
            text = self.export_text(clear=True)
            self._lines += zip(html.splitlines(), text.splitlines(), strict=True)
            self._show_soon(PRINT_SECONDS)

    @contextmanager
    def status(self, status: Any, **settings: Any) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A context with a last line that says what is being done; it gives what `update` renews
        the line with."""
        self.update(status)
        try:
            yield self
        finally:
            with self._turn:
                self._status = ""
                self._show_soon(PRINT_SECONDS)

    def update(self, status: str) -> None:
        """Renew the last line, not more often than it can be read."""
        with self._turn:
            self._status = str(status)
            self._show_soon(STATUS_SECONDS)

    def _show_soon(self, seconds: float) -> None:
        """Show the output now, if so much time has passed since the last time; else with what is
        printed next, or at the end of the cell."""
        if time.monotonic() - self._shown >= seconds:
            self._show()
        elif not self._waits:
            self._waits = True
            after_the_cell(self._show_rest)

    def _show_rest(self) -> None:
        with self._turn:
            if self._waits:
                self._show()

    def _show(self) -> None:
        from IPython.core.display_functions import display

        self._waits = False
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
