"""The parts of a run, as its config says."""

from dataclasses import dataclass

import pytest
import torch

from paceline.engine import LocalEngine
from paceline.errors import ConfigError, RewardError
from paceline.model import RewardScorer
from paceline.model.make_scorer import normal_head
from paceline.objective import named
from paceline.preflight.load import load, model_size_of
from paceline.preflight.rows import with_rows
from paceline.run import build
from paceline.training import Sampler, TrainerHooks
from paceline.training.critic import OwnCritic, SharedCritic
from paceline.verify.calling.base import VerifierBase
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.line_configs import small_reward_model
from tests.helpers.made_tasks import Made, config_of


def test_the_policy_has_the_configs_dtype_and_seed():
    config = config_of(model={"dtype": "bf16"}, seed=3)
    policy = build.policy_of(load(config))
    assert {p.dtype for p in policy.module.parameters()} == {torch.bfloat16}
    again, other = (build.policy_of(load(c)) for c in (config, config.with_(seed=4)))
    first, same, different = (
        torch.cat([p.flatten() for p in one.module.parameters()]) for one in (policy, again, other)
    )
    assert torch.equal(first, same) and not torch.equal(first, different)


def test_a_policy_that_is_only_used_has_no_masters():
    config = config_of(model={"dtype": "bf16"})
    trained, used = (build.policy_of(load(config), train=train) for train in (True, False))
    assert trained.masters and not used.masters


@dataclass(frozen=True, slots=True)
class Broken(VerifierBase):
    """A verifier that finds itself unable to answer."""

    def check(self) -> None:
        raise RewardError("The judge has no head.")

    def __call__(self, problem, completion):
        return 1.0


def test_the_reward_is_checked_before_the_model_is_loaded(monkeypatch):
    monkeypatch.setattr(build, "load_policy", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(RewardError, match="The judge has no head"):
        build.policy_of(load(config_of(Made(verifier=Broken()))))


def test_a_trainer_is_put_together_as_the_config_says():
    config = config_of(
        steps=9, seed=5, tokens_per_forward=300, rows_at_once=7,
        rollouts={"temperature": 0.7, "problems": 2, "completions": 3, "max_tokens": 4},
        schedule={"minibatches": 2, "epochs": 2}, optimizer={"lr": 0.25},
    )  # fmt: skip
    loaded = load(config)
    policy, hooks = build.policy_of(loaded), TrainerHooks()
    trainer = build.trainer_of(loaded, policy, hooks)
    assert trainer.learner.policy is policy and trainer.hooks is hooks
    assert (trainer.learner.temperature, trainer.learner.tokens_per_forward) == (0.7, 300)
    assert trainer.learner.optimizer.settings == config.optimizer
    assert trainer.learner.optimizer.steps == 9
    assert isinstance(trainer.engine, LocalEngine) and trainer.engine.rows_at_once == 7
    source = trainer.source
    assert isinstance(source, Sampler) and source.rollouter.engine is trainer.engine
    assert (source.settings, source.seed, source.task) == (config.rollouts, 5, loaded.task)
    assert (trainer.parts.schedule, trainer.parts.seed) == (config.schedule, 5)
    assert trainer.loss == loaded.objective and trainer.reference is None
    assert (trainer.steps, trainer.rounds, trainer.part) == (0, 0, 4)  # no round is taken up


def test_a_reference_is_made_where_the_objective_asks_for_one():
    config = config_of(objective=named.grpo(kl=0.1), reference={"alpha": 0.5, "every": 3})
    loaded = load(config)
    policy = build.policy_of(loaded)
    reference = build.trainer_of(loaded, policy).reference
    assert reference is not None and (reference.alpha, reference.every) == (0.5, 3)
    pairs = zip(reference.frozen.module.parameters(), policy.module.parameters(), strict=True)
    assert all(torch.equal(a, b) and a is not b for a, b in pairs)


def test_verdicts_come_from_the_workers_that_are_given():
    loaded = load(config_of())
    policy = build.policy_of(loaded)
    with VerifierPool(loaded.task.verifier, RewardConfig(workers=0)) as verifiers:
        source = build.trainer_of(loaded, policy, verifiers=verifiers).source
        assert isinstance(source, Sampler) and source.rollouter.verifiers is verifiers


def test_an_engine_that_there_is_not_is_named():
    with pytest.raises(ConfigError, match="engine"):
        loaded = load(config_of(engine={"kind": "steam"}))
        build.engine_of(loaded, build.policy_of(loaded))


def test_a_critic_is_made_where_the_objective_asks_for_one(tmp_path):
    def critic_of(**changes):
        config = config_of(steps=9, optimizer={"lr": 1e-3}, **changes)
        loaded = load(config)
        return build.trainer_of(loaded, build.policy_of(loaded)), config

    assert critic_of(critic={"body": "own"})[0].critic is None, "grpo has none"
    trainer, _ = critic_of(objective=named.ppo(), critic={"warmup": 2}, schedule={"epochs": 2})
    assert isinstance(trainer.critic, SharedCritic) and trainer.critic.learner is trainer.learner
    assert trainer.learner.optimizer.steps == 5, "nine steps, less two rounds of two"
    own = {"body": "own", "layers": 1, "head_lr": 0.5}
    trainer, config = critic_of(objective=named.a2c(), critic=own)
    model = trainer.critic.model
    assert isinstance(trainer.critic, OwnCritic) and len(model.module.model.layers) == 1
    assert not model.head.weight.any() and trainer.critic.settings == config.critic
    rates = trainer.critic.optimizer.settings
    assert (rates.lr, rates.head_lr, rates.decay) == (2e-3, 0.5, "constant")
    with torch.no_grad():
        model.head.weight.fill_(0.25)
    model.save(tmp_path)
    trainer, _ = critic_of(objective=named.ppo(), critic={"body": "own", "path": str(tmp_path)})
    read = trainer.critic.model
    assert len(read.module.model.layers) == 1 and torch.equal(read.head.weight, model.head.weight)


def test_a_loss_of_scores_trains_a_reward_model():
    config = small_reward_model(model={"layers": 1, "dtype": "bf16"}, seed=3)
    loaded = with_rows(load(config))
    scorer = build.model_of(loaded)
    assert isinstance(scorer, RewardScorer) and len(scorer.module.model.layers) == 1
    assert scorer.masters is not None and scorer.head.weight.dtype == torch.float32
    assert torch.equal(scorer.head.weight, normal_head(64, 3))
    trainer = build.trainer_of(loaded, scorer)
    assert trainer.engine is None and trainer.reference is None
    assert trainer.learner.optimizer.settings.head_lr == 3e-2
    assert type(build.model_of(load(config_of()))).__name__ == "Policy"


def test_a_reward_model_may_have_adapters():
    loaded = with_rows(load(small_reward_model(lora={"rank": 2})))
    scorer = build.model_of(loaded)
    assert scorer.adapted and not scorer.saves_adapter
    names = set(scorer.trained())
    assert "score.weight" in names and len(names) > 1
    size = model_size_of(loaded)
    assert size.trained == sum(p.numel() for p in scorer.trained().values())
    before = {n: p.detach().clone() for n, p in scorer.module.named_parameters()}
    build.trainer_of(loaded, scorer).step()
    moved = {n for n, p in scorer.module.named_parameters() if not torch.equal(p, before[n])}
    assert "score.weight" in moved and moved <= names
