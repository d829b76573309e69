"""Reports of runs while they go on."""

import json
import shutil
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from paceline.errors import ConfigError
from paceline.report.live import HOST, LOOK_SECONDS, PATIENCE, LiveReport, LiveServer, shell
from tests.helpers.fake_run import fake_run


class Clock:
    """Seconds that pass when a test says so; each look takes some."""

    def __init__(self):
        self.now, self.takes = 100.0, 0.0

    def __call__(self):
        self.now += self.takes
        return self.now


@pytest.fixture
def run(tmp_path):
    """A run that is going on."""
    run = fake_run(tmp_path / "run", 3, of=5)
    (run / "summary.json").unlink()
    return run


def one_more_step(run: Path) -> None:
    """A step that a run has written since."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    newest = {**json.loads(lines[-1]), "step": len(lines) + 1, "accuracy": 0.875}
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(newest) + "\n")


def test_the_state_is_that_of_the_files(run):
    report = LiveReport(run)
    state = report.state()
    assert (state.step, state.steps, state.state) == (3, 5, "going")
    one_more_step(run)
    assert (report.state().step, report.state().solved) == (4, 0.875)
    assert report.state().version != state.version


def test_a_report_is_rendered_again_when_files_have_changed_and_not_before(run):
    report = LiveReport(run, Clock())  # no time passes
    first = report.html()
    assert b"<!doctype html>" in first and report.html() is first
    one_more_step(run)
    again = report.html()
    assert again != first and report.html() is again


def test_rendering_takes_a_small_share_of_the_time(run):
    clock = Clock()
    report = LiveReport(run, clock)
    clock.takes = 1.0  # a rendering seems to take seconds
    first, shown = report.html(), report.version
    clock.takes = 0.0
    one_more_step(run)
    assert report.offered() == shown and report.html() is first  # it is too early for another one
    clock.now += PATIENCE * 4
    assert report.offered() == report.version != shown and report.html() is not first


def test_a_run_that_cannot_be_read_is_missing_and_others_go_on(run):
    report = LiveReport(run)
    shutil.rmtree(run)
    assert report.state().state == "missing"
    with pytest.raises(ConfigError, match="There is no folder"):
        LiveReport(run)


def test_the_page_around_them_has_a_frame_for_each(run):
    text = shell(["one", "<two>"]).decode()
    assert text.count("<iframe") == 2 and "/report/1" in text and "&lt;two&gt;" in text
    assert f'{{"look":{LOOK_SECONDS}}}' in text
    assert "connect-src 'self'; frame-src 'self'" in text.replace("&#39;", "'")


@pytest.fixture
def server(run, tmp_path):
    other = fake_run(tmp_path / "other", 2, of=2)
    with LiveServer([run, other], port=0) as made:
        Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def get(server, path, **headers):
    connection = HTTPConnection(HOST, server.server_port)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read()


def test_page_state_and_reports_are_served(server):
    status, kind, body = get(server, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8") and body.count(b"<iframe") == 2
    status, kind, body = get(server, "/state.json")
    assert (status, kind) == (200, "application/json; charset=utf-8")
    assert [one["step"] for one in json.loads(body)] == [3, 2]
    status, _, body = get(server, "/report/1?anything")
    assert status == 200 and b"report" not in body[:15] and b"<!doctype html>" in body[:200]


@pytest.mark.parametrize("path", ["/report/2", "/report/-1", "/report/", "/report/../x", "/x"])
def test_nothing_else_is_served(server, path):
    assert get(server, path)[0] == 404


def test_a_page_of_another_name_is_refused(server):
    assert get(server, "/state.json", Host=f"evil.example:{server.server_port}")[0] == 403
    assert get(server, "/state.json", Host=f"localhost:{server.server_port}")[0] == 200


def test_a_run_that_is_gone_is_an_error_of_its_report_alone(server, run):
    shutil.rmtree(run)
    assert get(server, "/report/0")[0] == 500 and get(server, "/report/1")[0] == 200
    states = json.loads(get(server, "/state.json")[2])
    assert [one["state"] for one in states] == ["missing", "finished"]


def test_a_port_that_is_taken_is_told(server, run):
    with pytest.raises(ConfigError, match=f"Port {server.server_port} of this machine cannot be"):
        LiveServer([run], port=server.server_port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_no_machine_has_is_told(run, port):
    with pytest.raises(ConfigError, match=f"--port is {port}; give one from 0"):
        LiveServer([run], port=port)


def test_only_this_machine_is_listened_at(server):
    assert server.server_address[0] == "127.0.0.1" and server.address.startswith(
        "http://127.0.0.1:"
    )
