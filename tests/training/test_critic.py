"""The critic's half of a step, with a body of its own and as a head over the policy's states.

Letters: B rows, T tokens, M completion tokens of all rows.
"""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from paceline.batch import Batch
from paceline.errors import UnfitCheckpointError
from paceline.layout import TokenRows
from paceline.model import Critic, critic_of, load_scorer
from paceline.model.source import resolve
from paceline.objective import Gae, ValueMetrics, named
from paceline.settings import CriticConfig, LoraConfig, OptimizerConfig
from paceline.training import ScheduleConfig, StoredRounds, make_critic
from paceline.training.critic import OwnCritic, SharedCritic, rates_of
from tests.helpers.adapters import adapted_policy
from tests.helpers.critics import (
    BODIES,
    ROUND,
    NoSignal,
    batch_of,
    copied,
    equal,
    fixed_rounds,
    gradients,
    half_of,
    targets_by_loop,
)
from tests.helpers.scorers import their_module, their_values
from tests.helpers.trainers import Paid, trainer_of

ROWS = TokenRows.of(ROUND)
KINDS = pytest.mark.parametrize("body", BODIES)


# Values


@KINDS
@pytest.mark.parametrize("tokens_per_forward", [4096, 20])
def test_the_value_of_a_token_is_the_head_on_the_state_before_it(body, tokens_per_forward):
    half = half_of(body, tokens_per_forward=tokens_per_forward)
    values = half.with_values(ROUND).values
    assert [len(column) for column in values] == list(ROUND.lengths)
    if isinstance(half, OwnCritic):
        model = half.model
    else:  # the policy's body under the same head
        model = critic_of(half.learner.policy)
        exact = copied(model.exact_parameters())
        exact["score.weight"] = half.model.exact_parameters()["score.weight"]
        model.restore(exact)
    # By transformers' own modules, a row at a time.
    wanted_M = their_values(their_module(model), ROWS)
    assert_close(torch.tensor([v for c in values for v in c]), wanted_M, rtol=1e-4, atol=1e-5)
    assert wanted_M.std() > 0.01


@KINDS
def test_a_new_critic_forecasts_nothing(body):
    assert not any(any(column) for column in half_of(body, learned=False).with_values(ROUND).values)


# Targets


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (0.9, 0.5), (0.9, 0.0)])
def test_targets_are_those_of_the_critics_own_lam_and_of_the_objectives_gamma_and_kl(gamma, lam):
    half = half_of()
    half.settings = replace(half.settings, lam=lam)
    objective = named.ppo(gamma=gamma, lam=0.3, kl=0.5)
    generator = torch.Generator().manual_seed(0)

    def column():
        return tuple(tuple(torch.randn(n, generator=generator).tolist()) for n in ROUND.lengths)

    round = replace(ROUND, values=column(), anchor=column(), ref=column())
    part = [2, 0]
    batch = half.with_targets(Batch.of(round, part, objective), round, objective)
    # k1 costs log π − log π_ref of each token.
    penalty = [
        [0.5 * (a - b) for a, b in zip(one, other, strict=True)]
        for one, other in zip(round.anchor, round.ref, strict=True)
    ]
    wanted = targets_by_loop(round, gamma, lam, penalty)
    assert batch.targets is not None and len(batch.index) == 8, "every row of two groups of four"
    for row, i in enumerate(batch.index):
        n = round.lengths[i]
        assert round.group_of[i] in part
        assert_close(batch.targets.target_BT[row, :n], torch.tensor(wanted[i]))
        assert_close(batch.targets.value_BT[row, :n], torch.tensor(round.values[i]))


def test_with_lam_1_the_target_is_the_reward_and_the_advantage_what_the_critic_did_not_foretell():
    half = half_of()
    batch = batch_of(half)
    round = half.with_values(ROUND)
    for row, i in enumerate(batch.index):
        n = ROUND.lengths[i]
        assert_close(batch.targets.target_BT[row, :n], torch.full((n,), ROUND.rewards[i]))
        left = ROUND.rewards[i] - torch.tensor(round.values[i])
        assert_close(Gae()(round)[i, :n].float(), left)


# Gradients


@KINDS
def test_the_gradients_are_the_same_whole_and_in_packs_of_64(body):
    whole, cut = half_of(body), half_of(body, tokens_per_forward=64)
    batch = batch_of(whole)
    ticks = []
    measured = whole.forward_backward(batch, named.ppo())
    again = cut.forward_backward(batch, named.ppo(), lambda: ticks.append(1))
    assert len(ticks) > 1
    for a, b in zip(gradients(whole), gradients(cut), strict=True):
        assert b.norm() > 1e-4
        assert ((a - b).norm() / b.norm()) < 1e-5
    assert measured[1].tokens == again[1].tokens == measured[0].tokens == sum(ROUND.lengths)
    assert measured[1].value == pytest.approx(again[1].value, rel=1e-5)
    assert measured[1].loss == pytest.approx(again[1].loss, rel=1e-5)


@pytest.mark.parametrize("coef", [0.0, 0.1, 2.0])
def test_a_shared_critics_loss_reaches_the_body_times_its_factor(coef):
    def gradient_of(objective, factor):
        half = half_of()
        half.settings = replace(half.settings, coef=factor)
        half.forward_backward(batch_of(half, objective=objective), objective)
        return gradients(half)

    # Without any advantage the policy's own gradient is 0, and what is left is the critic's.
    quiet = replace(named.ppo(), advantage=NoSignal())
    both, head = gradient_of(named.ppo(), coef)
    policys, _ = gradient_of(named.ppo(), 0.0)
    critics, head_alone = gradient_of(quiet, 1.0)
    assert policys.norm() > 1e-4 and critics.norm() > 1e-4
    assert_close(both, policys + coef * critics, rtol=1e-4, atol=1e-6)
    assert_close(head, (coef or 1.0) * head_alone, rtol=1e-4, atol=1e-7)


def test_a_probe_leaves_the_policys_gradient_bit_for_bit():
    half, alone = half_of("probe"), half_of("probe")
    batch = batch_of(half)
    half.forward_backward(batch, named.ppo())
    alone.learner.forward_backward(batch, named.ppo())
    assert torch.equal(gradients(half)[0], gradients(alone)[0])


@KINDS
def test_alone_the_critic_has_its_gradient_and_the_policy_none(body):
    half, both = half_of(body), half_of(body)
    batch = batch_of(half)
    metrics, measured = half.forward_backward(batch, named.ppo(), alone=True)
    _, wanted = both.forward_backward(batch, named.ppo())
    policys, critics = gradients(half)
    assert not policys.any() and metrics.tokens == 0 and measured == wanted
    factor = half.settings.coef if body == "shared" else 1.0
    assert_close(critics, gradients(both)[1], rtol=1e-4, atol=1e-6 * factor)


@pytest.mark.parametrize("body", ["own", "shared"])
def test_in_fp16_the_scale_reaches_neither(body):
    half, exact = half_of(body, torch.float16), half_of(body)
    half.learner.optimizer.loss_scale.value = 1024.0
    batch = batch_of(exact)
    for one in (half, exact):
        one.forward_backward(batch, named.ppo())
    for a, b in zip(gradients(half), gradients(exact), strict=True):
        assert ((a - b).norm() / b.norm()) < 0.03


def test_in_fp16_a_gradient_that_overflows_is_summed_once_more_for_both():
    half, exact = half_of("shared", torch.float16), half_of("shared")
    half.learner.optimizer.loss_scale.value = 2.0**24
    batch = batch_of(exact)
    _, measured = half.forward_backward(batch, named.ppo())
    _, wanted = exact.forward_backward(batch, named.ppo())
    assert half.learner.optimizer.loss_scale.value < 2.0**24
    assert measured.tokens == wanted.tokens and measured.loss == pytest.approx(wanted.loss, rel=0.1)
    for a, b in zip(gradients(half), gradients(exact), strict=True):
        assert ((a - b).norm() / b.norm()) < 0.1


@KINDS
def test_memory_that_runs_out_in_the_critics_pass_repeats_both_halves(body, monkeypatch):
    critic = BODIES[body]
    cut, plain = (trainer_of(named.ppo(), critic=critic, tokens_per_forward=64) for _ in range(2))
    for trainer in (cut, plain):  # the second round's: in the first every value is 0
        trainer.step()
        trainer.take_up_round()
    cut.learner.tokens_per_forward = 90
    critic_loss, calls = cut.critic.loss, []

    def runs_out(*given):
        calls.append(given)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("out of memory")
        return critic_loss(*given)

    monkeypatch.setattr(cut.critic, "loss", runs_out)
    first, second = cut.step(), plain.step()
    assert cut.learner.tokens_per_forward == 64 and len(calls) > 3
    assert first.update == second.update and first.critic == second.critic
    assert equal(copied(cut.state_dict()["policy"]), copied(plain.state_dict()["policy"]))
    assert equal(copied(cut.state_dict()["critic"]), copied(plain.state_dict()["critic"]))


@KINDS
def test_of_an_interrupted_gradient_nothing_is_left(body):
    half = half_of(body, tokens_per_forward=64)
    ticks = []

    def stops():
        ticks.append(1)
        if len(ticks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half.forward_backward(batch_of(half), named.ppo(), stops)
    assert not any(g.any() for g in gradients(half))


# Steps


@KINDS
def test_during_the_warm_up_the_policy_stays_bit_for_bit(body):
    critic = replace(BODIES[body], warmup=2)
    trainer = trainer_of(named.ppo(), critic=critic, schedule=ScheduleConfig(minibatches=2))
    names = ("policy", "optimizer")
    start = {name: copied(trainer.state_dict()[name]) for name in names}
    before = copied(trainer.state_dict()["critic"])
    for step in range(1, 5):
        report = trainer.step()
        assert report.update.grad_norm == report.update.lr == 0 and not report.update.skipped
        assert all(equal(start[name], copied(trainer.state_dict()[name])) for name in names)
        assert trainer.policy.version == 0
        assert trainer.critic.model.version == step and report.critic.grad_norm > 0
    assert not equal(before, copied(trainer.state_dict()["critic"]))
    report = trainer.step()
    assert report.update.lr == 5e-3 and trainer.policy.version == 1
    assert not equal(start["policy"], copied(trainer.state_dict()["policy"]))


def test_after_the_warm_up_the_policys_rate_begins_its_course():
    trainer = trainer_of(named.ppo(), critic=replace(BODIES["shared"], warmup=2))
    optimizer = trainer.learner.optimizer
    optimizer.settings = replace(optimizer.settings, warmup=2)
    assert [trainer.step().update.lr for _ in range(5)] == [0, 0, 2.5e-3, 5e-3, 5e-3]


@KINDS
@pytest.mark.parametrize("whose", ["policy", "critic"])
def test_a_gradient_that_is_not_finite_stops_both(body, whose):
    half = half_of(body)
    half.forward_backward(batch_of(half), named.ppo())
    start = {**half.learner.state_dict(), **half.state_dict()}
    start = {n: copied(x) if isinstance(x, dict) else x for n, x in start.items()}
    optimizer = half.optimizer if whose == "critic" else half.learner.optimizer
    optimizer.masters[0].grad.view(-1)[0] = float("nan")
    update, _ = half.optim_step(1)
    assert update.skipped
    now = {**half.learner.state_dict(), **half.state_dict()}
    for name, was in start.items():
        same = equal(was, copied(now[name])) if isinstance(was, dict) else was == now[name]
        assert same, name
    assert not any(g.any() for g in gradients(half))
    half.forward_backward(batch_of(half), named.ppo())
    assert not half.optim_step(2)[0].skipped


@KINDS
def test_a_head_has_a_rate_of_its_own_which_is_constant(body):
    half = half_of(body, learned=False)
    for number in (1, 50):
        before = copied(half.model.exact_parameters())
        half.forward_backward(batch_of(half), named.ppo(), alone=True)
        half.optim_step(number, alone=True)
        after = half.model.exact_parameters()
        moved = (after["score.weight"] - before["score.weight"]).abs().max().item()
        assert moved == pytest.approx(1e-2, rel=0.05)
        if half.settings.body == "own" and number == 50:
            weight = "model.layers.0.mlp.up_proj.weight"
            assert 0 < (after[weight] - before[weight]).abs().max() <= 1.01e-3


def test_rates_that_are_not_named_follow_the_policys():
    optimizer = OptimizerConfig(lr=1e-6, decay="linear", warmup=5, clip=0.5)
    rates = rates_of(CriticConfig(), optimizer)
    assert (rates.lr, rates.head_lr) == pytest.approx((2e-6, 2e-5))
    assert (rates.decay, rates.warmup, rates.clip) == ("constant", 0, 0.5)
    named_ones = rates_of(CriticConfig(body="own", lr=1e-5, head_lr=2e-4), optimizer)
    assert (named_ones.lr, named_ones.head_lr) == (1e-5, 2e-4)


# What it learns


@pytest.mark.parametrize(
    "critic",
    [CriticConfig(body="own", lr=3e-3, head_lr=1e-2), CriticConfig(coef=1.0, head_lr=1e-2)],
    ids=["own", "shared"],
)
def test_what_can_be_known_is_explained(critic):
    rounds = fixed_rounds()
    source = StoredRounds(lambda i: replace(rounds[i % 4], index=i), 12, lambda place: None)
    trainer = trainer_of(named.ppo(), critic=critic, source=source, lr=1e-3, steps=400)
    measured = []
    for _ in range(160):
        measured.append(trainer.step().critic.measured)
    first, last = (sum(some, ValueMetrics.zero()) for some in (measured[:4], measured[-4:]))
    assert first.explained_variance < 0.1
    # Of twelve tokens the first is foretold by its prompt alone, if that is known by heart.
    assert last.explained_variance >= 0.8
    assert last.value == pytest.approx(last.target, abs=0.1)


# States


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@KINDS
def test_a_state_continues_bit_for_bit_in_a_fresh_trainer(body, dtype):
    def fresh():
        schedule = ScheduleConfig(minibatches=2)
        return trainer_of(named.ppo(), critic=BODIES[body], schedule=schedule, dtype=dtype)

    first, second = fresh(), fresh()
    for _ in range(3):
        first.step()
    state = {
        name: copied(x) if isinstance(x, dict) and name != "drawn" else x
        for name, x in first.state_dict().items()
    }
    assert {"critic", "critic_optimizer"} <= state.keys() and state["critic_version"] == 3
    second.load_state_dict(state, first.sampled.round)
    for _ in range(3):
        a, b = first.step(), second.step()
        assert a.update == b.update and a.critic == b.critic and a.metrics == b.metrics
    ours, theirs = first.state_dict(), second.state_dict()
    for name in ("policy", "optimizer", "critic", "critic_optimizer"):
        assert equal(copied(ours[name]), copied(theirs[name])), name


def test_the_scale_of_a_critic_in_fp16_is_kept():
    first, second = (half_of("own", torch.float16) for _ in range(2))
    first.optimizer.loss_scale.value = 8.0
    state = first.state_dict()
    assert state["critic_loss_scale"] == 8.0
    second.load_state_dict(state)
    assert second.optimizer.loss_scale.value == 8.0


def test_a_state_without_a_critic_or_with_another_is_refused():
    trainer = trainer_of(named.ppo(), critic=BODIES["first layer"])
    without = trainer_of().state_dict()
    with pytest.raises(UnfitCheckpointError, match="it lacks 'critic'"):
        trainer.load_state_dict(without, None)
    other = trainer_of(named.ppo(), critic=BODIES["shared"]).state_dict()
    with pytest.raises(UnfitCheckpointError, match=r"its critic lacks 'model\.embed_tokens"):
        trainer.load_state_dict(other, None)


def test_under_adapters_a_critic_of_its_own_has_others_over_the_same_weights():
    half = half_of("own", policy=adapted_policy())
    assert half.model.adapted and not half.frozen()
    batch = batch_of(half)
    half.forward_backward(batch, named.ppo())
    assert all(g.norm() > 0 for g in gradients(half)[1:])
    loaded = load_scorer(
        Critic, resolve("tiny"), half.learner.policy.tokenizer, head="zero", dtype=torch.float32,
        lora=LoraConfig(rank=4),
    )  # fmt: skip
    other = make_critic(BODIES["own"], OptimizerConfig(), half.learner, loaded)
    assert other.frozen().keys() == loaded.frozen().keys(), "from a file they are others"


def test_without_signal_the_critic_learns_all_the_same():
    trainer = trainer_of(named.ppo(), critic=BODIES["shared"], verifier=Paid(signal=False))
    reports = [trainer.step() for _ in range(3)]
    assert [r.rows_trained for r in reports] == [18] * 3
    assert all(r.critic.grad_norm > 0 for r in reports)
    assert reports[-1].critic.measured.value > 0.01, "all rewards are 1"
    assert isinstance(trainer.critic, SharedCritic)
