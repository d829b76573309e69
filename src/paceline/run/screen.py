"""The screen of a run: a table that grows by one line a step, and sentences.

There is no loss column: the loss of a policy gradient does not measure progress (with one update a
round it is about 0 by construction). In a terminal a status line shows the current work; elsewhere
there are only plain lines; in a notebook both are one output of the cell.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from ..store.records import Event, Measured, Share, StepRecord
from ..terminal import asked_columns
from ..text import counted, percent, short_duration, wrapped
from ..types import Rollout, Round
from .listeners import Listener
from .notebook import NotebookConsole, in_notebook
from .step_table import StepLine

PATIENT_STEPS = 20
"""Number of steps that a healthy run may need until most answers are finished."""
LITTLE_EXPLAINED = 0.05
"""Share of the rewards' variance below which a critic's forecast is no better than their mean."""
CONTROL_CHARACTERS = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]"  # terminal sequences
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # control characters but tab and newline
    r"|[\u202a-\u202e\u2066-\u2069]"  # what turns the direction of writing
)
"""A pattern of everything that could drive a terminal or reverse its text."""


class Terminal(Console):
    """A console that falls silent when nobody reads it any more (`paceline train demo | head`):
    rich would end the process."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Screen(Listener):
    """Prints a run to a terminal or a file.

    Args:
        steps: optimizer steps of the whole run, to compute the time left.
        quiet: True prints nothing.
        show_every: number of steps after which some completions are shown; 0 shows none.
    """

    def __init__(
        self,
        steps: int,
        *,
        quiet: bool = False,
        show_every: int = 0,
        console: Console | None = None,
    ) -> None:
        kind = NotebookConsole if in_notebook() else Terminal
        self.console = console or kind(quiet=quiet, highlight=False, soft_wrap=True)
        self.steps, self.show_every, self.lines = steps, show_every, 0
        self.recent: deque[float] = deque(maxlen=10)
        self.cut: deque[tuple[float, float]] = deque(maxlen=PATIENT_STEPS)
        self.explained: deque[float] = deque(maxlen=PATIENT_STEPS)
        self.said: set[str] = set()
        self.status: Status | None = None

    @property
    def width(self) -> int | None:
        """Number of columns that lines have to fit into; None if they may be of any length."""
        return self.console.width if self.console.is_terminal else asked_columns()

    def say(self, text: str, style: str = "") -> None:
        self.show(Text(wrapped(text, self.width), style=style))

    def show(self, what: RenderableType) -> None:
        """Print a table, or any other object that rich prints."""
        try:
            self.console.print(what)
        except OSError:  # a full disk behind a pipe: the run is worth more than what it says
            self.console.quiet = True

    def say_once(self, text: str, style: str = "yellow", *, once_for: str | None = None) -> None:
        """Print a remark the first time only: neither a second time, nor another one for the same
        reason."""
        if (once_for or text) not in self.said:
            self.said.add(once_for or text)
            self.say(f"  note: {text}", style)

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show the current work while it lasts; plain lines say it once."""
        if not self.console.is_terminal:
            self.say(f"{what} …")
            yield
            return
        with self.console.status(what) as self.status:
            try:
                yield
            finally:
                self.status = None

    def progress(self, what: str, finished: int, total: int) -> None:
        """Advance the status line."""
        if self.status is not None:
            self.status.update(f"{what}: {finished} of {counted(total, 'completion')}")

    def earlier_step(self, record: StepRecord) -> None:
        """Take in a step without printing it, to compute the time left."""
        self.recent.append(record.seconds)
        if record.accuracy is not None:
            self.cut.append((record.cut, record.accuracy))
        if record.explained_variance is not None:
            self.explained.append(record.explained_variance)

    def step(self, record: StepRecord, round: Round | None = None) -> None:
        """Print a step's line, and sometimes some completions of its round."""
        self.earlier_step(record)
        left = (self.steps - record.step) * sum(self.recent) / len(self.recent)
        line = StepLine(record, self.steps, left)
        if self.lines % 20 == 0:
            self.say(line.header, "dim")
        self.lines += 1
        self.say(str(line))
        self._remarks(record)
        looks = self.show_every and (record.step - 1) % self.show_every == 0
        if looks and round is not None and not round.given:
            self.completions(round)

    def event(self, event: Event) -> None:
        """Print what a user should know of an event besides the steps."""
        if event.kind in ("memory", "stuck"):
            self.say(f"  note: {event.text}", "yellow")
        elif event.kind == "not saved":
            self.say(f"  note: {event.text}.", "yellow")
        elif event.kind == "worker":
            self.say_once(f"{event.text}; the system may have ended it to free memory.")
        elif event.kind == "note":
            self.say_once(event.text)

    def _remarks(self, record: StepRecord) -> None:
        """Remarks on a step that does not look like one of a healthy run.

        A demo that learns has most completions cut for its first ten steps, and steps without any
        signal now and then; diagnostics/ tells of lasting problems.
        """
        if len(self.cut) == PATIENT_STEPS and all(hindered(*step) for step in self.cut):
            self.say_once(
                f"at each of the last {PATIENT_STEPS} steps more than half of the completions were "
                "cut by length; raise rollouts.max_tokens, or ask for shorter answers."
            )
        if len(self.explained) == PATIENT_STEPS and fmean(self.explained) < LITTLE_EXPLAINED:
            share = max(0.0, fmean(self.explained))
            self.say_once(
                f"over the last {PATIENT_STEPS} steps V explained {percent(share)} of the rewards, "
                "no more than one number for all would.",
                once_for="V explains little",
            )
        if record.empty > 0.5:
            self.say_once(
                "more than half of the completions are empty: the model stops at once; look at the "
                "first prompt and at model.chat_template."
            )
        if record.skipped:
            self.say_once("a gradient was not finite; that step changed nothing.", "red")

    def completions(self, round: Round, count: int = 3) -> None:
        """Print a few completions of the round: the best, the worst and one between."""
        ordered = sorted(round.rollouts, key=lambda r: r.verdict.reward, reverse=True)
        places = sorted({0, len(ordered) // 2, len(ordered) - 1})[:count]
        for place in places:
            self.show(_one_line(ordered[place], self.console.width))

    def evaluated(self, title: str, measured: Measured) -> None:
        """Print an accuracy on held-out problems."""
        told = list[str]()
        if measured.sampled and measured.greedy:
            told.append(
                f"sampled {_with_interval(measured.sampled, space=' ')}, "
                f"greedy {percent(measured.greedy.value, 1)} "
                f"on {counted(measured.n, 'held-out problem')}, {percent(measured.cut)} cut"
            )
        if measured.ordered and measured.pairs and measured.longer_wins is not None:
            told.append(
                f"{_with_interval(measured.ordered, space=' ')} of "
                f"{counted(measured.pairs, 'held-out pair')} in order, margin "
                f"{measured.pair_margin or 0.0:.3f}; the longer wins "
                f"{percent(measured.longer_wins, 1)}"
            )
        if measured.calibration_error is not None:
            told.append(f"calibration error {measured.calibration_error:.3f}")
        if measured.nll is not None and measured.token_accuracy is not None:
            rows = counted(measured.rows or 0, "held-out row")
            told.append(
                f"{measured.nll:.4f} nats a token on {rows}, "
                f"{percent(measured.token_accuracy, 1)} of the tokens the likeliest"
            )
        self.say(f"{title}: {'; '.join(told)} ({short_duration(measured.seconds)})")

    def remark_on(self, title: str, evaluation: Measured) -> None:
        """Print objections to a model that is used as it is; a model before training may not have
        learned to stop yet."""
        right = evaluation.sampled_accuracy
        if right is not None and hindered(evaluation.cut, right, share=0.3):
            self.say_once(
                f"{title}: {percent(evaluation.cut)} of the answers were cut by length and "
                "count as wrong; set rollouts.max_tokens or evaluation.max_tokens higher."
            )

    def table(self, before: Measured, after: Measured) -> None:
        """Print what was measured at first and at last and the difference, with 95 % intervals."""
        table = Table(title=f"{_measured_on(after)} (95 % intervals)")
        table.add_column("")
        for column in ("initial", "final", "Δ"):
            table.add_column(column, justify="right")
        for name, first, last in (
            ("sampled", before.sampled, after.sampled),
            ("greedy", before.greedy, after.greedy),
            ("pairs in order", before.ordered, after.ordered),
        ):
            if first and last:
                delta = f"{100 * (last.value - first.value):+.1f}"
                table.add_row(name, _with_interval(first), _with_interval(last), delta)
        if before.nll is not None and after.nll is not None:
            delta = f"{after.nll - before.nll:+.4f}"
            table.add_row("nats a token", _nll(before), _nll(after), delta)
        for name, digits, of in FIGURES:
            first, last = of(before), of(after)
            if first is not None and last is not None:
                cells = (f"{first:.{digits}f}", f"{last:.{digits}f}", f"{last - first:+.{digits}f}")
                table.add_row(name, *cells)
        self.show(table)

    def scorer(self, after: Measured, model: Path) -> None:
        """Print what is to be known of a reward model that was trained: how sure it may be, and how
        it is used."""
        told = []
        if after.temperature is not None and after.calibration_error is not None:
            told.append(
                f"divided by {after.temperature:.3g}, the temperature that the held-out pairs ask "
                f"for: calibration error {after.calibration_error_before or 0.0:.3f} → "
                f"{after.calibration_error:.3f}"
            )
        if after.length_correlation is not None:
            told.append(f"rank correlation of score and length {after.length_correlation:+.2f}")
        for text in told:
            self.say(f"scores   {text}")
        separates = "" if after.right_from is None else f", right_from={after.right_from:.3g}"
        self.say(f'reward   RewardModel("{model}"{separates})')


FIGURES: tuple[tuple[str, int, Callable[[Measured], float | None]], ...] = (
    ("margin", 3, lambda measured: measured.pair_margin),
    ("calibration error", 3, lambda measured: measured.calibration_error),
)
"""Figures of the table before and after: name, digits and place."""


def _measured_on(measured: Measured) -> str:
    if measured.sampled is None and measured.pairs is not None:
        longer = percent(measured.longer_wins or 0.0, 1)
        return f"{counted(measured.pairs, 'held-out pair')}, of which the longer wins {longer}"
    if measured.sampled is None:
        return f"likelihood of {counted(measured.n, 'held-out row')}"
    return f"accuracy on {counted(measured.n, 'held-out problem')}"


def _nll(measured: Measured) -> str:
    low, high = measured.intervals["nll"]
    return f"{measured.nll:.4f}  [{low:.4f}–{high:.4f}]"


def hindered(cut: float, right: float, share: float = 0.5) -> bool:
    """True if more than this share of the answers was cut, and nothing shows that cut ones are
    paid: more right answers than finished ones would. Where all are cut and some are right, it is
    no trouble."""
    return cut > share and round(right + cut, 9) <= 1


def _with_interval(share: Share, space: str = "  ") -> str:
    """Example: 78.4 % [74.6–81.8]; without the brackets where the interval is not known."""
    if share.interval is None:
        return percent(share.value, 1)
    low, high = share.interval
    return f"{percent(share.value, 1)}{space}[{100 * low:.1f}–{100 * high:.1f}]"


def _one_line(rollout: Rollout, width: int) -> Text:
    """question → answer, reward and reason, on one line, without control characters."""
    room = max(20, (width - 30) // 2)
    text = Text("       ")
    text.append(shortened(rollout.problem.question, room), "dim")
    text.append("  →  ")
    text.append(shortened(rollout.completion.text, room))
    style = "green" if rollout.verdict.solved else "red"
    return text.append(f"  {rollout.verdict.reward:.2f}", style)


def printable(text: str) -> str:
    """Model text without what could drive a terminal."""
    return CONTROL_CHARACTERS.sub("", text)


def shortened(text: str, room: int) -> str:
    """One line of printable text; an ellipsis replaces the middle if it is too long."""
    plain = printable(" ".join(text.split()))
    if len(plain) <= room:
        return plain
    return f"{plain[: room // 2 - 1]} … {plain[-(room - room // 2 - 2) :]}"
