"""The penalty that the argument `kl` of a named algorithm stands for."""

from ..kl import KL, Form, Where


def in_loss(kl: float | KL) -> KL | None:
    """k3 in the loss."""
    return penalty(kl, "k3", "loss")


def in_reward(kl: float | KL) -> KL | None:
    """k1 in the reward."""
    return penalty(kl, "k1", "reward")


def penalty(kl: float | KL, form: Form, where: Where) -> KL | None:
    """A weight in this form and place, or nothing at 0; a KL as it is."""
    if isinstance(kl, KL):
        return kl
    return KL(kl, form, where) if kl else None
