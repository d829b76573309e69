"""From rows that bring their completions to problems."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.errors import DataError, RewardError
from paceline.tasks.expected import Expected
from paceline.tasks.given_rows import GivenReader, given_id
from paceline.tasks.pair_forms import PREFERENCES
from paceline.tasks.row_forms import ASKING, DEMONSTRATIONS
from paceline.types import Given, Problem

SHOWN, PREFERRED = GivenReader(DEMONSTRATIONS), GivenReader(PREFERENCES)


def row(prompt: str = "q", completion: str = "a", **others: Any) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion, **others}


def answer(text: str) -> tuple[Given, ...]:
    return (Given(({"role": "assistant", "content": text},)),)


def told(rows: list[dict[str, Any]], of: GivenReader = SHOWN) -> str:
    with pytest.raises(DataError) as refused:
        of.problems(rows, "'x'", "")
    return str(refused.value)


def test_a_row_becomes_a_problem_and_what_it_brings() -> None:
    found = SHOWN.problems([row(source="web"), {"text": "all of it"}], "'x'", " of 'x'")
    one, two = found.problems
    assert (one.prompt, one.answer, one.row) == ("q", "", "row 1 of 'x'")
    assert dict(one.data) == {"completion": "a", "source": "web"}
    assert (two.prompt, dict(two.data)) == ("all of it", {"text": "all of it"})
    assert found.given == {
        one.id: answer("a"), two.id: (Given(({"role": "text", "content": "all of it"},)),),
    }  # fmt: skip
    assert found.forms == {"completion": 1, "text": 1} and found.notes == []


def test_one_prompt_with_two_answers_is_two_problems_and_a_repetition_is_one() -> None:
    rows = [row(n=1), row(completion="b", n=2), row(n=3)]
    found = SHOWN.problems(rows, "'x'", "")
    assert [p.row for p in found.problems] == ["row 1", "row 2"]
    assert [found.given[p.id] for p in found.problems] == [answer("a"), answer("b")]
    assert found.notes == [
        "Row 3 of 'x': left out, the same as an earlier row in prompt and answer, though not in "
        "[n]."
    ]
    assert found.forms == {"completion": 2}


def test_an_id_is_made_of_all_that_trains() -> None:
    given = answer("a")
    ids = {
        given_id("q", "", given), given_id("q", "4", given), given_id("p", "", given),
        given_id("q", "", answer("b")), given_id("q", "", (Given(given[0].turns, 0.0),)),
        given_id("q", "", (Given(given[0].turns, 1.0, 0.5),)),
    }  # fmt: skip
    assert len(ids) == 6
    assert given_id("q", "", given) == "f18202fa1b71a50f"  # Fixed: runs name problems by it.


def test_faults_are_told_with_their_rows() -> None:
    rows = [row(), row(completion=""), {"question": "q"}, row(completion=" ")]
    assert told(rows) == (
        "Rows 2 and 4 of 'x': an answer is empty. Fix them, or leave them out with "
        "task.on_error=drop."
    )
    found = GivenReader(DEMONSTRATIONS, drop=True).problems(rows, "'x'", "")
    assert len(found.problems) == 1
    assert found.notes == [
        "Left out: rows 2 and 4 of 'x': an answer is empty.",
        "Left out: row 3 of 'x' (['question']): the columns fit none of the forms that are read "
        "(messages or conversations; prompt and completion; instruction and output; text); rename "
        "columns of other names.",
    ]
    assert told([{"question": "q"}] * 9).startswith(
        "Rows 1, 2, 3, 4, 5 and 4 more of 'x' (the first: ['question']): the columns fit none of"
    )
    assert told([]) == "'x' has no rows."


def test_turns_that_nobody_answers_are_told() -> None:
    turns = [{"role": role, "content": "c"} for role in ("user", "assistant", "user")]
    rows = [{"messages": turns}, {"messages": [{"role": "user", "content": "p"}, *turns[1:]]}]
    assert SHOWN.problems(rows, "'x'", "").notes == [
        "Rows 1 and 2 of 'x': the turns behind the last answer are left out, as nobody answers "
        "them."
    ]


def test_completions_that_their_label_calls_bad_are_not_imitated() -> None:
    rows = [row(label=True), row(completion="b", label=False)]
    assert told(rows).startswith(
        "Row 2 of 'x': the row's label says that the completion is a bad one, and demonstrations "
        "are imitated; task=preferences learns from both kinds. Fix them, or leave them out"
    )
    assert len(GivenReader(DEMONSTRATIONS, drop=True).problems(rows, "'x'", "").problems) == 1
    assert len(GivenReader(DEMONSTRATIONS, "completion").problems(rows, "'x'", "").problems) == 2


def test_labelled_rows_are_joined_and_those_alone_are_faults() -> None:
    rows = [row(label=True), row(completion="b", label=False), row("p", label=True)]
    found = PREFERRED.problems(rows[:2], "'x'", "")
    (problem,) = found.problems
    assert (problem.prompt, problem.row, dict(problem.data)) == ("q", "rows 1 and 2", {})
    assert [one.reward for one in found.given[problem.id]] == [1.0, 0.0]
    assert found.forms == {"kto": 1}
    alone = (
        "its prompt has no completion with the other label, and labelled completions are learned "
        "from in pairs"
    )
    assert told(rows, PREFERRED).startswith(f"Row 3 of 'x': {alone}. Fix them, or leave them out")
    assert told(rows[1:], PREFERRED) == f"Rows 1 and 2 of 'x': {alone}."
    dropped = GivenReader(PREFERENCES, drop=True).problems(rows, "'x'", "")
    assert dropped.notes == [f"Left out: row 3 of 'x': {alone}."]


def test_a_reward_has_its_expected_answer() -> None:
    def odd(problem: Problem) -> None:
        if problem.answer == "5":
            raise RewardError(f"Problem {problem.row} is odd.")

    judged = GivenReader(
        DEMONSTRATIONS, expected=Expected("completion", "####", "number"), check=odd
    )
    (problem,) = judged.problems([row(completion="2 + 2\n#### 4")], "'x'", "").problems
    assert problem.answer == "4"
    assert "Row 2 of 'x': no answer could be judged. For the first of them: Problem row 2" in told(
        [row(completion="#### 4"), row(completion="#### 5")], judged
    )
    assert "the answer has no ####" in told([row()], judged)
    with_floats = GivenReader(DEMONSTRATIONS, expected=Expected("n", kind="number"))
    found = with_floats.problems([row(n=4.0)], "'x'", "")
    assert found.problems[0].answer == "4" and "read as 4" in found.notes[0]
    assert "but the answer column is 'n'; set" in told([row()], with_floats)


def test_a_reward_judges_one_answer() -> None:
    turns = [{"role": role, "content": "c"} for role in ("user", "assistant") * 2]
    judged = GivenReader(DEMONSTRATIONS, expected=Expected(None))
    assert "the conversation has several answers, and task.reward judges one" in told(
        [{"messages": turns}], judged
    )
    assert "a plain text asks nothing that task.reward could judge" in told([{"text": "a"}], judged)


def junk() -> st.SearchStrategy[Any]:
    """Whatever a file of rows may hold in a cell."""
    texts = st.sampled_from(["", " ", "q", "a", "\n\nHuman: q\n\nAssistant: a", "true", "\0"])
    plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
    keys = st.sampled_from(["role", "content", "from", "value", "weight", "tool_calls"])
    roles = st.sampled_from(["user", "assistant", "gpt", "human", "system"])
    turn = st.fixed_dictionaries({"role": roles, "content": texts})
    inner = plain | turn | st.dictionaries(keys, plain | roles, max_size=3)
    return inner | st.lists(inner | st.lists(plain, max_size=3), max_size=4)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [*ASKING, "completion", "output", "text", "chosen", "rejected", "completions",
                 "scores", "label", "kto_tag", "margin"]
            ),
            junk(), max_size=6,
        ),
        max_size=4,
    ),
    st.sampled_from([SHOWN, PREFERRED]),
)  # fmt: skip
def test_any_rows_are_read_or_refused_in_a_sentence(rows: list[Any], of: GivenReader) -> None:
    with contextlib.suppress(DataError):
        found = of.problems(rows, "'x'", "")
        for brought in found.given.values():
            assert brought and all(one.turns for one in brought)
            assert all(one.turns[-1]["role"] in ("assistant", "text") for one in brought)
            if of is PREFERRED:
                assert len({one.reward for one in brought}) > 1
