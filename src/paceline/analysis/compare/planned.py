"""The planned runs of a comparison, and the present state of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from ... import config as configuration
from ...config import Config
from ...errors import ConfigError
from ...store.base import Json, Record
from ...store.description import ConfigChange
from ...store.folder import is_run
from ...store.history import flat, within
from ...store.records import Measured
from ...store.run import Run
from .arms import Arm

UNSEEN_KEYS = (
    "name", "out", "save_every", "save_keep", "show_every", "watch", "tracker",
    "tokens_per_forward", "rows_at_once", "rewards.workers",
)  # fmt: skip
"""Keys and sections in which an existing run may differ: they change no figure, except by
rounding."""
DIFFERENCE_NAMES = {
    "problems": "other problems", "test": "another verifier", "tokenizer": "another tokenizer",
    "model": "another model", "adapter": "another adapter", "judge": "another reward model",
    "code": "other code of yours",
}  # fmt: skip
"""Name of each difference between fingerprints, for sentences."""
START_KEYS = (
    "model", "lora.start", "task", "evaluation", "seed", "rollouts.max_tokens", "rewards",
    "answers",
)  # fmt: skip
"""Keys and sections on which accuracy before training depends."""
FIRST_ROUND_KEYS = (*START_KEYS, "rollouts")
"""Keys and sections on which the answers before the first update depend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec(Record):
    """The task of a process that makes a run."""

    noun: ClassVar[str] = "order"

    config: Json
    """The run's config, as it is stored."""
    before: Measured | None
    """Accuracy before training, if another run has measured it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a comparison."""

    arm: Arm
    seed: int
    path: Path

    @classmethod
    def of(cls, arm: Arm, seed: int, folder: Path) -> "Planned":
        return cls(arm, seed, folder / "runs" / arm.folder / f"seed-{seed}")

    @property
    def title(self) -> str:
        return f"{self.arm.label} seed {self.seed}"

    @property
    def config(self) -> Config:
        """The arm's config, with the run's own seed and directory."""
        name = f"{self.arm.config.name} {self.title}"
        return self.arm.config.with_(seed=self.seed, out=str(self.path), name=name)

    @property
    def run(self) -> Run:
        return Run(self.path)

    @property
    def log(self) -> Path:
        """The file with the run's output."""
        return self.path.with_suffix(".log")

    @property
    def state(self) -> Literal["new", "begun", "finished"]:
        if not is_run(self.path):
            return "new"
        return "finished" if self.run.finished else "begun"

    @property
    def steps_left(self) -> int:
        """Number of steps of its config that it has not taken yet."""
        return max(0, self.arm.config.steps - self.run.steps)

    @property
    def start(self) -> str:
        """A key that is the same for runs that begin with the same accuracy: same model, problems
        and random numbers."""
        if self.config.objective.whole_groups:  # which says how pairs are measured
            return self._only((*START_KEYS, "objective", "reference"))
        return self._only(START_KEYS)

    @property
    def first_round(self) -> str:
        """A key that is the same for runs that answer alike until the first update."""
        return self._only(FIRST_ROUND_KEYS)

    def _only(self, sections: Sequence[str]) -> str:
        data = flat(configuration.to_json(self.config))
        return json.dumps({k: v for k, v in data.items() if within(k, sections)})

    @property
    def before(self) -> Measured | None:
        """The accuracy before training, if it has been measured."""
        summary = self.run.outcome
        return summary and summary.before

    def check(self, fingerprints: Mapping[str, str], dtype: str) -> None:
        """Raise ConfigError if the run in this directory differs from the planned one.

        Args:
            fingerprints: hashes of the run's present inputs.
            dtype: the dtype in which it would be made.
        """
        if self.state == "new":
            return
        self.run.check_readable()
        there = self.run.description
        # Through the config, so that a key which an earlier version did not write has its default.
        recorded = configuration.from_json(there.config)
        old, new = (flat(configuration.to_json(c)) for c in (recorded, self.config))
        for key in {**old, **new}:
            if old.get(key) != new.get(key) and not within(key, UNSEEN_KEYS):
                raise ConfigError(
                    f"'{self.path}' is a run with {key}={_shown(old.get(key))}, and this "
                    f"comparison would have {_shown(new.get(key))}; choose another directory with "
                    "--out, or remove that run."
                )
        for change in there.changes:
            self._check_change(change)
        known = there.environment_at().fingerprints
        for key in (
            k for k in DIFFERENCE_NAMES if k in known and known[k] != fingerprints.get(k, known[k])
        ):
            raise ConfigError(
                f"'{self.path}' was made with {DIFFERENCE_NAMES[key]} than there are now under the "
                "same name; choose another directory with --out, or remove that run."
            )
        if there.dtype != dtype:
            raise ConfigError(
                f"'{self.path}' is a run in {there.dtype}, and this machine would "
                f"make it in {dtype}; set model.dtype, or choose another directory with --out."
            )

    def _check_change(self, change: ConfigChange) -> None:
        """Raise ConfigError if a run was resumed, after a stop, with a change of its figures: a
        part of it was another run. If it began again, only the accuracy before training counts."""
        other = [
            key
            for key in change.keys
            if not within(key, UNSEEN_KEYS) and (change.step or within(key, START_KEYS))
        ]
        # A run of an earlier version did not know all of them: that is no change.
        changed = change.fingerprints.items()
        other += [
            DIFFERENCE_NAMES[k]
            for k, (was, _) in changed
            if was is not None and k in DIFFERENCE_NAMES
        ]
        if other:
            raise ConfigError(
                f"'{self.path}' was resumed with {other[0]} after step {change.step}, so a part of "
                "it is another run; choose another directory with --out, or remove that run."
            )


def planned(arms: Sequence[Arm], seeds: Sequence[int], folder: Path) -> list[Planned]:
    """All runs, seed by seed, so that whenever the comparison is stopped, most arms have the same
    seeds."""
    return [Planned.of(arm, seed, folder) for seed in seeds for arm in arms]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:60]} …"
