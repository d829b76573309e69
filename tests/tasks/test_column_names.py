"""Names of columns."""

import pytest

from paceline.tasks.column_names import MissingColumnError, check_column, is_among


def test_a_column_may_be_inside_another() -> None:
    assert is_among("a.b", ["a"]) and is_among("a.b", ["a.b"]) and is_among("a", ["a", "b"])
    assert not is_among("a", ["a.b"]) and not is_among("b.a", ["a"])


def test_a_missing_column_brings_a_usual_one() -> None:
    with pytest.raises(MissingColumnError) as refused:
        check_column("answer", "gold", ["question", "solution"], "'x'")
    assert str(refused.value) == (
        "The rows of 'x' have columns [question, solution], but the answer column is 'gold'; set "
        "task.answer=solution, or task.answer=none (in Python answer=None) where the reward needs "
        "none."
    )
    assert refused.value.found.endswith("the answer column is 'gold'")
    with pytest.raises(MissingColumnError, match=r"'p'; set task\.prompt to one of them\.$"):
        check_column("prompt", "p", ["question"], "'x'", taken=("question",))
    check_column("prompt", "question", ["question"], "'x'")
