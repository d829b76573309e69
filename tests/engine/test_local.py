"""The local engine against transformers' own generate and the model's own logits."""

import pytest
import torch

from paceline import rng
from paceline.engine import LocalEngine, Request, Sampling
from paceline.engine.graphs import Graphs
from paceline.layout import PADDED, Rows
from paceline.model import Policy
from tests.conftest import tiny_policy
from tests.model.families import FAMILIES, family

PROMPTS = [(5, 6, 7), (8, 9, 10, 11, 12, 13, 14), (20,), (21, 22, 23, 24)]
BEGUN = [(30, 31, 32, 33, *p) for p in PROMPTS]
"""The same behind four tokens that all begin with."""


def requests(completions=3, prompts=PROMPTS, tag="t"):
    return [
        Request(p, tuple(rng.key(0, tag, i, k) for k in range(completions)))
        for i, p in enumerate(prompts)
    ]


@pytest.fixture
def sharp():
    """The tiny model with larger weights: distributions with a shape, and stop tokens now and
    then. In fp64, so that no rounding decides a draw: which rows lie beside a row changes the last
    bit of its logits, on some processors."""
    policy = tiny_policy()
    policy.module.double()
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
            scored[i, :n].float(), torch.tensor(completion.logprobs), rtol=1e-4, atol=1e-5
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


RAGGED = [
    Request(p, tuple(rng.key(0, "r", i, k) for k in range(5)), limits)
    for i, (p, limits) in enumerate(
        zip(PROMPTS, [(9, 1, 4, 2, 7), (1, 1, 1, 1, 1), (3, 12, 5, 12, 6), (2, 2, 10, 1, 8)],
            strict=True)
    )
]  # fmt: skip
"""Completions of prescribed lengths; all of one group are over after their first token."""


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 7, 100])
def test_places_are_refilled_and_nothing_else_changes(sharp, rows_at_once):
    sharp.stop_ids = ()
    sampling = Sampling(12)
    answers = LocalEngine(sharp, rows_at_once=rows_at_once).generate(RAGGED, sampling)
    assert [tuple(len(c.token_ids) for c in g) for g in answers] == [r.limits for r in RAGGED]
    alone = [LocalEngine(sharp).generate([r], sampling)[0] for r in RAGGED]
    assert [[c.token_ids for c in g] for g in answers] == [[c.token_ids for c in g] for g in alone]


def test_the_queue_is_decoded_in_few_steps(sharp, monkeypatch):
    # 20 rows at 8 places: batches that wait for their longest row would take 8 + 11 + 9 steps;
    # refilled places take one more than the longest row alone.
    from paceline.engine.continuous import Decoding

    sharp.stop_ids, steps = (), []
    step = Decoding._step
    monkeypatch.setattr(Decoding, "_step", lambda self: (steps.append(len(self.live)), step(self)))
    LocalEngine(sharp, rows_at_once=8).generate(RAGGED, Sampling(12))
    # First tokens come with the prompts, the others are decoded one a step: nothing is wasted.
    assert sum(steps) == sum(n - 1 for r in RAGGED for n in r.limits)
    assert len(steps) == 12


def test_equal_prompts_of_two_requests_stay_two_requests(sharp):
    twice = [requests(2)[0], requests(2, tag="other")[0]]
    answers = LocalEngine(sharp).generate(twice, Sampling(8))
    for request, group in zip(twice, answers, strict=True):
        alone = LocalEngine(sharp).generate([request], Sampling(8))[0]
        assert [c.token_ids for c in alone] == [c.token_ids for c in group]
    assert [c.token_ids for c in answers[0]] != [c.token_ids for c in answers[1]]


def test_rows_longer_than_the_first_width_keep_their_tokens(sharp, monkeypatch):
    sharp.stop_ids = ()
    whole = LocalEngine(sharp).generate(requests(2), Sampling(30))
    monkeypatch.setattr("paceline.engine.kv.FIRST_WIDTH", 2)
    assert LocalEngine(sharp).generate(requests(2), Sampling(30)) == whole


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


def test_the_padded_path_decodes_the_same(sharp):
    packed = LocalEngine(sharp).generate(requests(), Sampling(10))
    sharp.layout = PADDED
    padded = LocalEngine(sharp, rows_at_once=5).generate(requests(), Sampling(10))
    assert [[c.token_ids for c in g] for g in padded] == [[c.token_ids for c in g] for g in packed]


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


@pytest.mark.parametrize("rows_at_once", [3, 7, 100])
def test_steps_of_fixed_sizes_decode_the_same(sharp, rows_at_once):
    # What a GPU captures as graphs, computed anew each time: sizes rounded up, rows, prompts and
    # seats that nobody reads, masks for every length, and a store that stays from call to call.
    plain = LocalEngine(sharp, rows_at_once=rows_at_once)
    sized = LocalEngine(sharp, rows_at_once=rows_at_once)
    sized.graphs = Graphs(capture=False)
    for asked in (requests(5), RAGGED, requests(2, tag="again")):
        ours, theirs = (e.generate(asked, Sampling(12)) for e in (sized, plain))
        assert [[c.token_ids for c in g] for g in ours] == [
            [c.token_ids for c in g] for g in theirs
        ]
    assert len(sized.graphs.steps) > 1


@pytest.mark.parametrize("name", ["mistral-window", "gemma2", "gemma3"])
def test_steps_of_fixed_sizes_know_windows_and_caps(name, sharp):
    policy = Policy(family(name), sharp.tokenizer, ())
    sized, greedy = LocalEngine(policy, rows_at_once=5), Sampling(14, temperature=0.0)
    sized.graphs = Graphs(capture=False)
    plain = LocalEngine(policy).generate(requests(2), greedy)
    ours = sized.generate(requests(2), greedy)
    assert [[c.token_ids for c in g] for g in ours] == [[c.token_ids for c in g] for g in plain]


def test_stores_grow_and_captured_steps_survive_taking_turns(sharp):
    engine = LocalEngine(sharp)
    engine.graphs = Graphs(capture=False)
    few, many = requests(6, PROMPTS[:2]), requests(1, PROMPTS * 3)
    engine.generate(few, Sampling(12))
    engine.generate(many, Sampling(5))
    store, steps = engine.graphs.store, len(engine.graphs.steps)
    engine.generate(few, Sampling(12))
    engine.generate(many, Sampling(5))
    assert engine.graphs.store is store and len(engine.graphs.steps) >= steps > 0


def test_nothing_asked_is_nothing_answered(sharp):
    engine = LocalEngine(sharp)
    assert engine.generate([], Sampling(5)) == []
    assert engine.generate([Request((5, 6), ())], Sampling(5)) == [[]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_decodes_as_it_scores(sharp, dtype):
    sharp.module.to(dtype)
    (answers,) = LocalEngine(sharp).generate(requests(3)[:1], Sampling(6))
    rows = Rows((PROMPTS[0],) * 3, tuple(c.token_ids for c in answers))
    scored = sharp.score(rows, 1.0).logp_BT
    assert scored.dtype == dtype
    for i, completion in enumerate(answers):
        got = torch.tensor(completion.logprobs, dtype=dtype)
        torch.testing.assert_close(scored[i, : len(got)], got, rtol=1e-5, atol=1e-5)


def test_prompts_go_through_the_model_in_bounded_passes(sharp, monkeypatch):
    whole = LocalEngine(sharp).generate(requests(2), Sampling(6))
    monkeypatch.setattr("paceline.engine.continuous.PREFILL", 4)
    again = LocalEngine(sharp).generate(requests(2), Sampling(6))
    assert [[c.token_ids for c in g] for g in again] == [[c.token_ids for c in g] for g in whole]
