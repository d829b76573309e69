"""Decode steps of fixed sizes, computed anew each time where a GPU would capture them."""

import pytest

from paceline.engine import LocalEngine, Sampling
from paceline.engine.local.cuda_graphs import CudaGraphs, GraphSize, next_size
from paceline.engine.local.decode_step import DecodeBatch
from paceline.engine.local.kv_cache import CacheSize, KVCache
from paceline.model import Policy
from tests.helpers.families import family
from tests.helpers.requests import PROMPTS, RAGGED, requests, token_ids


@pytest.mark.parametrize("rows_at_once", [3, 7, 100])
def test_steps_of_fixed_sizes_decode_the_same(sharp, rows_at_once):
    # What a GPU captures as graphs, computed anew each time: sizes rounded up, rows, prompts and
    # seats that nobody reads, masks for every length, and a cache that stays from call to call.
    plain = LocalEngine(sharp, rows_at_once=rows_at_once)
    sized = LocalEngine(sharp, rows_at_once=rows_at_once)
    sized.graphs = CudaGraphs(capture=False)
    for asked in (requests(5), RAGGED, requests(2, tag="again")):
        ours, theirs = (e.generate(asked, Sampling(12)) for e in (sized, plain))
        assert token_ids(ours) == token_ids(theirs)
    assert len(sized.graphs.steps) > 1


@pytest.mark.parametrize("name", ["mistral-window", "gemma2", "gemma3"])
def test_steps_of_fixed_sizes_know_windows_and_caps(name, sharp):
    policy = Policy(family(name), sharp.tokenizer, ())
    sized, greedy = LocalEngine(policy, rows_at_once=5), Sampling(14, temperature=0.0)
    sized.graphs = CudaGraphs(capture=False)
    plain = LocalEngine(policy).generate(requests(2), greedy)
    ours = sized.generate(requests(2), greedy)
    assert token_ids(ours) == token_ids(plain)


def test_with_half_the_rows_the_cache_is_half_as_large(sharp):
    engine = LocalEngine(sharp, rows_at_once=16)
    engine.graphs = CudaGraphs(capture=False)
    engine.generate(requests(16, PROMPTS[:1]), Sampling(3))
    assert engine.state_dict()["kv_cache"]["rows"] == 16
    assert engine.shrink() == "half as many completions are sampled at once now"
    assert engine.state_dict() == {"rows_at_once": 8}  # no memory is held meanwhile
    engine.generate(requests(16, PROMPTS[:1]), Sampling(3))
    assert engine.state_dict()["kv_cache"]["rows"] == 8


def test_a_restored_engine_has_the_room_that_was_saved_whatever_it_had_sampled(sharp):
    engine = LocalEngine(sharp)
    engine.graphs = CudaGraphs(capture=False)
    engine.generate(requests(2, PROMPTS[:1]), Sampling(3))
    saved = engine.state_dict()
    engine.generate(requests(9, PROMPTS[:1]), Sampling(3))
    engine.load_state_dict(saved)
    engine.generate(requests(1, PROMPTS[:1]), Sampling(3))
    assert engine.state_dict() == saved
    engine.load_state_dict({"rows_at_once": 5})  # of a machine without CUDA graphs
    engine.generate(requests(1, PROMPTS[:1]), Sampling(3))
    assert engine.state_dict()["kv_cache"]["rows"] == 1


def test_caches_grow_and_captured_steps_survive_taking_turns(sharp):
    engine = LocalEngine(sharp)
    engine.graphs = CudaGraphs(capture=False)
    few, many = requests(6, PROMPTS[:2]), requests(1, PROMPTS * 3)
    engine.generate(few, Sampling(12))
    engine.generate(many, Sampling(5))
    cache, steps = engine.graphs.cache, len(engine.graphs.steps)
    engine.generate(few, Sampling(12))
    engine.generate(many, Sampling(5))
    assert engine.graphs.cache is cache and len(engine.graphs.steps) >= steps > 0


def test_sizes_by_hand():
    assert [next_size(n) for n in (1, 3, 16, 17, 100, 128, 129)] == [1, 4, 16, 32, 112, 128, 192]
    cache = KVCache(CacheSize(prompts=3, longest=12, rows=8, width=96))
    # Three rows on two prompts, two of them on one; the longest has 70 own tokens, so 128 are
    # wanted and 96 are there.
    batch = DecodeBatch.of([4, 70, 7], [9, 12], [0, 0, 1])
    assert GraphSize.of(batch, cache) == GraphSize(rows=4, prompts=2, group=2, width=96)


def test_an_engine_that_takes_over_a_state_keeps_a_cache_of_the_same_room(sharp):
    first, second = LocalEngine(sharp, rows_at_once=7), LocalEngine(sharp)
    for engine in (first, second):
        engine.graphs = CudaGraphs(capture=False)
    first.generate(RAGGED, Sampling(12))
    state = first.state_dict()
    second.load_state_dict(state)
    second.generate(requests(1, PROMPTS[:1]), Sampling(3))
    assert second.state_dict() == state
    # Seven rows were decoded at once, and four prompts, the longest of 7 tokens, 12 behind them.
    assert state == {
        "rows_at_once": 7, "kv_cache": {"prompts": 4, "longest": 7, "rows": 8, "width": 12},
    }  # fmt: skip
