"""One run of a comparison, as a process: `python -m paceline.run.compare.child`.

What to do comes as a line of JSON on standard input. That pipe stays open as long as the comparison
lives; when it closes, however that came about, the run saves and ends.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import config as configuration
from ...errors import Interrupted, UserError
from ..train import resume, train


def main() -> int:
    """Make the run, or go on with it; returns the exit code."""
    spec = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _make(spec)
    except UserError as error:
        print(f"paceline: {error}", flush=True)
        return error.exit_code
    except Interrupted as stop:
        return stop.exit_code
    return 0


def _make(spec: Mapping[str, Any]) -> None:
    config = configuration.from_json(spec["config"])
    assert config.out is not None
    if (Path(config.out) / "config.json").is_file():
        resume(config.out, config)
    else:
        train(config, before=spec["before"])


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
