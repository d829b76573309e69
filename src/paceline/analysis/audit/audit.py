"""The audit: the reward under probes, the model on a sample, and conclusions from both."""

import json
from dataclasses import replace
from pathlib import Path

from ...config import Config
from ...preflight.preflight import load_checked
from ...run import build
from ...run.screen import Screen
from ...store.places import make_directory
from ...text import counted
from ...verify.calling.pool import VerifierPool
from .conclusions import findings, verdict
from .model import overlap_of, sample_model
from .page import write_page
from .record import Audit, as_record
from .reward import probe_reward

SAMPLED_ROUNDS = 2
"""Number of rounds that are sampled by default."""


def audit(
    config: Config,
    *,
    model: bool = True,
    rounds: int = SAMPLED_ROUNDS,
    screen: Screen | None = None,
) -> Audit:
    """Audit a recipe: what its reward pays for, and what its model does.

    Args:
        model: True loads and asks the model; otherwise only the reward is checked.
        rounds: number of rounds to sample.
        screen: shows the current work; None shows nothing.

    Raises: UserError as `train` would, before anything heavy starts.
    """
    screen = screen or Screen(0, quiet=True)
    with screen.busy("checking the configuration, the data and the tokenizer"):
        loaded = load_checked(config)
    task, sampled = loaded.task, None
    # What it raises is a finding, and not the end.
    with VerifierPool(task.verifier, replace(config.rewards, on_error="drop")) as verifiers:
        with screen.busy("trying the reward"):
            rewarded = probe_reward(task, verifiers, config.seed)
        if model:
            with screen.busy("loading the model"):
                policy = build.policy_of(loaded)
            with screen.busy(f"sampling {counted(rounds, 'round')}"):
                # All groups count, not only those that a run would accept.
                every = replace(loaded, config=config.with_(rollouts={"accept": "all"}))
                sampled = sample_model(every, policy, verifiers, rounds)
    overlap = overlap_of(task)
    found = findings(config, task, rewarded, overlap, sampled)
    return Audit(
        config.name, task.name, len(task.train), rewarded, overlap, sampled, found, verdict(found)
    )


def write_audit(made: Audit, out: Path) -> None:
    """Write audit.html and audit.json into a folder. Raises: ConfigError if it cannot be made."""
    make_directory(out, "--page")
    (out / "audit.json").write_text(
        json.dumps(as_record(made), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    write_page(made, out / "audit.html")
