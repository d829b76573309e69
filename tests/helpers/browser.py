"""Pages as a browser sees them."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
"""Chromium, where there is one."""


class Page(HTMLParser):
    """The page as a browser's parser sees it: its elements, its visible text, its data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = {}
        self.text = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag in ("script", "style") and data.strip():
            self.raw[attributes.get("id") or tag] = data
        else:
            self.text += data

    def data(self, name: str) -> dict[str, Any]:
        return json.loads(self.raw[f"{name}-data"])
