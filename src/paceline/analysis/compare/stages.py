"""The stages before a comparison: what all compared runs begin with, trained once."""

from pathlib import Path

from ...config import Line
from ...errors import RunsFailedError
from ...preflight.fingerprint import fingerprints
from ...preflight.preflight import check
from ...run.screen import Screen
from ...run.signals import Interrupts
from .arms import Arm
from .launcher import Launcher
from .planned import Planned
from .preflight import check_keys


def train_stages(line: Line, screen: Screen, interrupts: Interrupts) -> None:
    """Train every stage of a line that is not finished in its directory, one after another, each in
    a process of its own.

    Raises: ConfigError for a directory with another run; RunsFailedError for a stage that failed;
        Interrupted for a signal, when the stage has saved.
    """
    # All that can be told of the ways before the stages are there.
    for label, config in line.ways.items():
        check_keys(label, config)
    for number, config in enumerate(line.stages, 1):
        path = Path(str(config.out))
        title = f"stage {number} of {len(line.stages)}, {config.name}: '{path}'"
        with screen.busy(f"checking {title}"), interrupts.interruptible():
            loaded = check(config, path=path, timed=False).loaded
            config = config.with_(steps=loaded.config.steps)  # its rows may have decided them
            stage = Planned(Arm(line.name, config), config.seed, path)
            stage.check(fingerprints(loaded), loaded.dtype_name)
        if stage.state == "finished":
            screen.say(f"{title} is finished already")
            continue
        screen.say(title, "bold")
        failures = Launcher([stage], 1, screen, interrupts, lambda _: None).go()
        if failures:
            raise RunsFailedError(
                f"The stage '{config.name}' failed: {failures[0].why}. The same command goes on "
                "with it.",
                shown=False,
            )
