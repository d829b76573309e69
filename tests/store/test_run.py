"""A run as a value: what a prompt and a notebook show of it."""

from argparse import Namespace
from html.parser import HTMLParser

import pytest

from paceline import Run
from paceline.cli.commands import model_config
from paceline.errors import ConfigError
from tests.helpers.fake_run import write_lines, write_summary
from tests.helpers.records import a_measurement, a_step, a_summary, some_pairs


def made(folder, summary=None, steps=3):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"config": {}}')
    write_lines(folder / "metrics.jsonl", [a_step(step=step) for step in range(1, steps + 1)])
    if summary is not None:
        write_summary(folder, summary)
    return Run(folder)


def test_a_repr_says_how_far_the_run_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = a_summary(before=a_measurement(0.0224), after=a_measurement(0.77))
    made(tmp_path / "runs" / "demo", whole, steps=80)
    assert repr(Run("runs/demo")) == (
        "Run('runs/demo'): finished, 80 steps, "
        "sampled accuracy 2.2 → 77.0 % on 500 held-out problems"
    )
    half = made(tmp_path / "a", a_summary(finished=False, before=a_measurement(0.1)))
    assert repr(half) == f"Run('{tmp_path}/a'): not finished, 3 steps"
    assert repr(made(tmp_path / "b", steps=1)).endswith("/b'): not finished, 1 step")
    assert repr(Run("nowhere")) == "Run('nowhere'): holds no run"


def test_a_repr_of_a_run_on_pairs_says_how_many_are_in_order(tmp_path):
    run = made(tmp_path / "r", a_summary(before=some_pairs(0.5), after=some_pairs(0.9)))
    assert repr(run).endswith("finished, 3 steps, 50.0 → 90.0 % of 300 held-out pairs in order")


def test_a_run_that_has_only_begun_is_no_model_of_the_hub(tmp_path):
    """It has not written an event yet."""
    begun = made(tmp_path / "begun")
    known = Namespace(model=str(begun.path))
    with pytest.raises(ConfigError, match=r"^The run '.*' has no model yet: it was stopped, or"):
        model_config(known, {})


def test_a_file_that_is_not_whole_does_not_break_the_prompt(tmp_path):
    run = made(tmp_path / "r")
    (tmp_path / "r" / "summary.json").write_text('{"finished": tr')
    assert repr(run).endswith("cannot be read")
    (tmp_path / "r" / "summary.json").write_text('{"finished": true}')  # nor does an odd one
    assert repr(run).endswith("cannot be read")


class Links(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found, self.tags = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if name == "href"]


def test_a_notebook_gets_a_link_to_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = made(tmp_path / "runs" / "50 % <b>", a_summary())
    assert Links(run._repr_html_()).found == []  # there is no report yet
    (run.path / "report.html").touch()
    run.model.mkdir()
    links = Links(run._repr_html_())
    # Relative to where the notebook is; neither the space nor the tag is taken for markup.
    assert links.found == ["runs/50%20%25%20%3Cb%3E/report.html", "runs/50%20%25%20%3Cb%3E/model"]
    assert links.tags == ["p", "b", "a", "a"] and "finished, 3 steps" in run._repr_html_()
