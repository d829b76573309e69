"""Decoding with the model's own cache."""

from paceline.engine import LocalEngine, Sampling
from paceline.layout import PADDED
from tests.helpers.requests import requests, token_ids


def test_the_padded_path_decodes_the_same(sharp):
    packed = LocalEngine(sharp).generate(requests(), Sampling(10))
    sharp.layout = PADDED
    padded = LocalEngine(sharp, rows_at_once=5).generate(requests(), Sampling(10))
    assert token_ids(padded) == token_ids(packed)
