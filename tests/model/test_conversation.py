"""The tokens of completions that rows bring."""

import pytest

from paceline.errors import ConfigError
from paceline.model.conversation import closing, conversation
from paceline.model.template import render, turn_end_id
from tests.helpers.dialects import DIALECTS, chatml, mistral, qwen3
from tests.helpers.templates import OPENS_THINK

DROPS_THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}{{ m['content'].split('</think>')[-1] }}"
    "{% else %}{{ m['content'] }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A template that leaves the reasoning of earlier answers out, as those of Qwen3 and R1 do."""
ADDS_THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A template that writes empty reasoning into an answer without any."""


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def with_template(tokenizer, template: str):
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "qwen3"])
def test_an_answer_stands_behind_the_prompt_that_sampling_has_with_one_stop_token(name):
    tokenizer = DIALECTS[name]()
    (row,) = conversation(tokenizer, [user("What is 2 + 2?")], [answer("a number.")])
    assert row.prompt.token_ids == render(tokenizer, [user("What is 2 + 2?")])
    ids = row.completion.token_ids
    assert ids[-1] == turn_end_id(tokenizer) and ids.count(ids[-1]) == 1
    assert row.completion.sampled is None and row.completion.logprobs == ()
    # The template's own tokens of the whole conversation, up to the end of the turn.
    whole = tokenizer.apply_chat_template(
        [user("What is 2 + 2?"), answer("a number.")], tokenize=True, return_dict=True
    )["input_ids"]
    read = [*row.prompt.token_ids, *ids]
    assert whole[: len(read)] == read


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "qwen3"])
def test_a_conversation_is_one_row_whose_answers_alone_train(name):
    tokenizer = DIALECTS[name]()
    turns = [answer("2."), user("with 2?"), answer("a number.")]
    (row,) = conversation(tokenizer, [user("What is 2 + 2?")], turns)
    stop, ids, sampled = (
        turn_end_id(tokenizer), row.completion.token_ids, row.completion.sampled,
    )  # fmt: skip
    assert len(ids) == len(sampled)
    assert [i for i, trains in zip(ids, sampled, strict=True) if trains].count(stop) == 2
    trained = tokenizer.decode(
        [i for i, trains in zip(ids, sampled, strict=True) if trains and i != stop]
    )
    assert trained.replace(" ", "") == "2.anumber."
    # Everything in front of the last answer is what the engine would have been asked.
    last = max(t for t in range(len(ids)) if not sampled[t]) + 1
    asked = render(tokenizer, [user("What is 2 + 2?"), *turns[:2]])
    assert (*row.prompt.token_ids, *ids[:last]) == asked


def test_a_template_that_drops_earlier_reasoning_gives_one_row_a_turn():
    tokenizer = with_template(chatml(), DROPS_THINKING)
    turns = [answer("<think>a</think>2."), user("with 2?"), answer("<think>b</think>a number.")]
    first, second = conversation(tokenizer, [user("What is 2?")], turns)
    assert tokenizer.decode(first.completion.token_ids) == "<think>a</think>2.<|im_end|>"
    assert tokenizer.decode(second.completion.token_ids) == "<think>b</think>a number.<|im_end|>"
    assert "<think>" not in tokenizer.decode(second.prompt.token_ids)


def test_text_that_a_template_adds_to_an_answer_is_not_learned():
    tokenizer = with_template(chatml(), ADDS_THINKING)
    (row,) = conversation(tokenizer, [user("What is 2?")], [answer("2.")])
    assert tokenizer.decode(row.completion.token_ids) == "2.<|im_end|>"


def test_an_answer_goes_on_behind_the_tags_that_the_prompt_opens():
    tokenizer = qwen3()
    for text in ("<think>\na\n</think>2.", "a\n</think>2."):
        (row,) = conversation(tokenizer, [user("What is 2?")], [answer(text)])
        assert tokenizer.decode(row.completion.token_ids) == "a\n</think>2.<|im_end|>"
        assert row.completion.opened == "<think>\n"
    with pytest.raises(ConfigError, match=r"opens <think> for every answer, and the answer '2\.'"):
        conversation(tokenizer, [user("What is 2?")], [answer("2.")])
    other = with_template(chatml(), OPENS_THINK)
    with pytest.raises(ConfigError, match="write the reasoning into the rows"):
        conversation(other, [user("What is 2?")], [answer("2.")])


def test_an_answer_that_spells_a_stop_token_does_not_end_there():
    tokenizer = chatml()
    (row,) = conversation(tokenizer, [user("a?")], [answer("so <|im_end|> it")])
    ids = row.completion.token_ids
    assert ids.count(turn_end_id(tokenizer)) == 1
    assert tokenizer.decode(ids) == "so <|im_end|> it<|im_end|>"


def test_white_space_is_the_templates():
    tokenizer = DIALECTS["llama 3"]()  # trims what was said
    (row,) = conversation(tokenizer, [user("a?")], [answer(" it \n")])
    assert tokenizer.decode(row.completion.token_ids) == "it<|eot_id|>"
    (row,) = conversation(mistral(), [user("a?")], [answer("it")])
    assert mistral().decode(row.completion.token_ids).lstrip() == "it</s>"


def test_a_text_without_a_template_trains_from_its_second_token_to_a_stop():
    tokenizer = chatml()
    (row,) = conversation(tokenizer, [], [{"role": "text", "content": "What is 2?"}])
    ids = [*row.prompt.token_ids, *row.completion.token_ids]
    assert len(row.prompt) == 1 and row.completion.sampled is None
    assert tokenizer.decode(ids) == "What is 2?<|im_end|>"


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "qwen3"])
def test_what_closes_a_conversation_is_what_its_template_writes_behind_the_last_answer(name):
    tokenizer = DIALECTS[name]()
    chat = [user("What is 2 + 2?"), answer("a number.")]
    (row,) = conversation(tokenizer, chat[:1], chat[1:])
    whole = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=True)["input_ids"]
    read = [*row.prompt.token_ids, *row.completion.token_ids]
    assert [*read, *closing(tokenizer, chat)] == whole


def test_a_template_that_ends_no_turn_closes_nothing():
    plain = with_template(chatml(), "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    assert closing(plain, [user("a"), answer("b")]) == ()
