"""One run of a comparison, as a process: `python -m paceline.analysis.compare.worker`.

Its task comes as a line of JSON on standard input. That pipe stays open as long as the comparison
lives; when it closes, for any reason, the run saves and ends.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from ... import config as configuration
from ...errors import CheckpointError, ConfigError, Interrupted, RewardError, UserError
from ...run import continuation
from ...run.train import resume, train
from ...store.checkpoint import OtherSchemaError
from ...store.folder import is_run
from ...store.run import Run
from ...verify.calling.trace import of_reward
from .planned import Spec

PATIENCE_SECONDS = 60.0
"""Seconds for which another process may still hold the run."""


def main() -> int:
    """Make the run, or resume it; returns the exit code."""
    spec = Spec.from_json(json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _make(spec)
    except UserError as error:
        if isinstance(error, RewardError):
            print(of_reward(error), end="")
        print(f"paceline: {error}", flush=True)
        return error.exit_code
    except Interrupted as stop:
        return stop.exit_code
    return 0


def _make(spec: Spec) -> None:
    config = configuration.from_json(spec.config)
    assert config.out is not None
    if is_run(Path(config.out)) and not _given_up(Run(config.out)):
        resume(config.out, config)
    else:
        train(config, before=spec.before)


def _given_up(run: Run) -> bool:
    """Remove a run that was killed and has no whole checkpoint to resume from: made again from the
    start, it gives the same result."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            run.acquire()  # the process of a comparison that was killed may be saving
            break
        except ConfigError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    run.make_folders()
    if run.finished or _saved(run):
        run.release()
        return False
    run.remove()
    return True


def _saved(run: Run) -> bool:
    try:
        return continuation.find(run)[0] is not None
    except OtherSchemaError:
        return True  # another version's: to go on refuses it, with a sentence
    except CheckpointError:
        return False


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
