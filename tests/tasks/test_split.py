"""Names and sides by content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.errors import ConfigError
from paceline.tasks import content_id, prompt_key, split
from paceline.types import Problem

MANY = [Problem(f"p{i}", f"question {i}", str(i)) for i in range(1000)]


def test_an_id_is_the_content_and_nothing_else() -> None:
    name = content_id("What is 47 + 56?", "103")
    assert len(name) == 16
    assert name == content_id(({"role": "user", "content": "What is 47 + 56?"},), "103")
    assert name == "0c8f7d385c542f80"  # Fixed: runs name problems by it.
    others = {
        content_id("What is 47 + 56?", "104"),
        content_id("What is 47  + 56?", "103"),
        content_id(({"role": "system", "content": "What is 47 + 56?"},), "103"),
        content_id("What is 47 + 56?103", ""),
    }
    assert len(others | {name}) == 5


def test_composed_and_decomposed_letters_are_one_content() -> None:
    assert content_id("Caf\u00e9", "") == content_id("Cafe\u0301", "")
    assert prompt_key("a  Caf\u00e9\n") == prompt_key("a Cafe\u0301")
    assert prompt_key("a b") != prompt_key("ab")


def test_a_share_is_about_that_share() -> None:
    train, heldout = split(MANY, 0.1)
    assert len(train) + len(heldout) == 1000
    assert 70 <= len(heldout) <= 130  # 100 ± 9.5 is one standard deviation.


@given(st.permutations(range(40)), st.sampled_from([0.2, 12]))
def test_the_order_of_the_rows_decides_nothing(order: list[int], heldout: float) -> None:
    train, held = split(MANY[:40], heldout)
    other_train, other_held = split([MANY[i] for i in order], heldout)
    assert held == other_held
    assert {p.id for p in train} == {p.id for p in other_train}


def test_rows_that_are_added_move_no_problem_of_a_share() -> None:
    few, many = split(MANY[:500], 0.1)[1], split(MANY, 0.1)[1]
    assert {p.id for p in few} == {p.id for p in many if int(p.id[1:]) < 500}


def test_training_problems_keep_their_order_and_held_out_ones_lose_it() -> None:
    train, heldout = split(MANY, 0.3)
    assert [int(p.id[1:]) for p in train] == sorted(int(p.id[1:]) for p in train)
    numbers = [int(p.id[1:]) for p in heldout]
    # A fair order: the first hundred come from everywhere (mean 500, standard error 29).
    assert 400 < sum(numbers[:100]) / 100 < 600


def test_equal_keys_fall_on_the_same_side() -> None:
    problems = [Problem(f"p{i}", f"question {i}") for i in range(200)]
    for heldout in (0.3, 50):
        _, held = split(problems, heldout, lambda p: str(int(p.id[1:]) // 4))
        ids = {p.id for p in held}
        assert 0 < len(ids) < 200
        assert all((f"p{i}" in ids) == (f"p{i - i % 4}" in ids) for i in range(200))


def test_duplicates_of_a_prompt_fall_on_the_same_side() -> None:
    problems = [Problem(f"{i}{c}", f"question {i}" + " " * c) for i in range(50) for c in (0, 1)]
    held = {p.id for p in split(problems, 0.5)[1]}
    assert 0 < len(held) < 100
    assert all((f"{i}0" in held) == (f"{i}1" in held) for i in range(50))


def test_a_number_is_met_and_exceeded_only_by_equal_keys() -> None:
    assert len(split(MANY, 123)[1]) == 123
    pairs = split(MANY, 123, lambda p: str(int(p.id[1:]) // 2))[1]
    assert len(pairs) == 124
    assert len(split(MANY, 5000)[1]) == 1000


def test_small_shares_hold_out_one_problem_and_none_where_none_is_asked() -> None:
    for n in range(2, 20):
        assert len(split(MANY[:n], 0.0001)[1]) == 1
    assert split(MANY, 0) == (tuple(MANY), ())
    assert len(split(MANY[:1], 0.0001)[1]) == 0


def test_a_negative_number_is_refused() -> None:
    for wrong in (-1, float("nan")):
        with pytest.raises(ConfigError, match="must be a share below 1"):
            split(MANY, wrong)
