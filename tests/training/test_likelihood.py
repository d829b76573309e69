"""The likelihood of held-out rows."""

import math

import pytest

from paceline.layout import TokenRows
from paceline.training.likelihood import likelihood
from paceline.types import Round
from tests.helpers.given import brings
from tests.helpers.policies import tiny_policy

GROUPS = (
    brings([1, 5, 6], [9, 10, 2]),
    brings([7, 8], [11, 12, 13, 14, 2], sampled=(True, True, False, True, True)),
    brings([7, 8, 9], [11, 12, 2], [13, 2], rewards=(0.0, 1.0)),
)


def measured(limit=4096, **changes):
    return likelihood(tiny_policy(train=False), "t", GROUPS, tokens_per_forward=limit, **changes)


def test_the_figures_by_loops_over_tokens():
    policy, found = tiny_policy(train=False), measured()
    rows = TokenRows.of(Round(0, GROUPS))
    logp_BT = policy.score(rows, 1.0).logp_BT.tolist()
    # Of the last row, two completions: the better one, which is the fourth of all.
    trained = [logp_BT[0][:3], [logp_BT[1][t] for t in (0, 1, 3, 4)], logp_BT[3][:2]]
    tokens = sum(map(len, trained))
    assert found.rows == 3 and found.task == "t"
    assert found.nll == pytest.approx(-sum(map(sum, trained)) / tokens, rel=1e-5)
    # Turns end at the last token of each run: of the second row at the second and the last one.
    ends = [logp_BT[0][2], logp_BT[1][1], logp_BT[1][4], logp_BT[3][1]]
    assert found.end_probability == pytest.approx(sum(map(math.exp, ends)) / 4, rel=1e-5)
    assert 0 <= found.token_accuracy <= 1
    low, high = found.intervals["nll"]
    assert low <= found.nll <= high


def test_packs_change_nothing():
    whole, cut = measured(), measured(limit=8)
    assert cut.nll == pytest.approx(whole.nll, rel=1e-5)
    assert cut.token_accuracy == whole.token_accuracy


def test_progress_is_told():
    told = []
    measured(limit=8, progress=lambda *said: told.append(said))
    assert told[-1] == ("measuring the likelihood", 3, 3)
