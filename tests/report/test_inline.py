"""A report inside a notebook."""

from html.parser import HTMLParser

import pytest

from paceline import Run, show_report
from paceline.errors import ConfigError
from tests.helpers.fake_run import fake_run


class Frames(HTMLParser):
    """The attributes of each frame of a page."""

    def __init__(self, html):
        super().__init__()
        self.frames = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        assert tag == "iframe", "what the page holds stays inside its frame"
        self.frames.append(dict(attrs))


def test_a_notebook_gets_the_whole_page_in_a_frame(tmp_path):
    folder = fake_run(tmp_path / "demo", 3, of=3)
    found = show_report(Run(folder), height=300)
    (frame,) = Frames(found._repr_html_()).frames
    assert frame["srcdoc"] == found.html and frame["height"] == "300"
    assert frame["sandbox"] == "allow-scripts"  # what a model wrote reaches nothing outside
    assert "<title>demo" in found.html
    assert show_report(str(folder)).html == found.html


def test_a_folder_without_a_run_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="not a run directory"):
        show_report(tmp_path)
