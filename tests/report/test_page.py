"""The frame of every page: its templates, and that text in them stays text."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from jinja2 import TemplateError, UndefinedError

import paceline
from paceline.report.elements import Term
from paceline.report.page import TEMPLATES, Page, environment, json_text
from tests.helpers.fake_run import NASTY

SOURCE = Path(paceline.__file__).parent
FOLDERS = sorted(SOURCE.rglob("templates"))
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.html"))]


@dataclass(frozen=True)
class Content:
    text: str


def rendered(folder: Path, main: str, **changes) -> str:
    (folder / "x.html").write_text(
        f'{{% extends "base.html" %}}{{% block main %}}{main}{{% endblock %}}'
    )
    kept = {
        "template": folder / "x.html", "content": Content(NASTY), "title": "t", "heading": "h",
        "verdict": "v", "subject": (Term("Task", "sums"),), "links": (), "footer": "f",
    }  # fmt: skip
    return Page(**kept | changes).html()


def test_a_text_is_escaped_wherever_it_stands(tmp_path):
    html = rendered(tmp_path, '<p title="{{ content.text }}">{{ content.text }}</p>')
    assert html.count("&lt;/script&gt;&lt;script&gt;alert(&#34;run&#34;)&lt;/script&gt;") == 2
    assert html.count("⟨U+001B⟩[31mred⟨U+202E⟩evil 中文 🚲 &amp;amp; ${x} {{data}}") == 2
    assert "<script" not in html  # a page without a script has none, and may have none
    assert "script-src &#39;sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=&#39;" in html


def test_data_cannot_end_its_element(tmp_path):
    script = tmp_path / "x.js"
    script.write_text("1")
    html = rendered(tmp_path, "", scripts=(script,), data={"d": Content(NASTY)})
    (data,) = re.findall(r'<script type="application/json" id="d">(.*)</script>', html)
    assert not re.search("[<>&'\u2028\u2029]", data) and json.loads(data) == {"text": NASTY}


@pytest.mark.parametrize("name", ["missing", "content.missing", "content.text.missing"])
def test_a_name_that_is_not_there_is_an_error(tmp_path, name):
    with pytest.raises(UndefinedError, match="missing"):
        rendered(tmp_path, f"{{{{ {name} }}}}")


def test_a_page_without_sections_is_an_error(tmp_path):
    (tmp_path / "y.html").write_text('{% extends "base.html" %}')
    with pytest.raises(TemplateError, match="Required block 'main' not found"):
        rendered(tmp_path, "", template=tmp_path / "y.html")


def test_json_is_strict():
    assert json_text({"a": Content("é"), "b": [None, 0.5]}) == '{"a":{"text":"é"},"b":[null,0.5]}'
    with pytest.raises(ValueError):
        json_text(float("nan"))
    with pytest.raises(TypeError, match="is not a record"):
        json_text({"a": object()})


def test_only_our_own_styles_and_script_stand_as_they_are():
    """A page that marks anything else as safe, or turns the escaping off, would be open."""
    assert len(FOLDERS) == 4 and len(FILES) == 8
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        safe = re.findall(r"\S+\|\s*safe|autoescape|Markup", text)
        assert safe == (["style|safe", "script|safe"] if path.name == "base.html" else []), path
        if path.name not in ("base.html", "elements.html", "reader.html"):
            assert '{% extends "base.html" %}' in text
    assert environment(TEMPLATES).autoescape is True


def test_no_html_is_made_in_python():
    for room in ("report", "analysis", "diagnostics"):
        for path in (SOURCE / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\bhtml import escape|markupsafe|Markup\(", text), path
            assert re.findall(r"</?(?:div|p|li|td|tr|th|dl|dt|dd|b|small|svg)\b[^>]*>", text) == []
