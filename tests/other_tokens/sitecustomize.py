"""Other tokens are sampled than ours: what another processor's rounding does to a run after some
updates, at once and in every run.

With this folder on PYTHONPATH every process has it, whoever starts it. Nothing but the engine draws
uniform numbers, so problems and their order stay what they are.
"""

import os

if number := os.environ.get("PACELINE_OTHER_TOKENS"):
    from paceline import rng

    ours, salt = rng.uniform, rng.key("other tokens", number)
    rng.uniform = lambda stream, position: ours(stream ^ salt, position)
