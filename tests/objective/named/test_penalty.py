"""What the argument `kl` stands for."""

from paceline.objective import KL
from paceline.objective.named.penalty import in_loss, in_reward, penalty


def test_a_number_takes_the_form_and_the_place_of_the_algorithm():
    assert in_loss(0.1) == KL(0.1, "k3", "loss") == penalty(0.1, "k3", "loss")
    assert in_reward(0.1) == KL(0.1, "k1", "reward")


def test_nothing_at_0_and_a_kl_as_it_is():
    assert in_loss(0.0) is None and in_reward(0) is None
    own = KL(0.2, "k2")
    assert in_loss(own) is own and in_reward(own) is own
