"""Reports of runs while they go on, served to browsers of this machine alone.

One small page shows the runs beside each other, each with its report in a frame. It asks one
address for their state every few seconds, and loads a report again where its run's files have
changed. Nothing is rendered that nobody looks at, and rendering takes a small share of one core's
time: the run is worth more than its picture.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

from ..companion import begin_companion, wait_for_end_of_run
from ..errors import ConfigError
from ..store.folder import check_is_run
from ..store.new_lines import NewLines
from ..store.records import StepRecord
from ..store.run import Run
from ..store.snapshot import read_run, state_of
from . import page
from .page import STATIC, TEMPLATES, Page

HOST = "127.0.0.1"
"""The address that is listened at: other machines cannot reach it."""
PORT = 7860
"""The port that is tried first."""
HIGHEST_PORT = 65535
"""The highest port that a machine has."""
LOOK_SECONDS = 2.0
"""Seconds between two looks of a browser at the state."""
PATIENCE = 20.0
"""Least time between two renderings of a report, in times that the last one took."""
FILES = ("metrics.jsonl", "events.jsonl", "summary.json")
"""Files of a run whose change is a change of its report."""
NAMES = frozenset({"127.0.0.1", "localhost"})
"""Names under which a browser of this machine may ask: a page of another site that has its own name
resolved to this address is refused."""


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run, as its head on the page says it.

    Example: RunState("demo", "going", step=31, steps=80, solved=0.62, version="a81c")
    """

    name: str
    state: str
    """going, finished, interrupted or stopped; missing where it cannot be read."""
    step: int
    steps: int
    solved: float | None
    """Share of the newest round's completions that were right."""
    version: str
    """Another one whenever the report may have changed."""


class LiveReport:
    """The report of one run, rendered again when its files have changed.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        check_is_run(path)
        self.path, self.clock = path, clock
        self._lock = Lock()
        self._html, self._rendered = b"", ""
        self._next = -1.0
        self._lines = NewLines(path / "metrics.jsonl")
        self._last: StepRecord | None = None

    @property
    def version(self) -> str:
        """The version of the run's files now."""
        found = ((self.path / name) for name in FILES)
        return "-".join(f"{f.stat().st_mtime_ns:x}" if f.is_file() else "0" for f in found)

    def state(self) -> RunState:
        """The state of the run now; of its steps only new ones are read."""
        offered = self.offered()
        try:
            with self._lock:
                for line in self._lines:
                    self._last = StepRecord.from_json(line)
                last = self._last
            run = Run(self.path)
            description = run.description
            return RunState(
                name=description.name or self.path.name,
                state=state_of(run.outcome),
                step=last.step if last else 0,
                steps=description.steps,
                solved=last.accuracy if last else None,
                version=offered,
            )
        except (OSError, ConfigError):
            return RunState(self.path.name, "missing", 0, 0, None, offered)

    def offered(self) -> str:
        """The version that a browser should show: the newest, unless the last rendering is too
        recent, considering how long it took."""
        with self._lock:
            return self._rendered if self.clock() < self._next else self.version

    def html(self) -> bytes:
        """The page, rendered if the files have changed and it is time."""
        version = self.offered()
        with self._lock:
            if version != self._rendered:
                began = self.clock()
                self._html = page(read_run(self.path)).html().encode("utf-8", "replace")
                self._rendered = version
                self._next = self.clock() + PATIENCE * (self.clock() - began)
            return self._html


def shell(names: Sequence[str]) -> bytes:
    """The page around the reports."""
    title = names[0] if len(names) == 1 else f"{len(names)} runs"
    made = Page(
        template=TEMPLATES / "live.html",
        content=names,
        title=f"{title} · paceline",
        heading="",
        verdict="",
        subject=(),
        links=(),
        footer="",
        needs="This page needs JavaScript, which is all in it.",
        style=STATIC / "live.css",
        scripts=(STATIC / "live.js",),
        data={"live-data": {"look": LOOK_SECONDS}},
        allows="connect-src 'self'; frame-src 'self'",
    )
    return made.html().encode()


class LiveServer(ThreadingHTTPServer):
    """Serves the reports of some runs on this machine.

    Attributes:
        address: where a browser finds it.

    Raises: ConfigError for a folder that is no run, or a port that is taken.
    """

    daemon_threads = True

    def __init__(self, paths: Sequence[Path], port: int | None = None) -> None:
        if port is not None and not 0 <= port <= HIGHEST_PORT:
            raise ConfigError(f"--port is {port}; give one from 0 (any) to {HIGHEST_PORT}.")
        self.reports = [LiveReport(path) for path in paths]
        ports = range(PORT, PORT + 100) if port is None else (port,)
        for one in ports:
            try:
                super().__init__((HOST, one), _Handler)
                break
            except OSError as error:
                if one == ports[-1]:
                    raise ConfigError(
                        f"Port {one} of this machine cannot be listened at ({error.strerror}); "
                        "name another with --port."
                    ) from None
        self.address = f"http://{HOST}:{self.server_port}/"

    def reply(self, path: str) -> tuple[str, bytes] | None:
        """The type and the content of what a path names; None if it names nothing."""
        if path == "/":
            return "text/html", shell([report.path.name for report in self.reports])
        if path == "/state.json":
            states = [asdict(report.state()) for report in self.reports]
            return "application/json", json.dumps(states).encode()
        number = path.removeprefix("/report/")
        if path.startswith("/report/") and number.isdecimal() and int(number) < len(self.reports):
            return "text/html", self.reports[int(number)].html()
        return None


def serve() -> None:
    """Serve the report of the run that the command line names until that run ends: the program of a
    process beside it."""
    pipe = begin_companion()
    run = Path(sys.argv[1])
    try:
        server = LiveServer([run])
    except ConfigError as error:
        print(f"paceline: {error}", flush=True)
        return
    print(f"{server.address} shows {run} while it goes on", flush=True)
    Thread(target=server.serve_forever, daemon=True).start()
    wait_for_end_of_run(pipe)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with suppress(ConnectionError):  # the tab was closed meanwhile
            self._answer()

    def _answer(self) -> None:
        asked = (self.headers.get("Host") or "").partition(":")[0]
        if asked not in NAMES:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        try:
            assert isinstance(self.server, LiveServer)
            found = self.server.reply(self.path.partition("?")[0])
        except (OSError, ConfigError) as error:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, explain=str(error))
            return
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, content = found
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """A line for every look would hide what the terminal says."""
