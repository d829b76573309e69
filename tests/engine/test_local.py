"""The local engine against transformers' own generate and the model's own logits."""

import pytest
import torch

from paceline import chance
from paceline.engine import LocalEngine, Request, Sampling
from paceline.layout import Rows
from tests.conftest import tiny_policy

PROMPTS = [(5, 6, 7), (8, 9, 10, 11, 12, 13, 14), (20,), (21, 22, 23, 24)]


def requests(completions=3, prompts=PROMPTS, tag="t"):
    return [
        Request(p, tuple(chance.key(0, tag, i, k) for k in range(completions)))
        for i, p in enumerate(prompts)
    ]


@pytest.fixture
def sharp():
    """The tiny model with larger weights: distributions with a shape, and stop tokens now and
    then."""
    policy = tiny_policy()
    with torch.no_grad():
        for parameter in policy.module.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return policy


def test_greedy_tokens_are_those_of_generate(sharp):
    ours = LocalEngine(sharp).generate(requests(1), Sampling(12, temperature=0.0))
    for prompt, (completion,) in zip(PROMPTS, ours, strict=True):
        theirs = sharp.module.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=12,
        )
        assert list(completion.token_ids) == theirs[0, len(prompt) :].tolist()


def test_log_probabilities_are_those_of_a_full_forward_pass(sharp):
    sampling = Sampling(10, temperature=0.7)
    answers = LocalEngine(sharp).generate(requests(), sampling)
    rows = Rows(
        tuple(p for p in PROMPTS for _ in range(3)),
        tuple(c.token_ids for group in answers for c in group),
    )
    scored = sharp.score(rows, sampling.temperature).logp_BT
    for i, completion in enumerate(c for group in answers for c in group):
        n = len(completion.token_ids)
        torch.testing.assert_close(
            scored[i, :n], torch.tensor(completion.logprobs), rtol=1e-4, atol=1e-5
        )


def test_a_completion_does_not_depend_on_its_company(sharp):
    sampling = Sampling(10)
    together = LocalEngine(sharp).generate(requests(), sampling)
    reversed_order = LocalEngine(sharp).generate(requests()[::-1], sampling)[::-1]
    in_blocks = LocalEngine(sharp, rows_at_once=2).generate(requests(), sampling)
    alone = [LocalEngine(sharp).generate([r], sampling)[0] for r in requests()]
    for other in (reversed_order, in_blocks, alone):
        assert [[c.token_ids for c in g] for g in other] == [
            [c.token_ids for c in g] for g in together
        ]


def test_completions_of_one_prompt_differ_and_repeat_exactly(sharp):
    first, again = (LocalEngine(sharp).generate(requests(6), Sampling(10)) for _ in range(2))
    assert first == again
    assert len({c.token_ids for c in first[0]}) > 1


def test_finished_and_cut_are_told_apart(sharp):
    answers = LocalEngine(sharp).generate(requests(40), Sampling(10))
    finished = [c for g in answers for c in g if c.finish == "stop"]
    cut = [c for g in answers for c in g if c.finish == "length"]
    assert finished and cut, "the model must do both for this test to say anything"
    for completion in finished:
        assert completion.token_ids[-1] in sharp.stop_ids
        assert not set(completion.token_ids[:-1]) & set(sharp.stop_ids)
    for completion in cut:
        assert len(completion.token_ids) == 10 and not set(completion.token_ids) & set(
            sharp.stop_ids
        )


def test_every_stop_token_ends_a_completion(sharp):
    sharp.stop_ids = tuple(range(0, 40))  # half of the vocabulary
    answers = LocalEngine(sharp).generate(requests(10), Sampling(30))
    assert all(c.finish == "stop" for g in answers for c in g)
    assert len({c.token_ids[-1] for g in answers for c in g}) > 3


def test_changed_weights_count_at_once(sharp):
    engine = LocalEngine(sharp)
    before = engine.generate(requests(1), Sampling(8, temperature=0.0))
    other = tiny_policy(seed=5)
    with torch.no_grad():
        for ours, theirs in zip(sharp.module.parameters(), other.module.parameters(), strict=True):
            ours.copy_(theirs)
    sharp.version += 1
    after = engine.generate(requests(1), Sampling(8, temperature=0.0))
    fresh = LocalEngine(other).generate(requests(1), Sampling(8, temperature=0.0))
    assert [g[0].token_ids for g in after] == [g[0].token_ids for g in fresh]
    assert [g[0].token_ids for g in after] != [g[0].token_ids for g in before]
    assert after[0][0].policy_version == before[0][0].policy_version + 1
