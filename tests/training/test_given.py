"""Rows as groups of tokens."""

from dataclasses import replace

import pytest

from paceline.errors import ConfigError, DataError
from paceline.model import tiny
from paceline.tasks import Task
from paceline.training.given import BROUGHT, given_rows
from paceline.types import Given
from tests.helpers.dialects import chatml
from tests.helpers.given import Worked, assistant

DROPS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and not loop.last %}…{% else %}{{ m['content'] }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A template that shortens earlier answers."""


def read(task: Task, *, max_tokens=40, context=1000, heldout=10, tokenizer=None):
    return given_rows(
        tokenizer or tiny.tokenizer(), task, max_tokens=max_tokens, context=context, heldout=heldout
    )


def pairs(task: Task, *texts: str, rewards=(1.0, 0.0), margin=0.0) -> Task:
    """Every row brings several answers."""
    given = tuple(
        Given((assistant(text),), reward, margin if reward else 0.0)
        for text, reward in zip(texts, rewards, strict=True)
    )
    return replace(task, given=lambda problem: given)


def test_a_row_is_a_group_of_its_completion():
    rows = read(Worked().load())
    assert (len(rows.train), len(rows.heldout), rows.notes) == (12, 4, ())
    group = rows.train[3]
    (rollout,) = group.rollouts
    decode = tiny.tokenizer().decode
    assert decode(rollout.completion.token_ids) == "4<|im_end|>"
    assert "3 + 1?" in decode(group.prompt.token_ids) and rollout.completion.text == "4"
    assert (rollout.verdict.reward, rollout.verdict.reason) == (1.0, BROUGHT)


def test_held_out_rows_are_the_first_of_them():
    assert len(read(Worked().load(), heldout=3).heldout) == 3


def test_a_gold_answer_is_a_completion_where_rows_bring_none():
    task = replace(Worked().load(), given=None, gold=lambda problem: f"= {problem.answer}")
    assert read(task).train[0].rollouts[0].completion.text == "= 1"


def test_what_is_too_long_is_left_out_whole_and_counted():
    rows = read(Worked(long=5).load())
    assert len(rows.train) == 7
    assert rows.notes == (
        "5 training rows left out for being longer than rollouts.max_tokens (40) or the model's "
        "context; the longest completion has 201 tokens.",
    )
    # Prompt and completion together must fit into the context.
    prompt = len(rows.train[0].prompt)
    assert len(read(Worked().load(), context=prompt + 2).train) == 9  # "10" to "12" are longer
    with pytest.raises(DataError, match="Every training row of task 'worked' is too long"):
        read(Worked().load(), max_tokens=1)


def test_rows_without_a_completion_are_counted():
    rows = read(Worked(silent=2).load())
    assert len(rows.train) == 10
    assert rows.notes == ("2 training rows left out for bringing no completion.",)
    with pytest.raises(ConfigError, match="Task 'worked' brings no completions to learn from"):
        read(Worked(silent=12).load())


def test_a_conversation_is_one_row_unless_the_template_writes_it_anew():
    rows = read(Worked(turns=2).load(), tokenizer=chatml(), max_tokens=200)
    (rollout,) = rows.train[0].rollouts
    assert rollout.completion.sampled is not None and len(rows.train) == 12
    other = type(chatml())(tokenizer_object=chatml().backend_tokenizer, eos_token="<|im_end|>")
    other.chat_template = DROPS
    split = read(Worked(turns=2).load(), tokenizer=other, max_tokens=200)
    assert len(split.train) == 24
    assert split.notes[0].startswith("12 training conversations read one turn at a time")


def test_a_pair_is_one_group_with_one_prompt():
    rows = read(pairs(Worked().load(), "yes", "no", margin=0.5))
    group = rows.train[0]
    assert group.rewards == (1.0, 0.0) and len(rows.train) == 12
    assert [r.verdict.parts for r in group.rollouts] == [{"margin": 0.5}, {}]
    # Too long in one of the two: the pair is left out.
    with pytest.raises(DataError, match="too long"):
        read(pairs(Worked().load(), "yes", "n" * 200))


def test_several_demonstrations_of_a_problem_are_a_row_each():
    rows = read(pairs(Worked().load(), "yes", "n" * 200, "well", rewards=(1.0, 1.0, 1.0)))
    assert len(rows.train) == 24 and all(len(group.rollouts) == 1 for group in rows.train)
    assert [group.rollouts[0].completion.text for group in rows.train[:2]] == ["yes", "well"]
    # What is too long is left out by itself: its problem has others.
    assert rows.notes[0].startswith("12 training rows left out for being longer")


def test_a_row_that_cannot_be_rendered_is_named():
    task = Worked().load()
    said = {"role": "wizard", "content": "?"}
    bad = replace(task, given=lambda p: (Given((assistant("1"), said, assistant("2"))),))
    with pytest.raises(DataError, match=r"A training row of task 'worked', s0, cannot be learned"):
        read(bad)


def test_a_reward_model_reads_what_stands_behind_the_answer_too():
    task, tokenizer = pairs(Worked().load(), "yes", "no"), chatml()
    plain, whole = (
        given_rows(tokenizer, task, max_tokens=40, context=1000, heldout=10, whole=w).train[0]
        for w in (False, True)
    )
    for one, other in zip(plain.rollouts, whole.rollouts, strict=True):
        ids = (*one.completion.token_ids, *tokenizer("\n")["input_ids"])
        assert other.completion.token_ids == ids
        # The line break behind the turn does not train, and is no part of the text.
        assert other.completion.sampled == (True,) * (len(ids) - 1) + (False,)
        assert other.completion.text == one.completion.text
