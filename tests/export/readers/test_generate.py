"""Greedy answers by transformers' own `generate`."""

from paceline.export.readers.generate import generated
from tests.helpers.exports import CONVERSATIONS, asked_of


def test_answers_are_greedy_whatever_the_model_s_file_asks_for(policy, tmp_path):
    asked = asked_of(tmp_path)
    plain = generated(policy.module, policy.tokenizer, asked)
    policy.module.generation_config.update(
        do_sample=True, temperature=5.0, top_k=3, repetition_penalty=9.0
    )
    assert generated(policy.module, policy.tokenizer, asked) == plain
    for answer, conversation in zip(plain, CONVERSATIONS, strict=True):
        assert answer.prompt_ids == policy.render(conversation).token_ids
        assert 0 < len(answer.token_ids) <= asked.max_tokens
        decoded = policy.tokenizer.decode(answer.token_ids, skip_special_tokens=True)
        assert answer.text == decoded
