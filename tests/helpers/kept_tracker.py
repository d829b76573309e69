"""A tracker that keeps what it is sent, in memory."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class KeptTracker:
    """Args: fails_at: a step whose figures it raises at; fails: how often."""

    fails_at: int | None = None
    fails: int = 1_000_000
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def start(self, run, sent: int) -> str:
        self.run = run
        self.calls.append(("start", sent))
        return "is kept in memory"

    def log(self, figures, step: int) -> None:
        if step == self.fails_at and self.fails:
            self.fails -= 1
            raise ConnectionError("the server\nhas gone")
        kind = {name.partition("/")[0] for name in figures}
        self.calls.append((" ".join(sorted(kind)), step))

    def completions(self, table, step: int) -> None:
        self.calls.append(("completions", step))

    def report(self, page: Path, step: int) -> None:
        self.calls.append(("report", page.name))

    def finish(self, state: str) -> None:
        self.calls.append(("finish", state))

    def sent(self, kind: str) -> list[Any]:
        return [value for called, value in self.calls if called == kind]
