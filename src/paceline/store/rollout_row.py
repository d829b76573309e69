"""A completion as a row of its round's file: the one schema of `rollouts/*.parquet`, for those that
write the file and those that read it."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ..types import Finish
from .base import RecordError

if TYPE_CHECKING:
    import pyarrow as pa

Ints = Sequence[int]
Floats = Sequence[float]
Texts = Sequence[str]
Bools = Sequence[bool]

TYPES: dict[Any, str] = {
    int: "int64", float: "double", bool: "bool", str: "string", Finish: "string",
    Ints: "list<int32>", Floats: "list<float>", Texts: "list<string>", Bools: "list<bool>",
}  # fmt: skip
"""Type of a field -> type of its column. Numbers of a list take four bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRow:
    """A completion as a row of its round's file. Columns that older files lack have defaults."""

    round: int
    """The round's number, from 0."""
    step: int
    """The first optimizer step that trained on the round."""
    draw: int
    """The place in the stream of problems at which the problem was drawn."""
    index: int
    """The place of the completion in its group, from 0."""
    policy_version: int
    """Number of updates that the sampling weights had seen."""
    problem_id: str
    """The problem's name: a hash of its content, or the row's own."""
    problem_row: str = ""
    """Where the problem was read, such as `row 17`; empty elsewhere."""
    prompt: str
    """The prompt as the model read it, decoded."""
    answer: str
    """The expected answer."""
    completion: str
    """The decoded completion, without special tokens."""
    parts: str
    """The named parts of the reward, before weighting, as JSON."""
    reason: str
    """The reason of the verdict, in one sentence."""
    finish: Finish
    """`stop`, or `length` for a completion that was cut."""
    prompt_ids: Ints
    """The tokens of the prompt."""
    token_ids: Ints
    """The tokens of the completion, the stop token included."""
    tokens: Texts
    """The text that each token adds to the completion."""
    old: Floats
    """The engine's log-probability of each token, when it sampled."""
    anchor: Floats | None
    """The trainer's log-probability of each token at the start of the round; null where nothing
    reads it, as in a round that serves one update."""
    ref: Floats | None
    """The reference's log-probability; null without a KL term."""
    advantage: Floats
    """The advantage: one number a completion, or one a token."""
    reward: float
    """The reward, as the verifier gave it."""
    correct: bool
    """True if the answer was right."""
    masked: bool
    """True if the completion gives no gradient (`rollouts.mask_cut`)."""
    special: Bools | None = None
    """True for each special token of the model."""
    sampled: Bools | None = None
    """True for each token that the model sampled itself; null if it sampled all."""
    values: Floats | None = None
    """The critic's forecast of the reward before each token, at the start of the round; null
    without a critic."""


@cache
def columns() -> dict[str, str]:
    """Each column and its type, in the order in which they are written."""
    hints = get_type_hints(RolloutRow)
    return {one.name: TYPES[_present(hints[one.name])] for one in fields(RolloutRow)}


def _present(hint: Any) -> Any:
    """The type without None."""
    if not isinstance(hint, UnionType):
        return hint
    (present,) = (one for one in get_args(hint) if one is not NoneType)
    return present


def schema() -> "pa.Schema":
    """The columns as pyarrow has them."""
    import pyarrow as pa

    types = {
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "string": pa.string(),
        "list<int32>": pa.list_(pa.int32()),
        "list<float>": pa.list_(pa.float32()),
        "list<string>": pa.list_(pa.string()),
        "list<bool>": pa.list_(pa.bool_()),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns().items()])


def table_of(rows: Sequence[RolloutRow]) -> "pa.Table":
    """The rows as the table that a round's file holds."""
    import pyarrow as pa

    made = {name: [getattr(row, name) for row in rows] for name in columns()}
    return pa.Table.from_pydict(made, schema=schema())


def rows_of(table: "pa.Table") -> list[RolloutRow]:
    """The rows of a round's table; columns of a later version are left out.

    Raises: RecordError if it lacks columns that have no default.
    """
    return [RolloutRow(**row) for row in table.select(known_in(table.column_names)).to_pylist()]


def read_table(path: Path, names: Sequence[str] | None = None) -> "pa.Table | None":
    """A round's columns; None where they cannot be read, as while the run is still writing.

    Args:
        names: the columns; None reads all that this version knows.
    """
    import pyarrow as pa  # only where rounds are read
    import pyarrow.parquet as pq

    try:
        # Without threads: where none can be started, pyarrow's would be waited for for ever.
        file = pq.ParquetFile(path)
        known = known_in(file.schema_arrow.names)
        return file.read(known if names is None else list(names), use_threads=False)
    except (pa.ArrowException, OSError, RecordError):
        return None


def known_in(names: Sequence[str]) -> list[str]:
    """The columns among these names that this version knows.

    Raises: RecordError if columns without a default are not among them.
    """
    needed = {one.name for one in fields(RolloutRow) if one.default is MISSING}
    if missing := sorted(needed - set(names)):
        raise RecordError(f"The round lacks the columns {', '.join(map(repr, missing))}.")
    return [name for name in columns() if name in names]
