"""What may change from one session of a run to the next, what config.json keeps of it, and the
config and the surroundings of any step.

config.json has the newest `config` and `fingerprints`, and `versions` and `machine` of the start.
`changes` has an entry for every time that the run went on with anything else than it had last:

    {"step": 120, "keys": {"optimizer.lr": [1e-6, 2e-6]}, "versions": {…}, "machine": {…},
     "fingerprints": {"code": ["ab12…", "cd34…"]}}

The last three are there only where they differ; versions and machine are whole, all as they are
from then on. Runs of earlier versions have none of them.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import ConfigError, DataError
from .folder import CONFIG
from .hints import go_on_with
from .records import Event
from .run import Run

CODE_OF = "code of "
"""Begins the name of a hash of the user's own code; the place of the code follows."""
Changes = Mapping[str, tuple[Any, Any]]
"""Key -> (the run's own value, the one asked for)."""
SAFE = (
    "name", "out", "save_every", "save_keep", "show_every", "tokens_per_forward", "rows_at_once",
    "evaluation", "rewards.workers", "model.device",
)  # fmt: skip
"""Keys, and sections, that may change without being named: they change no step, to rounding. So
does `steps`, as long as the learning rate does not fall towards the last one."""
FIXED = ("seed", "schedule", "model.dtype")
"""Those that cannot change within a run: a checkpoint would not fit, or mean something else."""
OF_A_ROUND = ("objective", "task", "rollouts", "reference")
"""Those that a round was sampled and scored with: they change between rounds only."""
LIMITS = ("tokens_per_forward", "rows_at_once")
READ = {
    "problems": (DataError, "The problems of the task, or how they are asked, are"),
    "tokenizer": (ConfigError, "The model's tokenizer and chat template are"),
    "model": (ConfigError, "The model's files are"),
}
"""What a run reads and cannot go on without, by its fingerprint."""


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What was not as before when a run went on: an entry of `changes` in config.json."""

    step: int
    """Later steps were taken with it."""
    keys: Changes
    """Of the config."""
    versions: Mapping[str, str] | None = None
    """All of them, as they are from then on; None where they are what they were."""
    machine: Mapping[str, Any] | None = None
    """The same of the machine."""
    fingerprints: Changes = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Without what is as it was, but for the keys, which always stand there."""
        entry = asdict(self).items()
        return {name: value for name, value in entry if value or name in ("step", "keys")}


@dataclass(frozen=True, slots=True)
class Environment:
    """What decides how numbers round, and what is read, besides the config."""

    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    fingerprints: Mapping[str, str]

    @classmethod
    def at(cls, data: Mapping[str, Any], step: int | None = None) -> "Environment":
        """Those in which a step was taken; the run's last ones without one.

        Args:
            data: the run's config.json.
        """
        changes = changes_of(data)
        before = [c for c in changes if step is None or c.step < step]
        hashes = dict(data["fingerprints"])
        for change in reversed([c for c in changes if step is not None and c.step >= step]):
            hashes |= {name: was for name, (was, _) in change.fingerprints.items()}
        # What an earlier version did not know was not there.
        hashes = {name: hash for name, hash in hashes.items() if hash is not None}
        versions = [data["versions"], *(c.versions for c in before if c.versions)]
        machines = [data["machine"], *(c.machine for c in before if c.machine)]
        return cls(versions[-1], machines[-1], hashes)

    def check_same(
        self, now: "Environment", kind: str, advice: str = "put the old ones back"
    ) -> None:
        """Raise a sentence, with advice at its end, where what is read now is not what was read.

        Args:
            kind: a key of READ. One that an earlier version did not know is taken as the same.
        """
        was = self.fingerprints.get(kind)
        if was is not None and was != now.fingerprints[kind]:
            error, subject = READ[kind]
            raise error(f"{subject} not those of the run; {advice}.")

    def changed_to(self, now: "Environment") -> dict[str, Any]:
        """Of those of now, what an entry has to keep, by its name there."""
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
        """What differs of what decides how numbers round: its name, as it was, as it is now."""
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
        both = [key for key in here if key.startswith(CODE_OF) and key in was]
        found = [
            (f"{key.removeprefix(CODE_OF)}, by its hash,", was[key][:8], here[key][:8])
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


def changes_of(data: Mapping[str, Any]) -> list[ConfigChange]:
    """Those of a run, in the order in which they were made.

    Args:
        data: its config.json.
    """
    return [ConfigChange(**entry) for entry in data.get("changes", [])]


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], named: Collection[str]
) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ.

    Raises: ConfigError where one cannot change, or would change what comes out and is not named.
    """
    ours, theirs = flat(old), flat(new)
    changes = {
        key: (ours.get(key), theirs.get(key))
        for key in {**ours, **theirs}
        if ours.get(key) != theirs.get(key)
    }
    steady = theirs["optimizer.decay"] == "constant"
    for key, (was, now) in changes.items():
        if within(key, SAFE) or (key == "steps" and steady):
            continue
        told = f"{key} is {now!r} here and {was!r} in the run"
        if within(key, FIXED):
            raise ConfigError(f"{told}, and cannot change within a run; start a new one with it.")
        if not within(key, named):
            raise ConfigError(
                f"{told}, which changes what comes out; go on without it, or name it: "
                f"{go_on_with(old, key, now)}."
            )
    return changes


def within(key: str, sections: Collection[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of a config as JSON; an objective, a reward or a function is one value."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        one = key in ("objective", "reward")
        whole = not isinstance(value, Mapping) or one or "function" in value
        found |= {f"{prefix}{key}": value} if whole else flat(value, f"{prefix}{key}.")
    return found


def with_dtype_of_run(config: Config, data: Mapping[str, Any]) -> Config:
    """The config in the dtype that `auto` meant where the run of this config.json began."""
    meant = {"bfloat16": "bf16", "float32": "fp32"}[data["machine"]["dtype"]]
    return config.with_(**{"model.dtype": meant})


def config_at(data: Mapping[str, Any], step: int) -> dict[str, Any]:
    """The config as JSON under which a step was taken: later changes are taken back.

    Args:
        data: the run's config.json.
    """
    then = deepcopy(data["config"])
    for change in reversed([c for c in changes_of(data) if c.step >= step]):
        for key, (was, _) in change.keys.items():
            *sections, name = key.split(".")
            section = then
            for part in sections:
                if not isinstance(section.get(part), dict):  # there was another one there since
                    section[part] = {}
                section = section[part]
            section[name] = was
    return then


def pack_limits_of(data: Mapping[str, Any]) -> dict[int, int]:
    """The limit of the updates' packs, tokens_per_forward, that a run began with and each that it
    was given when it went on, by the steps taken before. Less since memory ran out is not in it.

    Args:
        data: the run's config.json.
    """
    key = "tokens_per_forward"
    asked = {c.step: c.keys[key][1] for c in changes_of(data) if key in c.keys}
    return {0: config_at(data, 1)[key]} | asked


def record(
    run: Run,
    config: Config,
    objective: str,
    now: Environment,
    changes: Changes,
    step: int,
    others: list[str],
) -> None:
    """Keep what the run goes on with, and since when: in config.json, and as an event.

    Args:
        config: as it was asked for, so that asking for it again is no change.
        objective: repr of the objective, with its constants filled in.
        step: the steps taken so far.
        others: what else is not as it was, for the event.
    """
    data = run.config
    # Steps behind the checkpoint are taken again, with what the run goes on with now.
    kept = [replace(c, step=min(c.step, step)) for c in changes_of(data)]
    newest = ConfigChange(step, changes, **Environment.at(data).changed_to(now))
    if newest != ConfigChange(step, {}):
        kept.append(newest)
    if kept != changes_of(data):
        data["config"] = configuration.to_json(config)
        data["objective"], data["fingerprints"] = objective, now.fingerprints
        data["changes"] = [change.as_json() for change in kept]
        run.write_json(CONFIG, data)
    run.append_event(Event.now("resumed", step, "; ".join(others)))
