"""The forms in which rows bring demonstrations: a form is recognised from the columns of a row that
are there and hold something, and it says how they are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..text import listed
from ..types import TEXT, Given, Message
from .answers import is_missing
from .faults import Fault, check_text
from .row import Row
from .split import Question
from .task import is_empty
from .turns import ASSISTANT, answer_of, check_answers, parted, turns_of, with_system

CONVERSATIONS = ("messages", "conversations")
"""Columns of whole conversations; the first is that of OpenAI, the second that of ShareGPT."""
LABELS = ("label", "kto_tag")
"""Columns that say whether a completion is a good one, as for KTO: true or false."""
ASKING = (*CONVERSATIONS, "prompt", "instruction", "input", "history", "system")
"""Columns that a prompt is made of; all others reach a reward in `problem.data`."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row, as its form reads it."""

    prompt: Question
    """All turns before the first one that trains."""
    given: tuple[Given, ...]
    """The completions that it brings."""
    unanswered: bool = False
    """True if turns behind the last answer were left out."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of rows.

    Example: TEXT_FORM.fits({"text": "Once upon a time"}) is True
    """

    name: str
    """Name of the form, as task.form takes it."""
    columns: str
    """The columns that make it, in words."""
    noun: tuple[str, str]
    """Words for one problem of such rows, and for several."""
    fits: Callable[[Row], bool]
    """Tells whether a row has the columns."""
    read: Callable[[Row], ReadRow]
    """Reads a row that has them. Raises: Fault."""


def present(row: Mapping[str, Any], *columns: str) -> bool:
    """True if all of these columns are there and hold something."""
    return not any(is_missing(row.get(column)) for column in columns)


def form_of(row: Row, forms: Sequence[Form], others: Sequence[Form], named: str) -> Form:
    """The form of a row.

    Args:
        forms: the forms that are looked for.
        others: forms of the other kind of rows, which the sentence about a misplaced row names.
        named: name of the form that all rows have; "auto" recognises each row's.

    Raises: Fault for a row that fits no form, or two.
    """
    if named != "auto":
        (form,) = (one for one in forms if one.name == named)
        if not form.fits(row):
            raise Fault(f"task.form is {named}, whose rows have {form.columns}", _held(row))
        return form
    found = [form for form in forms if form.fits(row)]
    if len(found) > 1:
        names = listed([form.name for form in found])
        raise Fault(
            f"the columns fit {len(found)} forms, {names}; say which with task.form", _held(row)
        )
    if not found:
        known = "; ".join(form.columns for form in forms)
        kin = [form for form in others if form.fits(row)]
        task = "preferences" if forms[0] in DEMONSTRATIONS else "demonstrations"
        more = f"task={task} reads {kin[0].columns}" if kin else "rename columns of other names"
        raise Fault(
            f"the columns fit none of the forms that are read ({known}); {more}", _held(row)
        )
    return found[0]


def _held(row: Row) -> list[str]:
    """The columns of a row that hold something."""
    return [name for name in row if present(row, name)]


# Prompts --------------------------------------------------------------------------------------


def question_of(row: Row) -> Question:
    """The prompt of a row that has its answers in other columns: `prompt`, `instruction` with
    `input`, or a conversation that is not answered yet; behind `system`, where there is one.

    Raises: Fault.
    """
    if present(row, "prompt"):
        value = row["prompt"]
        prompt = value if isinstance(value, str) else turns_of(value, "prompt")
    elif present(row, "instruction"):
        prompt = instruction_of(row)
    elif column := conversation_column(row):
        prompt = turns_of(row[column], column)
    else:
        raise Fault("there is no prompt to the answers; add a column prompt")
    if isinstance(prompt, str):
        check_text(prompt, "prompt")
    if is_empty(prompt):
        raise Fault("the prompt is empty")
    if not isinstance(prompt, str) and prompt[-1]["role"] == ASSISTANT:
        raise Fault("the prompt ends with the assistant's turn, so nothing is left to answer")
    return with_system(prompt, row.get("system"))


def instruction_of(row: Row) -> str:
    """The user's turn of an Alpaca row: `instruction`, and `input` on the lines below it."""
    parts = [row["instruction"], row.get("input")]
    texts = [part for part in parts if not is_missing(part)]
    if not all(isinstance(text, str) for text in texts):
        raise Fault("instruction or input is not text", parts)
    return "\n".join(text for text in texts if text.strip())


def conversation_column(row: Row) -> str:
    """The column that holds the row's conversation; "" if none does. Raises: Fault where two do."""
    found = [column for column in CONVERSATIONS if present(row, column)]
    if len(found) > 1:
        raise Fault(f"there are two conversations, {listed(found)}; take one of them out")
    return found[0] if found else ""


# Forms ----------------------------------------------------------------------------------------


def _read_messages(row: Row) -> ReadRow:
    """A conversation, of which every answer trains. What stands behind the last one is left out:
    nobody answers it, and so nothing is learned from it."""
    column = conversation_column(row)
    turns = turns_of(row[column], column)
    before, answers = parted(turns)
    unanswered = len(before) + len(answers) < len(turns)
    return ReadRow(with_system(before, row.get("system")), (Given(answers),), unanswered)


def _read_completion(row: Row) -> ReadRow:
    prompt, answers = question_of(row), answer_of(row["completion"], "completion")
    check_answers(answers)
    return ReadRow(prompt, (Given(answers),))


def _read_alpaca(row: Row) -> ReadRow:
    """An instruction with its answer, behind the earlier ones, whose answers train as well."""
    turns: list[Message] = []
    history = row.get("history")
    pairs = () if is_missing(history) or history == "" else history
    if not isinstance(pairs, list | tuple):
        raise Fault("history is no list of pairs, each a question and its answer", pairs)
    for pair in pairs:
        if not isinstance(pair, list | tuple) or [type(text) for text in pair] != [str, str]:
            raise Fault("history is no list of pairs, each a question and its answer", pair)
        turns += _exchange(*pair)
    if not isinstance(row["output"], str):
        raise Fault("output is not text", row["output"])
    turns += _exchange(instruction_of(row), row["output"])
    if not all(turn["content"].strip() for turn in turns[::2]):
        raise Fault("the prompt is empty")
    before, answers = parted(turns)
    prompt = with_system(before[0]["content"], row.get("system"))
    return ReadRow(prompt, (Given(answers),))


def _exchange(question: str, answer: str) -> tuple[Message, Message]:
    check_text(question, "prompt")
    check_text(answer, "answer")
    return {"role": "user", "content": question}, {"role": ASSISTANT, "content": answer}


def _read_text(row: Row) -> ReadRow:
    text = row["text"]
    if not isinstance(text, str):
        raise Fault("text is not text", text)
    if not text.strip():
        raise Fault("the text is empty")
    check_text(text, "text")
    return ReadRow(text, (Given(({"role": TEXT, "content": text},)),))


MESSAGES = Form(
    "messages",
    "messages or conversations",
    ("row of messages", "rows of messages"),
    lambda row: any(present(row, column) for column in CONVERSATIONS),
    _read_messages,
)
"""Whole conversations."""
COMPLETION = Form(
    "completion",
    "prompt and completion",
    ("row of prompt and completion", "rows of prompt and completion"),
    lambda row: present(row, "prompt", "completion"),
    _read_completion,
)
"""A prompt and its completion, text or messages on either side."""
ALPACA = Form(
    "alpaca",
    "instruction and output",
    ("row of instruction and output", "rows of instruction and output"),
    lambda row: present(row, "instruction", "output"),
    _read_alpaca,
)
"""An instruction with its output, as Alpaca has them."""
TEXT_FORM = Form(
    "text",
    "text",
    ("row of text", "rows of text"),
    lambda row: present(row, "text"),
    _read_text,
)
"""Plain text."""
DEMONSTRATIONS = (MESSAGES, COMPLETION, ALPACA, TEXT_FORM)
"""Forms of rows that are to be imitated."""


# Labels ---------------------------------------------------------------------------------------


def label_of(row: Row) -> bool | None:
    """The row's word on whether its completion is a good one; None where it does not say."""
    for column in LABELS:
        value = row.get(column)
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.strip().lower())
        if isinstance(value, bool):
            return value
    return None


def refuse_bad(row: Row, form: Form) -> None:
    """Raise Fault for a demonstration whose own row says that it is a bad one. The label of a plain
    text means something else, as where texts are to be told apart."""
    if form is not TEXT_FORM and label_of(row) is False:
        raise Fault(
            "the row's label says that the completion is a bad one, and demonstrations are "
            "imitated; task=preferences learns from both kinds"
        )


def described(forms: Mapping[str, int], known: Sequence[Form]) -> str:
    """Problems by the form of their rows, in words.

    Example: "960 rows of messages and 1 row of text"
    """
    nouns = {form.name: form.noun for form in known}
    return listed([f"{n:,} {nouns[name][n != 1]}" for name, n in forms.items()])
