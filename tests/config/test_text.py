"""Text as values: what a command line or a TOML file writes, by the type of the key."""

from typing import Any, Literal

import pytest

from paceline.config.text import parse
from paceline.errors import ConfigError


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (bool, "true", True), (bool, "False", False), (int, " 1_000 ", 1000), (int, "-1", -1),
        (float, "1e-6", 1e-6), (float, "2", 2.0), (str, " 'a' b", " 'a' b"), (str, "none", "none"),
        (str | None, "None", None), (str | None, "", ""), (int | None, "none", None),
        (int | None, "7", 7), (Literal["a", "none"], "none", "none"), (Literal["a"], " a ", "a"),
        (Literal["a"] | None, "none", None), (tuple[str, ...], "", ()),
        (tuple[str, ...], "+ -, '* /'", ("+", "-", "* /")), (tuple[int, ...], "1,2 3", (1, 2, 3)),
        (tuple[int, float], "1 2", (1, 2.0)), (list[int], "1", [1]),
        (tuple[float, ...] | None, "none", None), (tuple[float, ...] | None, "1,2", (1.0, 2.0)),
    ],
)  # fmt: skip
def test_a_value_of_each_type(annotation: Any, text: str, value: Any) -> None:
    found = parse("key", annotation, text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "type_in_words"),
    [
        (bool, "1", "true or false"), (int, "1.0", "a whole number"), (int, "", "a whole number"),
        (float, "fast", "a number"), (int | None, "no", "a whole number or none"),
        (Literal["a", "b"], "A", "one of a, b"), (int, "1 2", "a whole number"),
        (tuple[str, ...], "it's", "words with spaces or commas between"),
        (tuple[int, int], "1", "words with spaces or commas between"),
    ],
)  # fmt: skip
def test_other_text_is_one_sentence(annotation: Any, text: str, type_in_words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("key", annotation, text)
    assert str(refused.value) == f"key takes {type_in_words}, not '{text}'."


def test_some_types_cannot_be_written() -> None:
    with pytest.raises(ConfigError, match=r"^key cannot be set as text, as it takes .*in Python"):
        parse("key", dict[str, int], "a 1")
