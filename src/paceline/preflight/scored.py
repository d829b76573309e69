"""A task whose answers a reward model scores, as the config's `rewards.model` asks for."""

import math
from dataclasses import replace

from ..model.reward_model import RewardModel
from ..tasks import Task
from ..types import AnyVerifier
from ..verify.shaping.compose import Weighted

ANSWER, SCORE = "answer", "score"
"""Names of the parts of a verdict: the task's own reward, and the reward model's score."""


def judge_of(task: Task, path: str | None) -> AnyVerifier:
    """The verifier that says which answers are right: the task's own, also where a reward model's
    score is the reward.

    Args:
        task: a task as it was loaded, `scored` by the model at `path`, if there is one.
    """
    if path is None or not isinstance(task.verifier, Weighted):
        return task.verifier
    return task.verifier.verifiers[0]


def scored(task: Task, path: str) -> Task:
    """The same task with the score of a reward model as its reward.

    The task's own reward is asked as well, with a weight of 0: it alone says which answers are
    right. So accuracy is judged by something that the policy does not learn to please, and where
    score and accuracy part, the policy has found what the reward model overrates (Gao et al.,
    arXiv 2210.10760). A task without a reward is judged by the score.

    Raises: ConfigError for a path with nothing behind it.
    """
    model = RewardModel(path)
    if not task.judged:
        return replace(task, verifier=model, judged=True)
    parts = ((ANSWER, task.verifier, 0.0), (SCORE, model, 1.0))
    return replace(task, verifier=Weighted(parts), full=-math.inf)  # a score has no full marks
