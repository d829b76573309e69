"""The notebooks of examples/, and runs in a kernel: executed by the program that executes them
everywhere."""

from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

import paceline

PLACES = sorted((Path(paceline.__file__).parents[2] / "examples/notebooks").glob("*.ipynb"))


def executed(book, folder):
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return book


def outputs(book):
    return [one for cell in book.cells for one in cell.get("outputs", ())]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.stem)
def test_a_notebook_runs_as_it_stands(path, tmp_path):
    book = executed(nbformat.read(path, as_version=4), tmp_path)
    assert (tmp_path / "runs").is_dir()
    shown = [one.get("data", {}).get("text/html", "") for one in outputs(book)]
    pages = [html for html in shown if "<iframe srcdoc=" in html]
    assert pages and all("rollouts-data" in html for html in pages)


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert not outputs(book)
    assert all(cell.get("execution_count") is None for cell in book.cells)


def test_a_run_has_one_output_that_is_renewed(tmp_path):
    config = "paceline.recipes.tiny().with_(steps=30, out='run', show_every=0)"
    cells = [f"import paceline\nconfig = {config}", "run = paceline.train(config)", "run"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    executed(book, tmp_path)
    shown = [one for one in book.cells[1].outputs if one.output_type == "display_data"]
    assert len(shown) == 1
    text = shown[0]["data"]["text/plain"]
    assert "paceline: tiny" in text and "  30/30  " in text and "report   run/report.html" in text
    assert "evaluating" not in text  # what was being done is not there any more
    (result,) = book.cells[2].outputs
    assert "finished, 30 steps" in result["data"]["text/html"]


TRAIN = """
import paceline
config = paceline.recipes.tiny().with_(out="run", steps=100_000, show_every=0, save_every=0)
paceline.train(config)
"""


@pytest.fixture
def kernel(tmp_path):
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def shown(client):
    """The newest text of the run's output, waited for."""
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["msg_type"] in ("display_data", "update_display_data"):
            return message["content"]["data"].get("text/plain", "")


def test_the_stop_button_saves_and_the_kernel_goes_on(kernel, tmp_path):
    manager, client = kernel
    asked = client.execute(TRAIN)
    while "/100000 " not in shown(client):
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=120)
    assert reply["parent_header"]["msg_id"] == asked
    assert reply["content"]["ename"] == "Interrupted"
    assert list((tmp_path / "run/checkpoints").iterdir()) and (tmp_path / "run/model").is_dir()
    # The same cell again meets its own run, and is told what to do; the kernel has its names.
    answer = client.execute_interactive(TRAIN, timeout=120, output_hook=lambda message: None)
    assert answer["content"]["ename"] == "ConfigError"
    assert "resume" in answer["content"]["evalue"]
    more = "paceline.resume('run', config.with_(steps=paceline.Run.open('run').steps + 2))"
    answer = client.execute_interactive(more, timeout=120, output_hook=lambda message: None)
    assert answer["content"]["status"] == "ok", answer["content"]
    assert paceline.Run.open(tmp_path / "run").finished
