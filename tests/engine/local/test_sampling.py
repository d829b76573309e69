"""Choosing tokens. R rows, V words."""

import torch

from paceline import rng
from paceline.engine import Sampling
from paceline.engine.local.sampling import sample_token

PROBABILITIES = torch.tensor([0.1, 0.4, 0.2, 0.3])


def tokens(uniforms, **settings):
    uniform_R = torch.tensor(uniforms)
    logits_RV = PROBABILITIES.log().expand(len(uniforms), -1)
    return sample_token(logits_RV, uniform_R, Sampling(1, **settings))


def test_inverse_cdf_by_hand():
    # Cumulative: 0.1, 0.5, 0.7, 1.0. A token owns the half-open interval up to its own sum.
    token_R, logp_R = tokens([0.0, 0.09, 0.11, 0.49, 0.51, 0.69, 0.71, 0.999])
    assert token_R.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    torch.testing.assert_close(logp_R.exp(), PROBABILITIES[token_R])


def test_temperature_changes_the_distribution_and_the_log_probability_kept():
    # At temperature 0.5 the probabilities are squared and normalised: 1, 16, 4, 9 thirtieths.
    token_R, logp_R = tokens([0.02, 0.5, 0.6, 0.75], temperature=0.5)
    assert token_R.tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(logp_R.exp(), torch.tensor([1, 16, 4, 9]) / 30)


def test_greedy_takes_the_likeliest_and_keeps_its_probability_at_temperature_one():
    token_R, logp_R = tokens([0.99], temperature=0.0)
    assert token_R.item() == 1
    torch.testing.assert_close(logp_R.exp(), torch.tensor([0.4]))


def supported(**settings):
    """The tokens that a thousand evenly spaced numbers reach."""
    token_R, _ = tokens([(i + 0.5) / 1000 for i in range(1000)], **settings)
    return set(token_R.tolist())


def test_filters_by_hand():
    # In order of probability: 1 (0.4), 3 (0.3), 2 (0.2), 0 (0.1).
    assert supported(top_k=2) == {1, 3}
    assert supported(top_p=0.4) == {1}
    assert supported(top_p=0.41) == {1, 3}
    assert supported(top_p=0.95) == {0, 1, 2, 3}
    assert supported(min_p=0.45) == {1, 2, 3}
    # top-p is of what top-k left: 0.4/0.7 = 0.57 alone reaches 0.5.
    assert supported(top_k=2, top_p=0.5) == {1}


def test_the_log_probability_kept_is_that_of_the_filtered_distribution():
    token_R, logp_R = tokens([0.1], top_k=2)
    assert token_R.item() == 1
    torch.testing.assert_close(logp_R.exp(), torch.tensor([4 / 7]))


def test_ties_go_by_token_id():
    token_R, _ = sample_token(
        torch.zeros(100, 6), torch.linspace(0, 0.999, 100), Sampling(1, top_k=2)
    )
    assert set(token_R.tolist()) == {0, 1}


def test_a_token_of_probability_zero_is_never_taken():
    logits_RV = torch.tensor([[float("-inf"), 0.0, 0.0, float("-inf")]])
    largest = 1 - 2**-24
    for uniform in (0.0, largest):
        token_R, _ = sample_token(logits_RV, torch.tensor([uniform]), Sampling(1))
        assert token_R.item() in (1, 2)


def test_the_last_number_below_one_stays_within_a_large_vocabulary():
    # fp32 sums over 49,152 words do not end at 1; the draw must not fall off either end.
    torch.manual_seed(0)
    logits_RV = torch.randn(64, 49_152)
    token_R, logp_R = sample_token(logits_RV, torch.full((64,), 1 - 2**-24), Sampling(1))
    assert (token_R < 49_152).all() and logp_R.isfinite().all()


def test_frequencies_are_the_probabilities():
    stream = rng.key(0, "frequencies")
    uniform_R = torch.tensor([rng.uniform(stream, i) for i in range(20_000)])
    token_R, _ = sample_token(PROBABILITIES.log().expand(20_000, -1), uniform_R, Sampling(1))
    share = torch.bincount(token_R, minlength=4) / 20_000
    # Standard deviation of a share is at most sqrt(0.25/20000) = 0.0035; four of them.
    assert (share - PROBABILITIES).abs().max() < 0.014


def test_the_two_steps_find_what_one_running_sum_finds():
    # 1,000 words are four stretches, the last one short; a third of them have no mass.
    generator = torch.Generator().manual_seed(0)
    logits_V = 3 * torch.randn(1000, generator=generator)
    logits_V[::3] = float("-inf")
    uniform_R = torch.arange(4000) / 4000
    token_R, logp_R = sample_token(logits_V.expand(4000, -1), uniform_R, Sampling(1))
    p_V = logits_V.double().softmax(-1)
    expected_R = torch.searchsorted(p_V.cumsum(-1), uniform_R.double(), right=True)
    # A number within rounding of a boundary may fall on either side of it.
    assert (token_R != expected_R).float().mean() < 0.002
    assert (p_V[token_R] > 0).all()
    torch.testing.assert_close(logp_R, p_V.log()[token_R].float(), rtol=1e-5, atol=1e-5)


def test_the_largest_number_takes_the_last_word_with_mass():
    logits_V = torch.zeros(600)
    logits_V[590:] = float("-inf")
    token_R, _ = sample_token(logits_V[None], torch.tensor([1 - 2**-24]), Sampling(1))
    assert token_R.item() == 589
