"""The distance of each policy from its start as a KL, measured from the rounds when the runs are
over.

Most objectives have no KL term, and then nothing in training computes a KL. The rounds on disk hold
what is needed but for the start's own log-probabilities, which some passes without gradient give.

The estimator is k1, the mean log-ratio. k3 is smoother while the two are near; once the policy has
moved far, it is the mean of a ratio with a heavy tail, and one token of 400 can make most of it.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ... import config as configuration
from ...layout import TokenRows, pad
from ...model import Policy
from ...preflight.load import load
from ...report.rollouts import spread
from ...run import build
from ...run.screen import Screen
from ...run.signals import Interrupts
from ...store.base import RecordError, read_object
from ...store.comparison import KlPoint, KlRecord
from ...store.rollout_row import RolloutRow, rows_of
from ...store.run import Run
from ...text import counted
from .planned import Planned

KL_FILE = "kl.json"
"""Name of the file with a run's KL."""
ESTIMATOR = "KL(policy | start), k1"
"""Name of the estimator in the file; figures of another estimator are measured again."""
MEASURED_ROUNDS = 9
"""Number of rounds that are measured, spread evenly over the run."""
MEASURED_ROWS = 32
"""Number of completions of each of these rounds, spread evenly: a mean over some hundreds of
tokens."""


def kl_of(run: Run) -> tuple[KlPoint, ...]:
    """The points that were measured of a run; empty if none was."""
    return _measured(run) or ()


def _measured(run: Run) -> tuple[KlPoint, ...] | None:
    try:
        found = read_object(run.path / KL_FILE, KlRecord)
    except (OSError, RecordError):
        return None
    return found.points if found.of == ESTIMATOR else None


def measure_kl(runs: Sequence[Planned], screen: Screen, interrupts: Interrupts) -> None:
    """Measure every one of these finished runs that has not been measured.

    An error here is reported, and costs the figure of that run alone.
    """
    left = [p for p in runs if _measured(p.run) is None]
    starts: dict[str, list[Planned]] = {}
    for one in left:
        starts.setdefault(_start(one), []).append(one)
    if not left:
        return
    with (
        screen.busy(f"measuring how far {counted(len(left), 'run')} moved"),
        interrupts.interruptible(),
    ):
        for alike in starts.values():
            with _told(screen):
                _measure(alike, screen)


def _measure(alike: Sequence[Planned], screen: Screen) -> None:
    """Measure runs that begin with the same weights, which are released at the end."""
    policy = build.policy_of(load(alike[0].config, reward=False), train=False)
    for one in alike:
        with _told(screen):
            points = tuple(_points(one.run, policy, one.config.rollouts.temperature))
            one.run.write_json(KL_FILE, KlRecord(of=ESTIMATOR, points=points).to_json())


@contextmanager
def _told(screen: Screen) -> Iterator[None]:
    """Report an error, and continue."""
    try:
        yield
    except Exception as error:
        told = f"how far runs moved could not be measured ({type(error).__name__}: {error})"
        screen.say_once(told, once_for="kl")


def _start(one: Planned) -> str:
    """A key that is the same for runs that begin with the same weights."""
    config = one.config
    return json.dumps([configuration.to_json(config.model), config.lora.start, one.seed])


def _points(run: Run, policy: Policy, temperature: float) -> Iterator[KlPoint]:
    files = sorted(run.rollouts.glob("round-*.parquet"))
    for path in spread(files, MEASURED_ROUNDS):
        try:
            table = pq.read_table(path)
            some = rows_of(table.take(spread(range(table.num_rows), MEASURED_ROWS)))
        except (pa.ArrowException, OSError, RecordError):
            continue  # a damaged file is a point less
        yield _point([row for row in some if row.token_ids], policy, temperature)


def _point(rows: Sequence[RolloutRow], policy: Policy, temperature: float) -> KlPoint:
    """The KL of the policy that sampled a round, over some of its completions.

    The trainer's own log-probabilities are taken if the round has them, that is, in groups with
    signal and with several updates a round: the engine's differ a little in bf16, and that is no
    movement.
    """
    total, tokens = 0.0, 0
    every = TokenRows(
        tuple(tuple(row.prompt_ids) for row in rows),
        tuple(tuple(row.token_ids) for row in rows),
    )
    for pack in every.packs(4096, policy.layout):
        some = every.take(pack)
        width = max(map(len, some.completions))
        start_BT = policy.score(some, temperature).logp_BT.cpu()
        ours = [rows[i].anchor or rows[i].old for i in pack]
        real_BT = some.real()
        moved_BT = pad(ours, width, torch.float32) - start_BT
        total += float(moved_BT[real_BT].double().sum())
        tokens += int(real_BT.sum())
    kl = total / tokens if tokens else 0.0
    return KlPoint(step=rows[0].step - 1 if rows else 0, kl=kl, tokens=tokens)
