"""A policy with its optimizer: gradients that add up, log-probabilities, and its whole state."""

import pytest
import torch

from paceline.batch import Batch
from paceline.errors import UnfitCheckpointError
from paceline.layout import TokenRows
from paceline.objective import named
from paceline.training import Learner, Optimizer, OptimizerConfig
from paceline.training.learner import SMALLEST_PACK
from tests.helpers.policies import tiny_policy
from tests.helpers.rounds import ragged_round

ROUND = ragged_round()
ROWS = TokenRows.of(ROUND)
OBJECTIVE = named.dapo()
BATCH = Batch.of(ROUND, range(3), OBJECTIVE, anchored=False)


def a_learner(seed=0, **options) -> Learner:
    policy = tiny_policy(seed=seed)
    return Learner(policy, Optimizer(policy, OptimizerConfig(lr=1e-2), steps=9), **options)


def weights(learner):
    return [p.detach().clone() for p in learner.policy.trained().values()]


def equal(ours, theirs) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_packs_change_the_gradient_by_rounding_only():
    whole, cut = a_learner(), a_learner(tokens_per_forward=2)
    ticks = []
    measured = whole.forward_backward(BATCH, OBJECTIVE, lambda: ticks.append("whole"))
    again = cut.forward_backward(BATCH, OBJECTIVE, lambda: ticks.append("cut"))
    assert ticks.count("whole") == 1 and ticks.count("cut") == len(cut.packs(BATCH.rows)) > 3
    assert measured.tokens == again.tokens == int(BATCH.tokens.mask_BT.sum())
    for a, b in zip(whole.gradients(), cut.gradients(), strict=True):
        assert b.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_gradients_are_summed_until_a_step_or_a_clear():
    learner = a_learner()
    learner.forward_backward(BATCH, OBJECTIVE)
    once = [g.clone() for g in learner.gradients()]
    learner.forward_backward(BATCH, OBJECTIVE)
    assert equal(learner.gradients(), [2 * g for g in once])
    learner.clear()
    assert not any(g.any() for g in learner.gradients())
    learner.forward_backward(BATCH, OBJECTIVE)
    stepped = learner.optim_step(1)
    assert not stepped.skipped and stepped.lr == 1e-2 and learner.policy.version == 1
    assert not any(g.any() for g in learner.gradients())


def test_of_an_interrupted_gradient_nothing_is_left():
    learner = a_learner(tokens_per_forward=2)

    def stops():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learner.forward_backward(BATCH, OBJECTIVE, stops)
    assert not any(g.any() for g in learner.gradients())


class Length:
    """A loss beside a policy's: the square of all states."""

    def begins(self):
        self.rows = 0

    def __call__(self, states_MD, micro):
        self.rows += len(micro.rows)
        return 1e-3 * states_MD.square().sum()


def test_a_loss_beside_the_policys_is_added_and_begins_with_every_sum():
    plain, both, cut = a_learner(), a_learner(), a_learner(tokens_per_forward=2)
    plain.forward_backward(BATCH, OBJECTIVE)
    (1e-3 * plain.policy.states(BATCH.rows).square().sum()).backward()
    beside = Length()
    for learner in (both, cut):
        learner.forward_backward(BATCH, OBJECTIVE, beside=beside)
        assert beside.rows == len(BATCH.rows)
        for a, b in zip(learner.gradients(), plain.gradients(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_log_probabilities_are_those_at_its_temperature():
    learner = a_learner(temperature=0.7, tokens_per_forward=16)
    columns = learner.logprobs(ROWS)
    expected_BT = learner.policy.score(ROWS, 0.7).logp_BT
    assert [len(column) for column in columns] == list(ROUND.lengths)
    for column, row_T in zip(columns, expected_BT, strict=True):
        assert list(column) == pytest.approx(row_T[: len(column)].tolist(), abs=1e-5)


def test_rows_in_no_pack_are_not_scored():
    columns = a_learner().logprobs(ROWS, [[2, 0], [5]])
    scored = [i for i, column in enumerate(columns) if len(column)]
    assert scored == [0, 2, 5]
    assert [len(columns[i]) for i in scored] == [ROUND.lengths[i] for i in scored]


def test_another_model_scores_where_it_is_asked_for():
    learner, other = a_learner(), tiny_policy(seed=1)
    ours, theirs = learner.logprobs(ROWS), learner.logprobs(ROWS, score=other.score)
    assert theirs == Learner(other, learner.optimizer).logprobs(ROWS) != ours


def test_packs_are_halved_down_to_the_smallest():
    learner = a_learner(tokens_per_forward=300)
    told = []
    while (change := learner.shrink()) is not None:
        told.append(change)
    sizes = (150, 75, SMALLEST_PACK)
    assert told == [f"tokens_per_forward is {n} now" for n in sizes]
    assert learner.tokens_per_forward == SMALLEST_PACK


def test_a_state_continues_bit_for_bit_in_a_fresh_learner():
    first = a_learner()
    first.forward_backward(BATCH, OBJECTIVE)
    first.optim_step(1)
    first.tokens_per_forward = 512
    state = first.state_dict()
    assert state["version"] == 1 and state["tokens_per_forward"] == 512
    # As a checkpoint holds it: copies.
    stored = {**state, **{k: {n: x.clone() for n, x in state[k].items()}
                          for k in ("policy", "optimizer")}}  # fmt: skip
    second = a_learner(seed=1)
    places = [p.data_ptr() for p in second.policy.trained().values()]
    second.load_state_dict(stored)
    assert [p.data_ptr() for p in second.policy.trained().values()] == places
    assert (second.policy.version, second.tokens_per_forward) == (1, 512)
    for learner in (first, second):
        learner.forward_backward(BATCH, OBJECTIVE)
        learner.optim_step(2)
    assert equal(weights(first), weights(second))


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("policy", None, r"^its policy lacks 'model\.norm\.weight'$"),
        ("policy", torch.zeros(3), r"has 'model\.norm\.weight' in shape \(3,\), the model in \(\d"),
        ("optimizer", None, r"^its optimizer lacks 'model\.norm\.weight"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(part, change, said):
    state, learner = a_learner().state_dict(), a_learner(seed=1)
    name = next(n for n in state[part] if n.startswith("model.norm.weight"))
    state[part] = {n: x for n, x in state[part].items() if n != name}
    if change is not None:
        state[part][name] = change
    before = weights(learner)
    with pytest.raises(UnfitCheckpointError, match=said):
        learner.load_state_dict(state)
    assert equal(weights(learner), before)
