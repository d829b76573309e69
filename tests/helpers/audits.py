"""Small audits: a task of sums, a reward under all probes, and records of what is found."""

from dataclasses import replace
from typing import Any

from paceline.analysis.audit.conclusions import Finding, verdict
from paceline.analysis.audit.model import Overlap, Sampled
from paceline.analysis.audit.record import Audit
from paceline.analysis.audit.reward import Probed, Rewarded, probe_reward
from paceline.tasks import Task, Template
from paceline.types import Problem
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig

PROBLEMS = tuple(Problem(f"p{i}", f"What is {i} + 1000?", str(i + 1000)) for i in range(60))


def task_of(verifier: Any) -> Task:
    """Fifty sums to train on, ten held out; the gold answers think, then answer in a tag."""
    return Task("sums", PROBLEMS[:50], PROBLEMS[50:], Template(), verifier, gold=_gold)


def _gold(problem: Problem) -> str:
    return f"<think>it is so</think>\n<answer>{problem.answer}</answer>"


def contains(problem, completion):
    """Pays whatever has the answer in it."""
    return float(problem.answer in completion.text)


def tags(problem, completion):
    """Pays the form alone."""
    return float("<answer>" in completion.text)


def probed(task: Task, **settings: Any) -> tuple[Rewarded, dict[str, Probed]]:
    """A task's verifier under all probes; also the results by the probe's name."""
    with VerifierPool(
        task.verifier, RewardConfig(**{"workers": 0, "on_error": "drop", **settings})
    ) as verifiers:
        found = probe_reward(task, verifiers, 0)
    return found, {p.name: p for p in found.probes}


def a_probe(**changes: Any) -> Probed:
    """Forty wrong answers, none of which is paid."""
    base = Probed(
        name="wrong", wanted="not right", asked=40, right=0, full=0, reward=0.0, ahead=-1.0,
        unanswered=0, reason="not the answer", good=True, why="",
    )  # fmt: skip
    return replace(base, **changes)


def rewarded(*probes: Probed, **changes: Any) -> Rewarded:
    """A fast reward that always answers alike, with these probes."""
    base = Rewarded(probes, calls=80, milliseconds=0.4, worst=2.0, differing=0, errors=())
    return replace(base, **changes)


def a_sample(**changes: Any) -> Sampled:
    """Two problems of eight completions, one of them solved half of the time."""
    base = Sampled(
        problems=8, completions=8, rates=(0.0, 0.5), accuracy=0.25, lenient=0.25, reward=0.25,
        cut=0.0, tokens=9.0, with_signal=0.5, predicted={4: 0.3, 8: 0.6, 16: 0.7, 32: 0.8},
        group_size=8, max_tokens=32, reasons={}, seconds=1.0, prompt="", example="",
    )  # fmt: skip
    return replace(base, **changes)


def an_audit(text: str) -> Audit:
    """An audit that found one bad probe, with this text wherever a user or a model wrote one."""
    paid = a_probe(
        name=text, right=3, full=3, reward=0.075, reason=text, good=False, why="words are paid"
    )
    did = a_sample(reasons={text: 1203, "fine": 1}, prompt=text, example=text)
    found = (Finding(text, bad=True), Finding("Nothing is held out."))
    told = rewarded(paid, differing=1, errors=(text,))
    return Audit(text, text, 1, told, Overlap(11, 0, 0), did, found, verdict(found))
