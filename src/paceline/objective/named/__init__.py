"""The published algorithms, each as a function that returns a frozen value.

This is the only folder in which algorithm names stand. Each function gives the paper, the equation,
where our defaults come from, and what was left out and why. The same knob has the same name
everywhere: `low` and `high` are the widths of a clip, `ddof` and `eps` the two things on which the
field disagrees about a z-score, `gamma` and `lam` the discounts of a critic's advantage, `kl` the
weight β of a KL penalty (0, the default everywhere, means none, and no reference is loaded). A
number takes the form and the place that the algorithm has by default; a `KL` is taken as it is:
grpo(kl=0.04), grpo(kl=KL(0.04, weighted=True)).

What a paper says about *sampling* (dynamic sampling, group size, updates per round) and about the
*reward* (overlong shaping) is no part of an objective; it stands in the schedule and the verifier.
"""

from collections.abc import Callable, Mapping

from ...errors import ConfigError, nearest
from ..objective import Objective
from ..preference import Preference
from ..ranking import Ranking
from .critic import CRITICS, a2c, actor_critic, ppo, trpo, vapo
from .given import (
    LIKELIHOODS,
    PAIRS,
    RANKINGS,
    TEACHERS,
    bradley_terry,
    distil,
    dpo,
    ipo,
    orpo,
    rft,
    sft,
    simpo,
)
from .groups import (
    GROUPS,
    cispo,
    dapo,
    dr_grpo,
    gmpo,
    grpo,
    gspo,
    luspo,
    opo,
    reinforce,
    reinforce_pp,
    rloo,
    sapo,
)

Named = Objective | Preference | Ranking
"""The kinds of value that a name can stand for."""

OBJECTIVES: Mapping[str, Callable[[], Objective]] = {
    **GROUPS, **CRITICS, **LIKELIHOODS, **TEACHERS,
}  # fmt: skip
"""Every `Objective` by its name: what learns from advantages, whoever gives them."""
NAMES: Mapping[str, Callable[[], Named]] = {**OBJECTIVES, **PAIRS, **RANKINGS}
"""Every algorithm by its name, for the command line and for tests over all of them."""
GIVEN = frozenset({"sft", *PAIRS, *RANKINGS})
"""Names that learn from completions that a data set brings; all others sample their own."""


def by_name(name: str) -> Named:
    """The named value with its defaults. Raises ConfigError that names the nearest."""
    if name not in NAMES:
        raise ConfigError(
            f"There is no objective '{name}'.{nearest(name, list(NAMES))} "
            f"Known are {', '.join(NAMES)}."
        )
    return NAMES[name]()


__all__ = [
    "CRITICS", "GIVEN", "GROUPS", "LIKELIHOODS", "NAMES", "OBJECTIVES", "PAIRS", "RANKINGS",
    "TEACHERS", "Named", "a2c", "actor_critic", "bradley_terry", "by_name", "cispo", "dapo",
    "distil", "dpo", "dr_grpo", "gmpo", "grpo", "gspo", "ipo", "luspo", "opo", "orpo", "ppo",
    "reinforce", "reinforce_pp", "rft", "rloo", "sapo", "sft", "simpo", "trpo", "vapo",
]  # fmt: skip
