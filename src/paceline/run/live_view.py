"""The live view of a run that asks for it (`watch=true`): a process beside it serves its report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..companion import Companion

SERVE = "paceline.report.live:serve"
"""The program of the process: a function of another room, as this one loads torch."""
END_SECONDS = 5.0
"""Longest time that the process has for its end; it serves pages only, and nothing is lost."""


@contextmanager
def live_view(run: Path, told: Callable[[str], None]) -> Iterator[None]:
    """A context in which the report of a run is served on this machine.

    Args:
        told: called with the address, or the reason why there is none.
    """
    over = False

    def ended(last_words: str) -> None:
        if not over:
            told(f"The report is not shown any more: its process ended ({last_words}).")

    try:
        view = Companion(SERVE, [str(run)], told, ended)
    except OSError as error:  # no memory for another process, say
        told(f"The report cannot be shown while the run goes on ({error.strerror}).")
        yield
        return
    try:
        yield
    finally:
        over = True
        view.close()
        if not view.ends_within(END_SECONDS):
            view.kill()
