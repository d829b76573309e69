"""What stands in braces in a user's turn."""

import pytest

from paceline.errors import ConfigError
from paceline.tasks.fill import check_filled, fill, names_in


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ("{prompt}", ["prompt"]),
        ("{prompt}\n{input} {input}", ["prompt", "input"]),
        ("{prompt} {a.b} {a-b} {名字}", ["prompt", "a.b", "a-b", "名字"]),
        ("{prompt} \\boxed{answer} \\frac{a}{b} x^{n} a_{i}", ["prompt"]),
        ('{prompt} {{answer}} {} {1} {a, b} {"a": 1}', ["prompt"]),
        ("\\quad {prompt}", ["prompt"]),
        ("{{prompt}}", []),
    ],
)
def test_names_are_words_in_one_pair_of_braces(user: str, names: list[str]) -> None:
    assert names_in(user) == names


def test_a_column_counts_whatever_letters_its_name_has() -> None:
    assert names_in("{prompt} {my column} {another one}", ["my column"]) == ["prompt", "my column"]


def test_values_are_put_in_once() -> None:
    user = "{prompt} {x} {{x}} {y} \\boxed{x} \\quad {prompt}"
    assert fill(user, {"prompt": "{x}", "x": "1"}) == "{x} 1 {x} {y} \\boxed{x} \\quad {x}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("imput", "the rows have [input, answer, more] to fill in. Did you mean 'input'?"),
        ("answer", "where the expected answers are, so the model would read them"),
        ("answer.text", "where the expected answers are"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(name: str, said: str) -> None:
    columns = ["input", "answer", "more"]
    with pytest.raises(ConfigError) as refused:
        check_filled(f"{{prompt}} {{{name}}}", columns, "answer")
    assert said in str(refused.value)
    assert str(refused.value).endswith(f"letters themselves are meant, write {{{{{name}}}}}.")
    # A column around the hidden one has it inside.
    with pytest.raises(ConfigError, match="where the expected answers are"):
        check_filled("{prompt} {more}", columns, "more.answer")
    assert check_filled("{prompt} {more.level}", columns, "more.answer") == ["more.level"]
