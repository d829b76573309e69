"""Columns of a round as tensors, and the arithmetic on them. Letters: B rows, T tokens."""

import pytest
import torch

from paceline.errors import ConfigError
from paceline.objective import Gae
from paceline.objective.columns import (
    by_group,
    check_scale,
    padded,
    returns_of,
    sampled_tokens,
    standardised,
)
from tests.helpers.rounds import make_round


def test_sampled_tokens_end_where_the_row_does():
    round = make_round([[1, 0]], [[3, 1]], sampled=[(True, False, True), (True,)])
    assert sampled_tokens(round).tolist() == [[True, False, True], [True, False, False]]
    assert sampled_tokens(make_round([[1]], [[2]])).tolist() == [[True, True]]
    assert sampled_tokens(make_round([])).shape == (0, 0)


def test_returns_are_rewards_less_penalties():
    round = make_round([[1, 0.5]], penalty=((0.25, 0.25), (0.5, -0.25)))
    assert returns_of(round).tolist() == [0.5, 0.25]


def test_padded_fills_with_zeros():
    assert padded(((1, 2), (3,)), make_round([[1, 0]], [[2, 1]])).tolist() == [[1, 2], [3, 0]]


def test_a_column_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="2 tokens but 3 entries"):
        Gae()(make_round([[1]], values=((1, 2, 3),)))


def test_by_group_gives_zeros_where_returns_are_equal():
    round = make_round([[1, 0], [0.3, 0.3], [2]], [[1, 2], [1, 1], [1]])
    assert by_group(round, lambda r_K, n_K: r_K + n_K).tolist() == [2, 2, 0, 0, 0]


def test_standardised_of_two_and_of_equal_ones():
    assert standardised(torch.tensor([1.0, 3.0]), 0, 0.0).tolist() == [-1, 1]
    assert standardised(torch.tensor([0.1, 0.1, 0.1]), 0, 0.0).tolist() == [0, 0, 0]
    assert standardised(torch.tensor([5.0]), 0, 0.0).tolist() == [0]


def test_impossible_scales_are_refused_by_the_parts_name():
    with pytest.raises(ConfigError, match="Gae needs ddof"):
        check_scale(Gae(), 2, 0.0)
    with pytest.raises(ConfigError, match="eps"):
        check_scale(Gae(), 0, -1.0)
