"""The local engine against transformers' own generate and the model's own logits."""

import pytest
import torch

from paceline.engine import LocalEngine, Request, Sampling
from paceline.layout import TokenRows
from paceline.model import Policy
from paceline.types import Prompt
from tests.helpers.families import FAMILIES, family
from tests.helpers.policies import tiny_policy
from tests.helpers.requests import BEGUN, PROMPTS, requests, token_ids


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
    rows = TokenRows(
        tuple(p for p in PROMPTS for _ in range(3)),
        tuple(c.token_ids for group in answers for c in group),
    )
    scored = sharp.score(rows, sampling.temperature).logp_BT
    for i, completion in enumerate(c for group in answers for c in group):
        n = len(completion.token_ids)
        torch.testing.assert_close(
            scored[i, :n].float(), torch.tensor(completion.logprobs), rtol=1e-4, atol=1e-5
        )


def test_a_completion_does_not_depend_on_its_company(sharp):
    sampling = Sampling(10)
    together = LocalEngine(sharp).generate(requests(), sampling)
    reversed_order = LocalEngine(sharp).generate(requests()[::-1], sampling)[::-1]
    in_blocks = LocalEngine(sharp, rows_at_once=2).generate(requests(), sampling)
    alone = [LocalEngine(sharp).generate([r], sampling)[0] for r in requests()]
    for other in (reversed_order, in_blocks, alone):
        assert token_ids(other) == token_ids(together)


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


def test_equal_prompts_of_two_requests_stay_two_requests(sharp):
    twice = [requests(2)[0], requests(2, tag="other")[0]]
    answers = LocalEngine(sharp).generate(twice, Sampling(8))
    for request, group in zip(twice, answers, strict=True):
        alone = LocalEngine(sharp).generate([request], Sampling(8))[0]
        assert [c.token_ids for c in alone] == [c.token_ids for c in group]
    assert [c.token_ids for c in answers[0]] != [c.token_ids for c in answers[1]]


@pytest.mark.parametrize("prompts", [PROMPTS, BEGUN], ids=["apart", "one-beginning"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_decodes_what_its_own_generate_decodes(name, prompts, sharp):
    policy = Policy(family(name), sharp.tokenizer, ())
    greedy = Sampling(14, temperature=0.0)
    ours = LocalEngine(policy, rows_at_once=7).generate(requests(2, prompts), greedy)
    for prompt, (completion, twin) in zip(prompts, ours, strict=True):
        assert twin.token_ids == completion.token_ids
        ids = torch.tensor([prompt])
        for token, logprob in zip(completion.token_ids, completion.logprobs, strict=True):
            log_p = policy.module(ids).logits[0, -1].log_softmax(-1)
            assert log_p[token] > log_p.max() - 1e-4  # the likeliest, to rounding
            assert logprob == pytest.approx(log_p[token].item(), abs=1e-4)
            ids = torch.cat([ids, torch.tensor([[token]])], 1)


def test_in_bf16_packed_weights_are_those_of_the_moment():
    policy = tiny_policy(torch.bfloat16)
    engine, sampling = LocalEngine(policy), Sampling(8, temperature=0.0)
    before = engine.generate(requests(1), sampling)
    with torch.no_grad():
        for parameter in policy.module.parameters():
            parameter.mul_(-1.5)
    after = engine.generate(requests(1), sampling)
    fresh = LocalEngine(policy).generate(requests(1), sampling)
    assert [g[0].token_ids for g in after] == [g[0].token_ids for g in fresh]
    assert [g[0].token_ids for g in after] != [g[0].token_ids for g in before]
    assert all("forward" not in vars(m) for m in policy.module.modules())


def test_nothing_asked_is_nothing_answered(sharp):
    engine = LocalEngine(sharp)
    assert engine.generate([], Sampling(5)) == []
    assert engine.generate([Request(Prompt((5, 6)), ())], Sampling(5)) == [[]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_decodes_as_it_scores(sharp, dtype):
    sharp.module.to(dtype)
    (answers,) = LocalEngine(sharp).generate(requests(3)[:1], Sampling(6))
    rows = TokenRows((PROMPTS[0],) * 3, tuple(c.token_ids for c in answers))
    scored = sharp.score(rows, 1.0).logp_BT
    assert scored.dtype == dtype
    for i, completion in enumerate(answers):
        got = torch.tensor(completion.logprobs, dtype=dtype)
        torch.testing.assert_close(scored[i, : len(got)], got, rtol=1e-5, atol=1e-5)


def test_its_state_is_the_number_of_sequences_at_once(sharp):
    engine, other = LocalEngine(sharp, rows_at_once=5), LocalEngine(sharp)
    assert engine.shrink() and engine.state_dict() == {"rows_at_once": 2}
    other.load_state_dict(engine.state_dict())
    assert other.rows_at_once == 2 and other.shrink() and not other.shrink()
