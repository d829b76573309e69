"""paceline's process in a comparison: goes through a spec's rounds and writes what it measured.

python benchmarks/paceline_side.py spec.json run.json
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from common import Asked, Diary, Forced, Matrices, Spec, Timed, now, reached

from paceline import recipes, rng
from paceline.config import Config, EvalConfig, ModelConfig
from paceline.engine import Request
from paceline.objective import named
from paceline.preflight.preflight import load_checked
from paceline.run import build
from paceline.tasks import Arithmetic
from paceline.training import OptimizerConfig, RolloutConfig, SampledRound, Sampler, Trainer
from paceline.training.clock import Clock
from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict


class Prescribed(Sampler):
    """Samples the spec's rounds: its prompts, its lengths, and its rewards, whatever is said."""

    def __init__(self, sampler: Sampler, rounds: Sequence[Forced]) -> None:
        by = sampler.rollouter
        super().__init__(by.policy, by.engine, sampler.task, sampler.settings, sampler.seed)
        self.rounds = rounds

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        round = self.rounds[index]
        requests = [
            Request(
                Prompt(tuple(prompt)),
                tuple(rng.key(self.seed, "sample", index, q, 0, i) for i in range(len(lengths))),
                limits=tuple(lengths),
            )
            for q, (prompt, lengths) in enumerate(zip(round.prompts, round.lengths, strict=True))
        ]
        with clock("sample"):
            answers = self.rollouter.engine.generate(requests, self.settings.sampling)
        return SampledRound(round_of(index, round, answers))


def round_of(index: int, forced: Forced, answers: Sequence[Sequence[Completion]]) -> Round:
    """The round that the spec prescribes, of these completions."""
    came = [[len(c.token_ids) for c in completions] for completions in answers]
    if came != forced.lengths:
        raise RuntimeError(f"Completions of {came} tokens came, {forced.lengths} were prescribed.")
    groups = []
    for q, completions in enumerate(answers):
        problem = Problem(f"{index}:{q}", "prescribed")
        rollouts = tuple(
            Rollout(problem, completion, Verdict(reward))
            for completion, reward in zip(completions, forced.rewards[q], strict=True)
        )
        groups.append(Group(problem, Prompt(tuple(forced.prompts[q])), rollouts, q))
    return Round(index, tuple(groups))


def prescribed_trainer(spec: Spec) -> Trainer:
    """The library's own trainer with the spec's rounds in place of a task's."""
    config = Config(
        name="prescribed",
        task=Arithmetic(),  # fills the place of a task: no problem of it is asked
        objective=named.grpo(),
        steps=spec.schedule,
        model=ModelConfig(
            spec.model, "bf16" if spec.dtype == "bf16" else "fp32", device=spec.device
        ),
        rollouts=RolloutConfig(spec.problems, spec.completions, spec.max_tokens),
        optimizer=OptimizerConfig(lr=spec.lr),
        evaluation=EvalConfig(problems=0),
    ).with_(**spec.paceline)
    checked = load_checked(config)
    policy = build.policy_of(checked)
    policy.stop_ids = ()  # only the prescribed length ends a completion
    trainer = build.trainer_of(checked, policy, None)
    assert isinstance(trainer.source, Sampler)
    trainer.source = Prescribed(trainer.source, spec.rounds)
    return trainer


def prescribed(spec: Spec, out: Path) -> None:
    """Time every round of a spec with prescribed work."""
    trainer = prescribed_trainer(spec)
    policy = trainer.policy
    diary = Diary(policy.device, spec.dtype)
    for round in spec.rounds:
        started = now(policy.device)
        report = trainer.step()
        seconds = now(policy.device) - started
        diary.add(Timed.of(round, seconds, report.seconds["sample"]).as_dict())
    diary.write(
        out,
        matrices=asdict(Matrices.of(policy)),
        tokens_per_forward=trainer.learner.tokens_per_forward,
    )


def learning(spec: Spec, out: Path) -> None:
    """Train the demo's recipe until its reward is at the goal."""
    config = recipes.demo().with_(
        steps=spec.schedule,
        seed=spec.seed,
        model={
            "path": spec.model,
            "dtype": spec.dtype,
            "device": spec.device,
        },
        rollouts={
            "problems": spec.problems,
            "completions": spec.completions,
            "max_tokens": spec.max_tokens,
        },
        **spec.paceline,
    )
    checked = load_checked(config)
    policy = build.policy_of(checked)
    trainer = build.trainer_of(checked, policy, None)
    device = policy.device
    diary, rewards, elapsed = Diary(device, spec.dtype), [], 0.0
    for round in spec.rounds:
        started = now(policy.device)
        report = trainer.step()
        elapsed += now(policy.device) - started
        drawn = report.sampled.round
        if [list(g.prompt_ids) for g in drawn.groups] != round.prompts:
            raise RuntimeError("The sampler drew other problems than the spec has.")
        rewards.append(sum(drawn.rewards) / len(drawn.rewards))
        tokens = sum(drawn.lengths) / len(drawn.lengths)
        diary.add({"seconds": elapsed, "reward": rewards[-1], "tokens": tokens})
        if reached(rewards, spec.goal):
            break
    diary.write(out)


def main() -> None:
    spec, out = Spec.read(Path(sys.argv[1])), Path(sys.argv[2])
    torch.manual_seed(0)
    (learning if isinstance(spec.rounds[0], Asked) else prescribed)(spec, out)


if __name__ == "__main__":
    main()
