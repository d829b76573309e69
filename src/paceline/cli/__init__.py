"""The command line: help that fits a screen, and every config key by its path."""

import sys
from collections.abc import Sequence

from ..errors import (
    ACCESS_DENIED,
    DISK_FULL,
    CheckpointError,
    ConfigError,
    Interrupted,
    RewardError,
    UserError,
    machine_short,
)
from ..terminal import print_line, spell_out
from .configured import changed, config_of, overrides
from .parser import parsed, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. A user's mistake is one sentence on stderr; an error in
    their reward stands above it with its traceback."""
    spell_out()
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words:
        parser().print_help()
        return 0
    try:
        known, rest = parsed(words)
        return known.run(known, overrides(rest, known)) or 0
    except UserError as error:
        if isinstance(error, RewardError):
            from ..verify.calling.trace import of_reward

            sys.stderr.write(of_reward(error))
        return _told(error)
    except Interrupted as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `paceline show demo | head`
        sys.stderr.close()
        return 0
    except Exception as error:
        if (known_error := _of_the_machine(error)) is None:
            raise
        return _told(known_error)


def _told(error: UserError) -> int:
    """Print the sentence of a mistake; returns its exit code."""
    print_line(f"paceline: {error}", sys.stderr)
    return error.exit_code


def _of_the_machine(error: Exception) -> UserError | None:
    """The sentence for memory, a disk or a file that the machine refuses; None for our errors."""
    if (short := machine_short(error)) is not None:
        return short
    if not isinstance(error, OSError):
        return None
    where = f"'{error.filename}'" if error.filename is not None else "The output"
    if error.errno in DISK_FULL:
        return CheckpointError(f"{where} cannot be written ({error.strerror}).")
    if error.errno in ACCESS_DENIED and error.filename is not None:
        return ConfigError(f"{where} cannot be read or written ({error.strerror}).")
    return None


__all__ = ["changed", "config_of", "main", "overrides", "parser"]
