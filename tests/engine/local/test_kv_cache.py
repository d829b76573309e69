"""Keys and values of prompts and rows."""

from paceline.engine import LocalEngine, Sampling
from paceline.engine.local.kv_cache import CacheSize
from tests.helpers.requests import requests


def test_rows_longer_than_the_first_width_keep_their_tokens(sharp, monkeypatch):
    sharp.stop_ids = ()
    whole = LocalEngine(sharp).generate(requests(2), Sampling(30))
    monkeypatch.setattr("paceline.engine.local.scheduler.FIRST_WIDTH", 2)
    assert LocalEngine(sharp).generate(requests(2), Sampling(30)) == whole


def test_a_size_holds_what_is_no_larger_anywhere():
    small, wide = CacheSize(2, 10, 4, 64), CacheSize(2, 5, 4, 128)
    assert not small.holds(wide) and not wide.holds(small)
    both = small.joined(wide)
    assert both == CacheSize(2, 10, 4, 128) and both.holds(small) and both.holds(wide)
