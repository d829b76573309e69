"""Pages as a browser sees them."""

import base64
import hashlib
import json
import re
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


def assert_loads_nothing(page: Page) -> None:
    """Nothing of a page comes from elsewhere, and no script or style applies but its own."""
    links = [a[k] for _, a in page.elements for k in ("src", "href") if a.get(k)]
    assert all(str(link).startswith("#") or str(link).endswith("/report.html") for link in links)
    assert not re.search(r"url\(|@import", page.raw["style"])
    assert not re.search(r"fetch\(|XMLHttp|import\(|WebSocket", page.raw.get("script", ""))
    assert not [n for _, a in page.elements for n in a if n == "style" or n[:2] == "on"]
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv")]
    assert policy and policy.startswith("default-src 'none'")
    for name in ("script", "style"):
        text = page.raw.get(name, "").encode()
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def assert_inert(page: Page, scripts: int) -> None:
    """No text of a model or a user is anything but text, and no script could make it more.

    Args:
        scripts: script elements of the page, its data among them.
    """
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == scripts and "img" not in tags
    for raw in ("alert(1)>", "</script><script>alert", "\u2028", "\u2029", "\x00", "\x1b"):
        assert raw not in page.source
    data = [text for name, text in page.raw.items() if name.endswith("-data")]
    assert not [text for text in data if re.search("[<>&]", text)]
    for writer in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert writer not in page.raw.get("script", "")
