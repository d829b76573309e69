"""The run's own answers, and the tokens beside those that they took."""

import pytest
import torch

from paceline.export.probes import probes_of
from paceline.preflight.load import load
from tests.helpers.exports import CONVERSATIONS
from tests.helpers.made_tasks import config_of


@pytest.fixture
def probes(policy):
    loaded = load(config_of(evaluation={"max_tokens": 5}), reward=False)
    return probes_of(loaded, policy, CONVERSATIONS)


def test_answers_are_the_greedy_ones_of_the_model(probes, policy):
    for probe, conversation in zip(probes, CONVERSATIONS, strict=True):
        assert probe.conversation == conversation
        ids = list(policy.render(conversation).token_ids)
        assert probe.answer.prompt_ids == tuple(ids)
        taken = probe.answer.token_ids
        for token in taken:
            ids.append(token)
        logits = policy.module(torch.tensor([ids])).logits[0, len(ids) - len(taken) - 1 : -1]
        assert logits.argmax(-1).tolist() == list(taken)
        assert probe.answer.text == policy.tokenizer.decode(taken, skip_special_tokens=True)


def test_runners_up_are_the_second_likeliest_tokens(probes, policy):
    for probe in probes:
        taken = probe.answer.token_ids
        ids = [*probe.answer.prompt_ids, *taken]
        logits = policy.module(torch.tensor([ids])).logits[0, len(ids) - len(taken) - 1 : -1]
        best = logits.topk(2, dim=-1)
        assert len(probe.runners_up) in (len(taken), len(taken) + 1)  # and what ended it, if it did
        for i, beside in enumerate(probe.runners_up[: len(taken)]):
            first, second = best.values[i].tolist()
            assert beside.token_id == best.indices[i, 1]
            assert beside.distance == pytest.approx(first - second, abs=1e-4)
            assert beside.ends == (beside.token_id in policy.stop_ids)
            size = max(abs(first), abs(second))
            assert beside.rounding == pytest.approx(torch.finfo(torch.float32).eps * size, rel=1e-3)


def test_the_token_that_ends_an_answer_has_a_runner_up_and_is_no_part_of_it(policy, monkeypatch):
    loaded = load(config_of(evaluation={"max_tokens": 5}), reward=False)
    (free, *_) = probes_of(loaded, policy, CONVERSATIONS)
    policy.stop_ids = (free.answer.token_ids[2],)  # the model answers with it by itself
    first = free.answer.token_ids.index(policy.stop_ids[0])
    (ended, *_) = probes_of(loaded, policy, CONVERSATIONS)
    assert ended.answer.token_ids == free.answer.token_ids[:first]
    assert len(ended.runners_up) == first + 1
