"""Functions from a user's own file or package."""

import importlib
import importlib.util
import os
import sys
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ConfigError, UserError, nearest
from ..types import BatchVerifier

USERS = "paceline_user_"
"""What the names of modules begin with that were loaded from a file."""


def load_function(reference: str) -> Any:
    """What "path/to/file.py:name" or "package.module:name" names, as it is: a function, or an
    object that judges one completion or many at once.

    The file's folder joins the end of `sys.path`, so that it may import its neighbours.

    Raises: ConfigError where the reference has no name, the file or module is missing or fails to
        load, or it has no such function (the nearest one is named).
    """
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise ConfigError(
            f"'{reference}' names no function; write path/to/file.py:name or package.module:name."
        )
    module = _from_file(place) if place.endswith(".py") or os.sep in place else _from_package(place)
    found = vars(module).get(name)
    if found is None:
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ConfigError(f"'{place}' has no function '{name}'.{nearest(name, known)}")
    if not callable(found) and not isinstance(found, BatchVerifier):
        raise ConfigError(
            f"'{name}' in '{place}' is no function but of type {type(found).__name__}."
        )
    return found


def _from_file(place: str) -> ModuleType:
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise ConfigError(f"The file '{place}' does not exist.")
    digest = blake2b(str(path).encode(), digest_size=6).hexdigest()
    title = f"{USERS}{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(title, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"'{place}' is no Python file.")
    _join_path(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module  # Dataclasses look their module up by its name.
    try:
        spec.loader.exec_module(module)
    except UserError:  # it says already what is wrong, as with a model that is not there
        del sys.modules[title]
        raise
    except Exception as error:
        del sys.modules[title]
        said = " ".join(str(error).split())
        raise ConfigError(f"Loading '{place}' raised {type(error).__name__}: {said}.") from error
    return module


def _from_package(place: str) -> ModuleType:
    _join_path(os.getcwd())
    try:
        return importlib.import_module(place)
    except UserError:
        raise
    except Exception as error:
        raise ConfigError(
            f"Importing '{place}' raised {type(error).__name__}: {error}; a file is named as "
            "path/to/file.py:name."
        ) from error


def _join_path(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)  # At the end: a user's file must not hide an installed package.
