"""The command line: help that fits a screen, and every config key by its path."""

import errno
import sys
from collections.abc import Sequence

from ..errors import (
    ConfigError,
    Interrupted,
    RewardError,
    UserError,
    is_short_of_memory,
    short_of_memory,
)  # fmt: skip
from ..terminal import spell_out
from ..text import columns, wrapped
from .configured import changed, config_of, overrides
from .parser import parser

LOCKED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
"""A file or disk that cannot be read, or written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. A user's mistake is one sentence on stderr; what their
    reward raised stands above it with its traceback."""
    spell_out()
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words:
        parser().print_help()
        return 0
    known, rest = parser().parse_known_args(words)
    try:
        return known.run(known, overrides(rest, known)) or 0
    except UserError as error:
        if isinstance(error, RewardError):
            from ..verify.trace import of_reward

            sys.stderr.write(of_reward(error))
        print(wrapped(f"paceline: {error}", columns(sys.stderr)), file=sys.stderr)
        return error.exit_code
    except Interrupted as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `paceline show demo | head`
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in LOCKED or error.filename is None:
            raise
        told = f"'{error.filename}' cannot be read or written ({error.strerror})."
        print(f"paceline: {told}", file=sys.stderr)
        return ConfigError.exit_code
    except Exception as error:
        if not is_short_of_memory(error):
            raise
        short = short_of_memory(error)
        print(f"paceline: {short}", file=sys.stderr)
        return short.exit_code


__all__ = ["changed", "config_of", "main", "overrides", "parser"]
