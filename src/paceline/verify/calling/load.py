"""Functions from a user's own file or package, by the name under which a config keeps them."""

import ast
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import ConfigError, UserError, nearest
from ...types import BatchVerifier

USER_MODULE_PREFIX = "paceline_user_"
"""Prefix of the names of modules that were loaded from a file."""
IN_PYTHON = "<python>"
"""Name of the place of objects that no file holds: from a notebook's cell, a lambda, a function
within another."""
_loading = ContextVar("loading", default=False)


def load_function(reference: str) -> Any:
    """Load the function, or the object that judges one completion or many at once, that
    "path/to/file.py:name" or "package.module:name" names, as it is.

    The file's folder joins the end of `sys.path`, so that it may import its neighbours.

    Raises: ConfigError if the reference has no name, the file or module is missing or fails to
        load, or it has no such function (the nearest one is named).
    """
    place, _, name = reference.rpartition(":")
    if place == IN_PYTHON:
        raise ConfigError(not_here(name))
    if not place or not name:
        raise ConfigError(
            f"'{reference}' does not name a function; write path/to/file.py:name or "
            "package.module:name."
        )
    module = _from_file(place) if place.endswith(".py") or os.sep in place else _from_package(place)
    found = vars(module).get(name)
    if found is None:
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ConfigError(f"'{place}' has no function '{name}'.{nearest(name, known)}")
    if not callable(found) and not isinstance(found, BatchVerifier):
        raise ConfigError(
            f"'{name}' in '{place}' is not a function: its type is {type(found).__name__}."
        )
    return found


def _from_file(place: str) -> ModuleType:
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise ConfigError(f"There is no file '{place}'; give the path of a Python file.")
    digest = blake2b(str(path).encode(), digest_size=6).hexdigest()
    title = f"{USER_MODULE_PREFIX}{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(title, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"'{place}' is not a Python file.")
    _join_path(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module  # Dataclasses look their module up by its name.
    try:
        with loading():
            spec.loader.exec_module(module)
    except UserError:  # it says already what is wrong, as with a model that is not there
        del sys.modules[title]
        raise
    except (Exception, SystemExit) as error:
        del sys.modules[title]
        said = " ".join(str(error).split())
        raise ConfigError(f"Loading '{place}' raised {type(error).__name__}: {said}.") from error
    return module


def _from_package(place: str) -> ModuleType:
    _join_path(os.getcwd())
    try:
        with loading():
            return importlib.import_module(place)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"Importing '{place}' raised {type(error).__name__}: {error}; a file is named as "
            "path/to/file.py:name."
        ) from error


def _join_path(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)  # At the end: a user's file must not hide an installed package.


@contextmanager
def loading() -> Iterator[None]:
    """A context in which a user's code is imported for its functions, and must start nothing."""
    before = _loading.set(True)
    try:
        yield
    finally:
        _loading.reset(before)


def refuse_while_loading(what: str) -> None:
    """Raise ConfigError if a file that is imported for its functions starts something itself: it
    would be imported again, by the thing that it has started, and so on.

    Args:
        what: name of the function that it calls.
    """
    if not _loading.get():
        return
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    file = Path(frame.f_code.co_filename).name if frame else "The file"
    raise ConfigError(
        f"'{file}' calls {what} where it is only read for the functions in it; put that call "
        'behind `if __name__ == "__main__":`.'
    )


def reference_of(thing: Any) -> str | None:
    """The file.py:name or module:name under which `load_function` finds this very object, if a
    module defines it at its top. None if there is none."""
    code = getattr(inspect.unwrap(thing) if callable(thing) else thing, "__code__", None)
    if code is not None and code.co_filename.startswith("<"):  # typed in, or from `python -c`
        return None
    homes = (getattr(thing, "__module__", None), type(thing).__module__, "__main__")
    for home in dict.fromkeys(home for home in homes if home in sys.modules):
        module = sys.modules[home]
        place, file = module.__name__, getattr(module, "__file__", None)
        if place == "__main__" or place.startswith(USER_MODULE_PREFIX):
            place = file
        name = getattr(thing, "__name__", "")
        if not _is_same(vars(module).get(name), thing):
            name = _assigned(thing, module) if file else None
        if place is not None and name is not None:
            return f"{place}:{name}"
    return None


def _is_same(held: Any, thing: Any) -> bool:
    """Tell whether a module holds the object, or, for a file that was read again since, its
    replacement."""
    again = str(getattr(thing, "__module__", "")).startswith(USER_MODULE_PREFIX)
    same = all(
        getattr(held, n, None) == getattr(thing, n, "") for n in ("__module__", "__qualname__")
    )
    return held is thing or (again and same)


def _assigned(thing: Any, module: ModuleType) -> str | None:
    """The name to which a module assigns the object, at its top and once. A loop's variable, or one
    that only the script's own run assigns, is another object when the file is read again."""
    names = [name for name, value in vars(module).items() if value is thing]
    if not names:
        return None
    try:
        body = ast.parse(inspect.getsource(module)).body
    except (OSError, TypeError, SyntaxError):
        return None
    targets = [t for line in body if isinstance(line, ast.Assign) for t in line.targets]
    targets += [line.target for line in body if isinstance(line, ast.AnnAssign)]
    once = [target.id for target in targets if isinstance(target, ast.Name)]
    return next((name for name in names if once.count(name) == 1), None)


def is_of_session(reference: Any) -> bool:
    """Tell whether this part of a config's JSON stands for an object that no file holds."""
    return isinstance(reference, str) and reference.startswith(f"{IN_PYTHON}:")


def not_here(name: str) -> str:
    """The sentence for an object that another process has written in Python, and no file holds."""
    return (
        f"The reward '{name}' was written in a Python session, and only that session has it; "
        "resume there with paceline.resume(RUN, config), or put it into a file and name it as "
        "task.reward=path/to/file.py:name."
    )
