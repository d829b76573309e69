"""The base of all records: each is made in one place, written as plain JSON, and read again as a
record.

A key that this version does not know is kept and written again. If a needed key is missing, or has
a value of another kind, a `RecordError` names the key, the file and the line.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin, get_type_hints

from ..errors import ConfigError

Json = dict[str, Any]
"""A JSON object, as it is read from a file."""
NumberedObject = tuple[int, Json | None]
"""The number of a line, from 1, and its object; None for a line that is not a whole object, as the
last one may be after a kill has cut it short."""
R = TypeVar("R", bound="Record")


class RecordError(ConfigError):
    """Data that does not make a record: not an object, a missing key, or a value of another
    kind."""


def finite(value: object) -> float | None:
    """The number, or None if it is not finite (JSON has no NaN and no infinity)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The base of all records: an object of a JSON file with known keys, each of a known type."""

    noun: ClassVar[str] = "record"
    """The name of the record in sentences."""

    unknown: Json = field(default_factory=dict)
    """Keys of another version, as they were read."""
    absent: frozenset[str] = frozenset()
    """Keys of this version that were missing in the file; they are not written either."""

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read a record from an object of a JSON file.

        Raises: RecordError if that is impossible, naming the keys that are the reason.
        """
        if not isinstance(data, Mapping):
            raise RecordError(f"A {cls.noun} is a JSON object, not {data!r:.60}.")
        readers, needed = _readers(cls)
        if missing := sorted(needed - data.keys()):
            raise RecordError(f"The {cls.noun} lacks {', '.join(map(repr, missing))}.")
        known = {}
        for name, read in readers.items():
            if name in data:
                try:
                    known[name] = read(data[name])
                except _OtherKindError as error:
                    told = f"{name!r} of the {cls.noun} is {data[name]!r:.60}, not {error}."
                    raise RecordError(told) from None
        rest = {key: value for key, value in data.items() if key not in readers}
        absent = frozenset(readers.keys() - data.keys())
        return cls(**known, unknown=rest, absent=absent)

    def to_json(self) -> Json:
        """The record as plain JSON, in the order in which its fields are declared."""
        names = [name for name in _readers(type(self))[0] if name not in self.absent]
        return {name: _plain(getattr(self, name)) for name in names} | self.unknown


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


# Reading by type


class _OtherKindError(Exception):
    """A value is of another kind; the message says which kind was wanted."""


Read = Callable[[Any], Any]


@cache
def _readers(kind: type[Record]) -> tuple[dict[str, Read], frozenset[str]]:
    """The reader of each field of a record, and the required fields."""
    own = [one for one in fields(kind) if one.name not in ("unknown", "absent")]
    hints = get_type_hints(kind)
    needed = {f.name for f in own if f.default is MISSING and f.default_factory is MISSING}
    return {one.name: _reader(hints[one.name]) for one in own}, frozenset(needed)


def _reader(hint: Any) -> Read:
    """A function that reads a value of this type, or raises."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is UnionType:
        (inner,) = (one for one in args if one is not NoneType)
        return finite if inner is float else _or_none(_reader(inner))
    if origin is tuple:
        return _tuple(args)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_reader(args[1]))
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_json
    return _SIMPLE[hint]


def _or_none(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


def _tuple(args: tuple[Any, ...]) -> Read:
    """Reads a list, of any length (`tuple[X, ...]`) or of this one (`tuple[X, Y]`)."""
    reads = [_reader(one) for one in args if one is not Ellipsis]
    many = Ellipsis in args

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not (many or len(value) == len(reads)):
            raise _OtherKindError("a list" if many else f"a list of {len(reads)}")
        every = reads * len(value) if many else reads
        return tuple(one(item) for one, item in zip(every, value, strict=True))

    return read


def _mapping(read: Read) -> Read:
    def every(value: Any) -> Json:
        if not isinstance(value, Mapping):
            raise _OtherKindError("an object")
        return {key: read(one) for key, one in value.items()}

    return every


def _number(value: Any) -> float:
    if (known := finite(value)) is None:
        raise _OtherKindError("a finite number")
    return known


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _OtherKindError("a whole number")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _OtherKindError("true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _OtherKindError("text")
    return value


_SIMPLE: dict[Any, Read] = {
    int: _whole, float: _number, bool: _truth, str: _text, Any: lambda value: value,
}  # fmt: skip


# Files


def read_object(path: Path, kind: type[R]) -> R:
    """The record that a whole file holds. Raises: RecordError with the file's name; OSError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordError(f"'{path}' is not valid JSON ({error}).") from error
    with of_file(path):
        return kind.from_json(found)


def read_lines(
    path: Path, kind: type[R], lines: Iterable[NumberedObject] | None = None
) -> Iterator[R]:
    """The records of a file with one object a line; lines that hold no object are left out.

    Args:
        lines: the lines of the file, if they have already been read.

    Raises: RecordError with the file's name and the line.
    """
    for number, found in read_objects(path) if lines is None else lines:
        if found is not None:
            with of_file(path, f", line {number},"):
                record = kind.from_json(found)
            yield record


def read_objects(path: Path) -> Iterator[NumberedObject]:
    """Every line that is not empty, with its number from 1; empty if there is no file."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            yield number, found if isinstance(found, dict) else None


@contextmanager
def of_file(path: Path, place: str = "") -> Iterator[None]:
    """A context in which a RecordError names the file that the data is from, and the place in
    it."""
    try:
        yield
    except RecordError as error:
        why = f"{str(error)[0].lower()}{str(error)[1:]}"
        raise RecordError(
            f"'{path}'{place} cannot be read by this version of paceline: {why}"
        ) from error
