"""The screen in a notebook."""

import subprocess
import sys
from threading import Thread

import pytest
from rich.table import Table
from rich.text import Text

from paceline.run import notebook
from paceline.run.notebook import FIRST, LAST, NotebookConsole, in_notebook


class Shown:
    """The display of a notebook: the contents that one output has had."""

    def __init__(self):
        self.contents = []
        self.last = []
        """What is called at the end of the cell."""

    def __call__(self, content, *, raw, display_id):
        assert raw and display_id and not self.contents
        self.contents.append(content)
        return self

    def update(self, content, *, raw):
        self.contents.append(content)

    @property
    def html(self):
        return self.contents[-1]["text/html"]

    @property
    def text(self):
        return self.contents[-1]["text/plain"]


@pytest.fixture
def shown(monkeypatch):
    """The display; each line is sent at once."""
    made = Shown()
    monkeypatch.setattr("IPython.core.display_functions.display", made)
    monkeypatch.setattr(notebook, "PRINT_SECONDS", 0.0)
    monkeypatch.setattr(notebook, "after_the_cell", made.last.append)
    return made


def test_all_that_is_printed_is_in_one_output(shown):
    console = NotebookConsole(highlight=False, soft_wrap=True)
    console.print(Text("paceline: demo", style="bold"))
    console.print("a <b>model</b> & what it says")
    table = Table(title="accuracy")
    table.add_column("initial")
    table.add_row("2.2 %")
    console.print(table)
    assert shown.text.startswith("paceline: demo\na <b>model</b> & what it says\n")
    assert "font-weight: bold" in shown.html
    assert "a &lt;b&gt;model&lt;/b&gt; &amp; what it says" in shown.html and "<b>" not in shown.html
    assert "2.2 %" in shown.text and len(shown.contents) == 3


def test_what_is_being_done_is_a_last_line_that_goes(shown, monkeypatch):
    monkeypatch.setattr(notebook, "STATUS_SECONDS", 0.0)
    console = NotebookConsole()
    with console.status("sampling <x>") as status:
        assert "sampling &lt;x&gt; …" in shown.html
        status.update("sampling: 3 of 8")
        console.print("a line")
        assert shown.text == "a line\nsampling: 3 of 8 …"
    assert shown.text == "a line"


def test_progress_is_not_sent_more_often_than_it_can_be_read(shown):
    console = NotebookConsole()
    console.print("a line")
    with console.status("sampling") as status:
        for number in range(1000):
            status.update(f"{number} of 1000")
    assert len(shown.contents) < 20


def test_a_long_run_shows_its_plan_and_its_newest_lines(shown):
    console = NotebookConsole()
    for number in range(1000):
        console.print(f"line {number}")
    lines = shown.text.split("\n")
    assert lines[: FIRST + 1] == [*(f"line {i}" for i in range(FIRST)), "⋮"]
    assert lines[-1] == "line 999" and len(lines) == FIRST + LAST + 1


def test_a_quiet_one_shows_nothing(shown):
    console = NotebookConsole(quiet=True)
    console.print("a line")
    with console.status("sampling"):
        pass
    assert shown.contents == []


def test_a_script_is_no_notebook_and_does_not_load_one():
    assert not in_notebook()
    code = "import sys, paceline.run.screen; sys.exit('IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_many_lines_are_not_sent_one_by_one_and_none_is_lost(shown, monkeypatch):
    monkeypatch.setattr(notebook, "PRINT_SECONDS", 3600.0)
    console = NotebookConsole()
    for number in range(100):
        console.print(f"line {number}")
    assert len(shown.contents) == 1 and len(shown.last) == 1
    shown.last[0]()
    assert shown.text.split("\n")[-1] == "line 99" and len(shown.contents) == 2


def test_lines_of_several_threads_stay_whole(shown):
    console = NotebookConsole(highlight=False, soft_wrap=True)

    def say(name):
        for number in range(50):
            console.print(f"{name} says <{number}>", style="bold")

    threads = [Thread(target=say, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(console._lines) == 200
    for html, text in console._lines:
        assert text.replace("<", "&lt;").replace(">", "&gt;") in html
