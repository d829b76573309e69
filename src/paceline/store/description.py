"""The description of a run, config.json: what it is, what it runs on and reads, and the changes at
its resumes.

config.json has the newest `config` and `fingerprints`, and `versions` and `machine` of the start.
`changes` has an entry for every time that the run was resumed with anything else than it had last:

    {"step": 120, "keys": {"optimizer.lr": [1e-6, 2e-6]}, "versions": {…}, "machine": {…},
     "fingerprints": {"code": ["ab12…", "cd34…"]}}

The last three are there only where they differ; versions and machine are whole, all as they are
from then on. Runs of earlier versions have none of them.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..config import Config
from ..errors import ConfigError, DataError
from .base import Json, Record, RecordError, finite

Changes = Mapping[str, tuple[Any, Any]]
"""Key -> (the run's own value, the requested one)."""
CODE_PREFIX = "code of "
"""Begins the name of a hash of the user's own code; the place of the code follows."""
READ_HASHES = {
    "problems": (DataError, "The problems of the task, or how they are asked, are"),
    "tokenizer": (ConfigError, "The model's tokenizer and chat template are"),
    "model": (ConfigError, "The model's files are"),
    "adapter": (ConfigError, "The files of the adapter that it began with (lora.start) are"),
}
"""Hashes of inputs without which a run cannot continue, each with its error and the subject of its
sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange(Record):
    """A change of config, versions, machine or files between two sessions of a run."""

    noun: ClassVar[str] = "change"

    step: int
    """Optimizer steps taken before it."""
    keys: Mapping[str, tuple[Any, Any]]
    """Key of the config -> (value before, value since)."""
    versions: Mapping[str, str] | None = None
    """All versions since; None where they are what they were."""
    machine: Mapping[str, Any] | None = None
    """The machine since; None where it is what it was."""
    fingerprints: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Name of a file's hash -> (hash before, hash since)."""

    def to_json(self) -> Json:
        """The change as plain JSON, without what is as it was; keys always stand there."""
        # Named in full: a dataclass with slots is another class than the one that super() knows.
        entry = Record.to_json(self).items()
        return {name: value for name, value in entry if value or name in ("step", "keys")}


@dataclass(frozen=True, slots=True)
class Environment:
    """Versions, machine and hashes of inputs: all besides the config that decides a result."""

    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    fingerprints: Mapping[str, str]

    def check_same(
        self, now: "Environment", kind: str, advice: str = "put the old ones back"
    ) -> None:
        """Raise a sentence, with advice at its end, where an input is not the one that was read.

        Args:
            kind: a key of READ_HASHES; one that an earlier version did not know counts as the same.
        """
        was = self.fingerprints.get(kind)
        if was is not None and was != now.fingerprints[kind]:
            error, subject = READ_HASHES[kind]
            raise error(f"{subject} not those of the run; {advice}.")

    def changed_to(self, now: "Environment") -> dict[str, Any]:
        """The parts of the environment of now that a change has to keep, by their names there."""
        hashes = {
            name: (self.fingerprints.get(name), hash)
            for name, hash in now.fingerprints.items()
            if self.fingerprints.get(name) != hash
        }
        found: dict[str, Any] = {"fingerprints": hashes}
        if self.versions != now.versions:
            found["versions"] = now.versions
        if _steady(self.machine) != _steady(now.machine):
            found["machine"] = now.machine
        return found

    def unlike(self, now: "Environment") -> list[tuple[str, Any, Any]]:
        """Differences that decide how numbers round: (name, as it was, as it is now) of each."""
        pairs = ((self.versions, now.versions), (_steady(self.machine), _steady(now.machine)))
        found = [
            (key, was.get(key), here[key])
            for was, here in pairs
            for key in here
            if was.get(key) != here[key]
        ]
        return [*found, *self._code_unlike(now)]

    def _code_unlike(self, now: "Environment") -> list[tuple[str, Any, Any]]:
        """The user's own code that differs, by its name; an earlier version did not know it."""
        was, here = self.fingerprints, now.fingerprints
        both = [key for key in here if key.startswith(CODE_PREFIX) and key in was]
        found = [
            (f"{key.removeprefix(CODE_PREFIX)}, by its hash,", was[key][:8], here[key][:8])
            for key in both
            if was[key] != here[key]
        ]
        if not both and was.get("code", here["code"]) != here["code"]:
            what = "a file of yours that the config names, by its hash,"
            found.append((what, was["code"][:8], here["code"][:8]))
        return found


def _steady(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Without what changes no number."""
    return {key: value for key, value in machine.items() if key != "cpus"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription(Record):
    """A run's config.json."""

    noun: ClassVar[str] = "description of the run"

    name: str = ""
    id: str | None = None
    """Identity of the run, which its checkpoints carry; runs of early versions have none."""
    config: Mapping[str, Any]
    """The config that the run was started or last resumed with, as JSON."""
    objective: str = ""
    """repr of the objective, with its constants filled in."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the start."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    """The machine of the start."""
    fingerprints: Mapping[str, Any] = field(default_factory=dict)
    """The newest hashes of what is read."""
    command: str | None = None
    """The command that started it; None from Python."""
    started: str = ""
    """The start, ISO 8601."""
    first_prompt: str = ""
    """The first training problem as the model saw it."""
    changes: tuple[ConfigChange, ...] = ()
    """Changes at resumes, in the order in which they were made."""

    @property
    def steps(self) -> int:
        """Number of optimizer steps of the whole run."""
        return self.config["steps"]

    @property
    def save_every(self) -> int:
        """Steps between checkpoints; 0 saves none."""
        return self.config["save_every"]

    @property
    def save_keep(self) -> int:
        """Number of checkpoints that are kept; 0 keeps all."""
        return self.config["save_keep"]

    @property
    def updates_a_round(self) -> int:
        """Optimizer steps that a round serves."""
        schedule = self.config["schedule"]
        return schedule["minibatches"] * schedule["epochs"]

    @property
    def reward(self) -> Any:
        """The task's reward as the config has it; None where it names none."""
        return self.config.get("task", {}).get("reward")

    @property
    def evaluation_temperature(self) -> float | None:
        """Temperature of the sampled answers to held-out problems; None where it is not known."""
        return finite((self.config.get("evaluation") or {}).get("temperature"))

    @property
    def device(self) -> str:
        """The kind of device of the start; empty where it is not known."""
        return str(self.machine.get("device") or "")

    @property
    def dtype(self) -> str:
        """The dtype of the start, such as bfloat16; empty where it is not known."""
        return str(self.machine.get("dtype") or "")

    @property
    def paceline(self) -> str:
        """The version of paceline at the start; empty where it is not known."""
        return str(self.versions.get("paceline") or "")

    def environment_at(self, step: int | None = None) -> Environment:
        """The environment in which a step was taken; the run's last one without one.

        Raises: RecordError where the description has no environment.
        """
        for name in ("versions", "machine", "fingerprints"):
            if name in self.absent:
                raise RecordError(
                    f"The run's config.json lacks {name!r}, so that this version of paceline can "
                    "neither resume nor replay it; start the run again."
                )
        before = [c for c in self.changes if step is None or c.step < step]
        hashes = dict(self.fingerprints)
        for change in reversed([c for c in self.changes if step is not None and c.step >= step]):
            hashes |= {name: was for name, (was, _) in change.fingerprints.items()}
        # What an earlier version did not know was not there.
        hashes = {name: hash for name, hash in hashes.items() if hash is not None}
        versions = [self.versions, *(c.versions for c in before if c.versions)]
        machines = [self.machine, *(c.machine for c in before if c.machine)]
        return Environment(versions[-1], machines[-1], hashes)

    def config_at(self, step: int) -> dict[str, Any]:
        """The config as JSON under which a step was taken: later changes are taken back."""
        then = deepcopy(dict(self.config))
        for change in reversed([c for c in self.changes if c.step >= step]):
            for key, (was, _) in change.keys.items():
                *sections, name = key.split(".")
                section = then
                for part in sections:
                    if not isinstance(section.get(part), dict):  # another one stood there since
                        section[part] = {}
                    section = section[part]
                section[name] = was
        return then

    def pack_limits(self) -> dict[int, int]:
        """The limit of the updates' packs, tokens_per_forward, that the run began with and each
        that it was given at a resume, by the steps taken before. A smaller one since memory ran
        out is not in it."""
        key = "tokens_per_forward"
        asked = {c.step: c.keys[key][1] for c in self.changes if key in c.keys}
        return {0: self.config_at(1)[key]} | asked

    def as_it_began(self, config: Config) -> Config:
        """The config with what `auto` meant where the run began: the dtype, and whether adapters
        are merged."""
        self.environment_at()
        meant = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}[self.dtype]
        config = config.with_(**{"model.dtype": meant})
        if (merged := self.machine.get("merged")) is not None:
            config = config.with_(**{"lora.merge": "yes" if merged else "no"})
        return config

    def resumed(
        self, config: Json, objective: str, now: Environment, changes: Changes, step: int
    ) -> "RunDescription":
        """The description since a resume; itself where nothing is other than it was.

        Args:
            config: as it was asked for, so that asking for it again is no change.
            step: the steps taken so far.
        """
        # Steps behind the checkpoint are taken again, with what the run goes on with now.
        kept = [replace(c, step=min(c.step, step)) for c in self.changes]
        newest = ConfigChange(step=step, keys=changes, **self.environment_at().changed_to(now))
        if newest != ConfigChange(step=step, keys={}):
            kept.append(newest)
        if tuple(kept) == self.changes:
            return self
        return replace(
            self,
            config=config,
            objective=objective,
            fingerprints=now.fingerprints,
            changes=tuple(kept),
            absent=self.absent - {"changes", "objective"},
        )
