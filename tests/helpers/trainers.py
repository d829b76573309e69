"""Small trainers: the tiny model, the real engine, verifiers that pay at once."""

import hashlib

import torch

from paceline.engine import LocalEngine
from paceline.model import make_reference
from paceline.objective import named
from paceline.tasks import Task, Template
from paceline.training import (
    CriticConfig,
    Learner,
    Optimizer,
    OptimizerConfig,
    RolloutConfig,
    Sampler,
    ScheduleConfig,
    Trainer,
    TrainerHooks,
    make_critic,
)
from paceline.types import Problem, Verdict
from tests.helpers.adapters import adapted_policy
from tests.helpers.policies import tiny_policy

PROBLEMS = tuple(Problem(f"p{i}", f"say {i}", str(i)) for i in range(12))


def digits(problem, completion):
    """Pays the share of digits among the characters: a random model gets some signal at once."""
    text = completion.text
    share = sum(c.isdigit() for c in text) / len(text) if text else 0.0
    return Verdict(share, reason="digits counted")


def noise(problem, completion):
    """Pays a number that depends on the text and on nothing that can be learned: different texts
    earn differently."""
    digest = hashlib.blake2b(completion.text.encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


class Keeps(TrainerHooks):
    """Hands every round to a function."""

    def __init__(self, keep_round):
        self.keep_round = keep_round


def trainer_of(
    objective=None, *, schedule=None, rollouts=None, verifier=digits, seed=0, lr=5e-3, steps=50,
    alpha=1.0, every=0, dtype=torch.float32, tokens_per_forward=4096, verifiers=None,
    problems=PROBLEMS, lora=None, policy=None, critic=None, source=None, trust=None, **options,
):  # fmt: skip
    policy = policy or (tiny_policy(dtype) if lora is None else adapted_policy(dtype, lora))
    engine = LocalEngine(policy)
    task = Task("digits", problems, (), Template(), verifier)
    rollouts = rollouts or RolloutConfig(problems=3, completions=6, max_tokens=5)
    objective = objective or named.grpo()
    reference = (
        make_reference(policy, alpha=alpha, every=every) if objective.needs_reference else None
    )
    optimizer = Optimizer(policy, OptimizerConfig(lr=lr, trust=trust), steps)
    schedule = schedule or ScheduleConfig()
    learner = Learner(policy, optimizer, tokens_per_forward=tokens_per_forward)
    made = None
    if objective.needs_values:
        made = make_critic(critic or CriticConfig(head_lr=lr), OptimizerConfig(lr=lr), learner)
    return Trainer(
        learner, source or Sampler(policy, engine, task, rollouts, seed, verifiers), objective,
        schedule, engine=engine, reference=reference, critic=made, seed=seed, **options,
    )  # fmt: skip


def weights(trainer):
    return [p.detach().clone() for p in trainer.policy.module.parameters()]


class Paid:
    """Pays 0, 1, 2, … while there is to be a signal, whatever was answered: no reward of a group of
    six is its mean. Else it always pays 1."""

    def __init__(self, signal):
        self.signal, self.next = signal, 0

    def __call__(self, problem, completion):
        self.next += 1
        return float(self.next) if self.signal else 1.0
