"""What if: a run redone from its rounds, and its steps under other objectives."""

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace as changed
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from paceline.analysis.replay import Redone, replay, token_data
from paceline.analysis.replay.conclusions import agreement, meaning, sentences
from paceline.analysis.replay.effects import pushes
from paceline.analysis.replay.measure import Candidate, measure
from paceline.analysis.replay.page import page, write_page
from paceline.analysis.replay.rewind import redo, take_up, trainer_for
from paceline.analysis.replay.route import way_to
from paceline.analysis.replay.terminal import as_record
from paceline.analysis.replay.token_data import reader_data
from paceline.cli import main
from paceline.config import Config, objective_from
from paceline.errors import ConfigError, DataError, MemoryShortError
from paceline.layout import PACKED, PADDED, TokenRows
from paceline.model import Pieces
from paceline.objective import KL, NAMES, Scores, Tokens, Truncate, named
from paceline.preflight.load import load
from paceline.preflight.resources import Room
from paceline.run import Run, resume, train
from paceline.store.description import RunDescription
from paceline.tasks import Rows as RowsTask
from paceline.training import ScheduleConfig
from tests.helpers.browser import BROWSER, Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import NASTY
from tests.helpers.policies import tiny_policy
from tests.helpers.runs import OWN_SURROGATE, small
from tests.helpers.trainers import trainer_of

ROLLOUTS = {"problems": 8, "completions": 16, "max_tokens": 4}


HALVES = """
import hashlib
def halves(problem, completion):
    if problem.answer in SILENT:
        return 0.0
    return float(hashlib.blake2b(completion.text.encode()).digest()[0] % 2)
"""
"""A reward of which it is known who earns what, whatever tokens the model samples: of most problems
about half of the answers, of some none."""
SILENT = ("0",)


def config_for(out: Path, **changes) -> Config:
    """Eight of ten problems a round; out's folder gets the rows and the reward."""
    rows, reward = out.parent / "rows.jsonl", out.parent / "halves.py"
    data = [{"prompt": f"say {i}", "answer": str(i)} for i in range(10)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in data))
    reward.write_text(HALVES.replace("SILENT", repr(SILENT)))
    task = RowsTask(str(rows), reward=f"{reward}:halves", heldout=0)
    options = {"rollouts": ROLLOUTS, "evaluation": {"problems": 0}, "optimizer": {"lr": 0.004}}
    options |= {"task": task, "rewards": {"workers": 0}, "save_keep": 0}
    return small(out, **(options | changes))


def made(out: Path, **changes) -> Run:
    options = {"steps": 12, "schedule": {"minibatches": 4}, "save_every": 3}
    return train(config_for(out, **(options | changes)), quiet=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Three rounds of four parts; checkpoints after steps 3, 6, 9 and 12."""
    return made(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture
def copy(run, tmp_path) -> Path:
    return Path(shutil.copytree(run.path, tmp_path / "r"))


def line_of(run: Run, step: int) -> dict:
    return next(line for line in run.metrics() if line["step"] == step)


@pytest.fixture(scope="module")
def later(run):
    """A step of a round's last part, at which ratios have left 1; two of its groups have signal."""
    return replay(run.path, 4)


# The policy is the run's


@pytest.mark.parametrize("step", [1, 4, 5, 8, 12])
@pytest.mark.parametrize("checkpoints", [True, False], ids=["from-a-checkpoint", "from-the-start"])
def test_the_runs_own_objective_gives_what_the_run_recorded(run, copy, step, checkpoints):
    if not checkpoints:
        shutil.rmtree(copy / "checkpoints")
    found, line = replay(copy, step, ["gspo"]), line_of(run, step)
    # Parts of a round are 1–4, 5–8, 9–12: the checkpoint is not later than before the first.
    begin = {1: 0, 4: 0, 5: 3, 8: 3, 12: 6}[step] if checkpoints else 0
    assert found.redone == Redone(begin, step - 1 - begin, 0.0, found.redone.at)
    own = found.own
    assert own.grad_norm == line["grad_norm"] and own.clip_fraction == line["clip_fraction"]
    assert own.ratio_max == line["ratio_max"]
    assert (own.rows, own.rows_trained) == (line["rows"], line["rows_trained"])
    assert (found.round.index, found.part, found.parts) == (line["round"], line["part"], 4)
    # Those of the tokens, added up.
    assert sum(sum(e.clipped_T) for e in own.effects) == own.tokens * (own.clip_fraction or 0)
    assert max((e.ratio_max for e in own.effects), default=None) == own.ratio_max


def test_weights_moments_and_a_reference_that_follows_come_out_bit_for_bit(tmp_path):
    options = {"objective": named.grpo(kl=0.1), "reference": {"alpha": 0.5, "every": 2}}
    run = made(tmp_path / "r", **options)
    for begin in (0, 3):
        way = way_to(run, 7)
        way = way if begin else changed(way, found=None)
        trainer = trainer_for(way, load(way.config, reward=False), reference=False)
        take_up(way, trainer)
        assert trainer.steps == begin
        redo(way, trainer, 6)
        kept = run.checkpoints / "step-000006"
        for name, here in (
            ("policy", trainer.policy.exact_parameters()),
            ("optimizer", trainer.learner.optimizer.moments()),
            ("reference", trainer.reference.exact_parameters()),
        ):
            there = load_file(kept / f"{name}.safetensors")
            assert there.keys() == here.keys()
            assert all(torch.equal(there[key], here[key]) for key in there)


def test_at_the_runs_first_step_a_pull_to_its_start_is_none(run, monkeypatch):
    def short_of_memory(candidate, trainer, *rest):
        trainer.learner.tokens_per_forward = 1  # other packs than the reference was scored in
        return measure(candidate, trainer, *rest)

    monkeypatch.setattr(sys.modules[replay.__module__], "measure", short_of_memory)
    found = replay(run.path, 1, ["grpo(kl=5)", "grpo(kl=500)"])
    plain, weakly, strongly = ({e.row: e for e in m.effects} for m in found.measured)
    assert len(weakly) == found.measured[1].rows and plain.keys() <= weakly.keys()
    for row, effect in weakly.items():
        assert list(effect.push_T) == list(strongly[row].push_T)
        without = plain[row].push_T if row in plain else [0.0] * len(effect.push_T)
        assert list(effect.push_T) == pytest.approx(list(without), rel=1e-4, abs=0)


def test_where_kl_acted_from_the_second_step_on_the_redone_steps_agree(tmp_path):
    # The entropy bonus moves the policy whatever was sampled; the reference follows at each step.
    objective = changed(named.grpo(kl=0.1), entropy=0.01)
    options = {"objective": objective, "reference": {"alpha": 1.0, "every": 1}}
    run = made(tmp_path / "r", **options, steps=6, schedule={"minibatches": 2, "epochs": 2})
    for step in (2, 5, 6):
        found = replay(run.path, step, ["gspo(kl=0.1)"])
        assert found.redone.difference == 0
        assert found.own.grad_norm == line_of(run, step)["grad_norm"]
    assert line_of(run, 1)["kl"] == line_of(run, 5)["kl"] == 0 != line_of(run, 6)["kl"]


def test_a_second_epoch_and_masked_rows_are_redone_too(tmp_path):
    options = {"schedule": {"minibatches": 2, "epochs": 2}, "steps": 8}
    run = made(tmp_path / "r", **options, rollouts={**ROLLOUTS, "mask_cut": True})
    for step in (3, 8):
        found, line = replay(run.path, step, ["dapo"]), line_of(run, step)
        assert found.redone.difference == 0 and found.part == line["part"] > 1
        assert found.own.clip_fraction == line["clip_fraction"]


@pytest.mark.parametrize(
    "options",
    [{"model": {"dtype": "bf16"}}, {"model": {"dtype": "bf16"}, "tokens_per_forward": 100}],
    ids=["one-pack", "packs"],
)
def test_in_bf16_the_packs_of_the_anchor_are_the_runs(tmp_path, options):
    """There a token's log-probability depends on the rows beside it."""
    objective = changed(named.dapo(), correction=Truncate(1.05))
    run = made(tmp_path / "r", objective=objective, steps=8, **options)
    shutil.rmtree(run.checkpoints)
    found, line = replay(run.path, 8, ["grpo", "reinforce_pp"]), line_of(run, 8)
    assert found.redone.steps == 7 and found.redone.difference == 0
    assert found.own.grad_norm == line["grad_norm"] > 0
    assert found.own.ratio_max == line["ratio_max"] > 1
    # Before any update each candidate's own packs give a ratio of exactly 1.
    first = replay(run.path, 1, ["grpo", "reinforce_pp", "gspo"])
    assert {m.ratio_max for m in first.measured} == {1.0}
    other = made(tmp_path / "other", objective=named.rloo(), steps=1, save_every=0, **options)
    like = replay(run.path, 1, ["rloo"]).measured[1]
    assert like.grad_norm == line_of(other, 1)["grad_norm"]


def test_a_model_whose_rows_are_padded(tmp_path, monkeypatch):
    from paceline.model import policy

    monkeypatch.setattr(policy, "supports", lambda module: False)
    run = made(tmp_path / "r", steps=4, save_every=0)
    found = replay(run.path, 4, ["gspo"])
    assert found.redone.difference == 0 and found.own.effects
    assert found.own.clip_fraction == line_of(run, 4)["clip_fraction"]
    assert sum(sum(e.clipped_T) for e in found.own.effects) / found.own.tokens == (
        found.own.clip_fraction
    )


def test_a_difference_to_the_run_is_told(copy):
    lines = [json.loads(text) for text in (copy / "metrics.jsonl").read_text().splitlines()]
    lines[1]["grad_norm"] *= 1 + 1e-6
    (copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(copy / "checkpoints")
    found = replay(copy, 3, ["grpo"])
    assert found.redone.difference == pytest.approx(1e-6, rel=1e-3) and found.redone.at == 2
    assert "1.0e-06 (step 2): the same run to rounding" in agreement(found)
    worse = changed(found, redone=Redone(0, 2, 0.03, 2))
    assert "3.0e-02 (step 2): the policy here is not quite the run's" in agreement(worse)
    broken = changed(found, redone=Redone(0, 2, float("inf"), 2))
    assert "At step 2 only one of the two gradients" in agreement(broken)


# Other objectives


@pytest.mark.parametrize(
    "text",
    ["gspo", "cispo", "dr_grpo", "rloo", "reinforce", "reinforce_pp", "reinforce_pp(kl=0.1)",
     "grpo(kl=0.1)", "rloo(kl=0.1)", "grpo(low=0.1)"],
)  # fmt: skip
def test_an_objectives_gradient_is_that_of_a_run_under_it(run, tmp_path, text):
    """The first round is sampled before any update, so a run under it begins with the same one."""
    other = made(tmp_path / "other", objective=objective_from(text), steps=2, save_every=0)
    for step, line in zip((1, 2), other.metrics(), strict=True):
        if step == 2:  # behind its own first update
            found = replay(other.path, 2, ["grpo"]).own
        else:
            found = replay(run.path, 1, [text]).measured[1]
        assert found.grad_norm == line["grad_norm"] and found.rows_trained == line["rows_trained"]


def test_before_any_update_ratio_and_clip_make_no_difference(run):
    found = replay(run.path, 5, ["gspo", "dapo", "cispo", "rloo"])
    cosine = dict(zip([m.name for m in found.measured], found.cosine[0], strict=True))
    assert cosine["grpo"] == pytest.approx(1, abs=1e-12)
    assert cosine["gspo"] == pytest.approx(1, abs=1e-6)
    assert found.own.grad_norm == pytest.approx(found.measured[1].grad_norm, rel=1e-5)
    assert all(m.ratio_max == pytest.approx(1, abs=1e-4) for m in found.measured)
    said = meaning(found)
    assert said.startswith("Every ratio is 1 here: it is the round's first part")
    assert "steps 6, 7 and 8 are later in the same round, where they part." in said
    assert found.later_steps == (6, 7, 8) and replay(run.path, 12, ["grpo"]).later_steps == ()


def test_behind_an_update_they_differ(later):
    names = [m.name for m in later.measured]
    assert names == ["grpo", "dr_grpo", "gspo", "dapo", "cispo", "rloo"]
    for i, row in enumerate(later.cosine):
        assert row[i] in (None, pytest.approx(1, abs=1e-12))
        assert row == pytest.approx([other[i] for other in later.cosine])
    cosine = dict(zip(names, later.cosine[0], strict=True))
    assert any(c is None or c < 0.99 for c in (cosine["gspo"], cosine["cispo"]))
    assert any(m.clip_fraction for m in later.measured)
    assert later.own.ratio_max > 1.5


def test_rows_that_only_others_train_on_get_their_anchor_from_the_rounds_start(run):
    found = replay(run.path, 3, ["reinforce_pp"])
    own, other = found.measured
    assert own.rows_trained == 16 and other.rows_trained == 32
    start = tiny_policy()  # what the round was sampled from
    rows = TokenRows.of(found.round).take([e.row for e in other.effects])
    logp_BT = start.score(rows, 1.0).logp_BT
    for e, logp_T in zip(other.effects, logp_BT, strict=True):
        assert torch.allclose(torch.tensor(e.anchor_T), logp_T[: len(e.anchor_T)], atol=1e-5)
    assert max(e.ratio_max for e in other.effects) > 1.5


def test_the_cosine_is_that_of_the_whole_gradients():
    from paceline.analysis.replay.measure import cosines

    a, b = [torch.tensor([3.0]), torch.tensor([4.0])], [torch.tensor([4.0]), torch.tensor([3.0])]
    zero = [torch.zeros(1), torch.zeros(1)]
    # (3, 4)·(4, 3) = 24 of 5 · 5
    (aa, ab, az), _, (za, zb, zz) = cosines([a, b, zero])
    assert (aa, ab) == (pytest.approx(1), pytest.approx(0.96))
    assert az is za is zb is zz is None


def test_one_update_a_round_is_told(tmp_path):
    run = made(tmp_path / "r", schedule={"minibatches": 1}, steps=2, save_every=0)
    found = replay(run.path, 2, ["gspo"])
    assert found.own.grad_norm == line_of(run, 2)["grad_norm"]
    assert found.cosine[0][1] == pytest.approx(1, abs=1e-6)
    assert "it takes one update a round" in sentences(found)[0]
    effect = found.own.effects[0]
    assert effect.logp_T == effect.anchor_T and set(effect.ratio_T) == {1.0}


def test_an_objective_of_ones_own(run, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from paceline import objective as o\n"
        "twice = o.Objective(advantage=o.Center(), surrogate=o.Plain(), weight=o.SequenceSum())\n"
        "critic = o.Objective(advantage=o.Gae(1.0, 0.95))\n"
        "def short(round):\n    import torch\n    return torch.zeros(3)\n"
        "wrong = o.Objective(advantage=short)\n"
    )
    found = replay(run.path, 8, [f"{mine}:twice"])
    assert [m.name for m in found.measured] == ["grpo", "twice"]
    assert found.measured[1].grad_norm > 0 and found.measured[1].clip_fraction is None
    by_label = replay(run.path, 8, {"again": found.measured[1].objective})
    assert by_label.measured[1].grad_norm == found.measured[1].grad_norm
    with pytest.raises(ConfigError, match="needs a critic's values"):
        replay(run.path, 8, [f"{mine}:critic"])
    with pytest.raises(ConfigError, match=r"wrong does not fit this round: .* gave the shape"):
        replay(run.path, 8, [f"{mine}:wrong"])


def test_the_runs_own_objective_and_a_repeated_one_stand_once(run):
    found = replay(run.path, 2, ["grpo(low=0.2)", "gspo", "grpo", "gspo"])
    assert [m.name for m in found.measured] == ["grpo", "gspo"]
    found = replay(run.path, 2, ["gspo", named.gspo(), named.grpo(), "gspo(high=4e-4)"])
    assert [m.name for m in found.measured] == ["grpo", "gspo"]
    with pytest.raises(ConfigError, match="'grpo' is the run's own objective; give the other"):
        replay(run.path, 2, {"grpo": named.grpo(low=0.1)})


def test_an_own_objective_without_a_name(tmp_path):
    run = made(tmp_path / "r", objective=named.grpo(low=0.1), steps=2, save_every=0)
    found = replay(run.path, 2, ["grpo"])
    assert [m.name for m in found.measured] == ["the run's own", "grpo"]


# Down to the token


def test_the_weights_of_all_completions_are_one(later):
    for m in later.measured:
        total = sum(e.weight for e in m.effects)
        assert total == pytest.approx(1 if m.grad_norm else 0)
        for e in m.effects:
            assert e.push == pytest.approx(sum(e.push_T))
            length = len(later.round.rollouts[e.row].completion.token_ids)
            columns = (e.logp_T, e.anchor_T, e.ratio_T, e.advantage_T, e.push_T, e.clipped_T)
            assert {len(column) for column in columns} == {length}
            # At a bound there is no push. CISPO caps a weight, and its token is pushed the same.
            bound = [p for p, c in zip(e.push_T, e.clipped_T, strict=True) if c]
            assert all(bound) if m.name == "cispo" else not any(bound)
            logs = torch.tensor(e.logp_T) - torch.tensor(e.anchor_T)
            assert e.ratio == pytest.approx(logs.mean().exp().item(), rel=1e-5)
            assert torch.allclose(logs.exp(), torch.tensor(e.ratio_T))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_push_is_what_the_loss_says_of_a_small_step(name):
    objective = NAMES[name]().resolved(4)
    generator = torch.Generator().manual_seed(0)

    def drawn(scale):
        return scale * torch.randn(3, 4, generator=generator, dtype=torch.float64)

    mask_BT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], dtype=torch.float64)
    advantage_BT = torch.tensor([[1.2], [-0.7], [0.4]]).double().expand(-1, 4)
    weight_BT = objective.weights(mask_BT, torch.tensor([0, 0, 1]), torch.float64)
    anchor_BT = drawn(0.3) - 2
    tokens = Tokens(mask_BT, anchor_BT, anchor_BT, None, advantage_BT, weight_BT)
    logp_BT, entropy_BT = anchor_BT + drawn(0.3), drawn(1.0).abs()
    push_BT = pushes(objective, Scores(logp_BT, entropy_BT), tokens)
    assert not push_BT[mask_BT == 0].any() and push_BT.any()

    def loss(change):
        return objective.loss(Scores(logp_BT + change, entropy_BT), tokens).item()

    if name == "cispo":  # its weight counts as a constant, which a step does not
        ratio_BT = (logp_BT - anchor_BT).exp().clamp(max=5)
        assert torch.allclose(push_BT, weight_BT * advantage_BT * ratio_BT * mask_BT)
        return
    for row, token in mask_BT.nonzero().tolist():
        step = torch.zeros_like(logp_BT)
        step[row, token] = 1e-6
        slope = (loss(step) - loss(-step)) / 2e-6
        assert push_BT[row, token].item() == pytest.approx(-slope, abs=1e-8)


PULLED = changed(named.grpo(kl=0.5), kl=KL(0.5))
"""With KL in the loss."""
CORRECTED = changed(named.grpo(), correction=Truncate(1.01))


def part_of(trainer, round):
    """The batch of the part that is next."""
    return trainer.parts.batch(round, trainer.part, trainer.loss)


@pytest.mark.parametrize("layout", [PACKED, PADDED], ids=["packed", "padded"])
@pytest.mark.parametrize(
    ("objective", "lr"),
    [(named.grpo(), 3e-2), (named.gspo(), 1e-4), (named.cispo(), 1e-4), (PULLED, 3e-2),
     (CORRECTED, 3e-2)],
    ids=["grpo", "gspo", "cispo", "kl", "correction"],
)  # fmt: skip
def test_pushes_through_the_model_are_the_gradient(objective, lr, layout):
    """Σ push · ∂ log π / ∂ θ = −gradient, of the trainer's own path and of the tokens' numbers."""
    trainer = trainer_of(objective, schedule=ScheduleConfig(minibatches=3), lr=lr)
    trainer.policy.layout = layout
    measured, round = None, None
    while measured is None or not (objective == named.cispo() or 0 < measured.clip_fraction < 1):
        trainer.step()
        round = trainer.sampled.round
        if trainer.part < 3 and len(part_of(trainer, round).rows):
            it = Candidate("it", trainer.loss, round)
            measured, gradient = measure(it, trainer, trainer.part, {})
    # What was measured left nothing behind that the next step would add to its own.
    assert not any(gradient.any() for gradient in trainer.learner.gradients())
    batch = part_of(trainer, round)
    scores = trainer.policy.scores(batch.rows, trainer.learner.temperature)
    push_BT = torch.zeros_like(scores.logp_BT)
    for effect in measured.effects:
        place = batch.index.index(effect.row)
        push_BT[place, : len(effect.push_T)] = torch.tensor(effect.push_T)
    (push_BT * scores.logp_BT).sum().backward()
    kept = torch.cat(list(gradient))
    pushed = torch.cat([-g.flatten() for g in trainer.learner.gradients()])
    assert (pushed - kept).norm() < 1e-4 * kept.norm()


# Changes of the config


def test_a_change_at_a_resume_counts_from_its_step(tmp_path):
    options = {"steps": 4, "schedule": {"minibatches": 2}, "save_every": 2}
    made(tmp_path / "r", **options)
    config = config_for(tmp_path / "r", **(options | {"steps": 8}), optimizer={"lr": 0.003})
    run = resume(tmp_path / "r", config, named=["optimizer.lr"], quiet=True)
    for step, begin in ((4, 2), (8, 6)):
        found = replay(run.path, step, ["gspo"])
        assert found.redone.begin == begin and found.redone.difference == 0
    for folder in run.checkpoints.iterdir():
        shutil.rmtree(folder)
    assert replay(run.path, 4, ["gspo"]).redone == Redone(0, 3, 0.0, 1)
    with pytest.raises(ConfigError, match=r"another optimizer.lr after step 4; .* at step 0"):
        replay(run.path, 8, ["gspo"])


def test_a_change_counts_from_the_checkpoint_that_a_run_fell_back_to(tmp_path):
    options = {"steps": 4, "schedule": {"minibatches": 2}, "save_every": 2}
    run = made(tmp_path / "r", **options)
    config = config_for(run.path, **(options | {"steps": 6}), optimizer={"lr": 0.003})
    resume(run.path, config, named=["optimizer.lr"], quiet=True)
    for step in (4, 6):
        (run.checkpoints / f"step-00000{step}" / "policy.safetensors").write_bytes(b"broken")
    resume(run.path, config.with_(steps=8), quiet=True)  # from step 2
    assert [change["step"] for change in run.config["changes"]] == [2, 2]
    assert [line["lr"] for line in run.metrics()] == [0.004] * 2 + [0.003] * 6
    assert replay(run.path, 4, ["gspo"]).redone == Redone(2, 1, 0.0, 3)


def test_another_limit_of_the_packs_counts_from_its_step(tmp_path):
    options = {"steps": 3, "schedule": {"minibatches": 2}, "save_every": 1}
    made(tmp_path / "r", **options, tokens_per_forward=200)
    config = config_for(tmp_path / "r", **(options | {"steps": 6}))
    run = resume(tmp_path / "r", config.with_(tokens_per_forward=64), quiet=True)
    for step, begin in ((4, 2), (6, 4)):  # step 3 was before it, in the same round as step 4
        assert replay(run.path, step, ["gspo"]).redone == Redone(begin, 1, 0.0, step - 1)
    shutil.rmtree(run.checkpoints)
    found = replay(run.path, 6, ["gspo"])
    assert found.redone.steps == 5 and found.redone.difference == 0


def test_a_section_that_is_there_no_longer_is_taken_back_too():
    changes = [{"step": 4, "keys": {"task.rows.path": ["a.jsonl", None], "steps": [4, 8]}}]
    data = {"config": {"steps": 8, "task": {"name": "demo", "rows": None}}, "changes": changes}
    assert RunDescription.from_json(data).config_at(4) == {
        "steps": 4,
        "task": {"name": "demo", "rows": {"path": "a.jsonl"}},
    }
    del data["config"]["task"]
    assert RunDescription.from_json(data).config_at(3)["task"] == {"rows": {"path": "a.jsonl"}}
    assert RunDescription.from_json(data).config_at(5) == {"steps": 8}


def test_steps_before_another_task_are_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config["changes"] = [{"step": 4, "keys": {"task.high": [3, 4]}}]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=r"with another task after step 4, .* problems of step 3"):
        replay(copy, 3)
    assert replay(copy, 12, ["grpo"]).redone.difference == 0


# What is refused, and what is not


def test_a_step_that_is_not_there(run, tmp_path):
    for step in (0, 13, -1):
        with pytest.raises(ConfigError, match=f"has the steps 1 to 12, and no step {step}"):
            replay(run.path, step)
    with pytest.raises(ConfigError, match="not a run directory"):
        replay(tmp_path, 1)
    (tmp_path / "config.json").write_text('{"config": {}}')
    with pytest.raises(ConfigError, match="has no step yet"):
        replay(tmp_path, 1)


def test_rounds_that_are_not_there(copy):
    (copy / "rollouts" / "round-000000.parquet").unlink()
    with pytest.raises(DataError, match=r"Round 0 of .* is not on disk"):
        replay(copy, 3)
    with pytest.raises(DataError, match=r"Round 0 of .* is not on disk"):
        replay(copy, 8)  # from the checkpoint of step 3, in the middle of round 0
    assert replay(copy, 10, ["grpo"]).redone.begin == 6
    (copy / "rollouts" / "round-000002.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(DataError, match=r"round-000002.parquet' cannot be read"):
        replay(copy, 10)
    shutil.rmtree(copy / "rollouts")
    with pytest.raises(DataError, match="has no rounds on disk, and a replay redoes"):
        replay(copy, 10)


def test_problems_or_a_tokenizer_that_changed(copy):
    config = json.loads((copy / "config.json").read_text())
    for what, error, said in (
        ("problems", DataError, "problems of the task, .* are not those of the run"),
        ("tokenizer", ConfigError, "tokenizer and chat template are not those of the run"),
    ):
        other = config | {"fingerprints": {**config["fingerprints"], what: "0"}}
        (copy / "config.json").write_text(json.dumps(other))
        with pytest.raises(error, match=said):
            replay(copy, 3)


def test_an_edited_file_and_other_versions_on_the_way_are_told(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(OWN_SURROGATE)
    run = made(tmp_path / "r", objective=objective_from(f"{mine}:mine"), steps=4, save_every=0)
    config = run.config
    here = config["versions"]
    config["versions"], then = {**here, "torch": "0.9"}, {**here, "torch": "1.0"}
    config["changes"] = [
        {"step": 1, "keys": {}, "versions": then},
        {"step": 2, "keys": {}, "versions": here},
    ]
    run.write_json("config.json", config)
    mine.write_text(mine.read_text() + "# another\n")
    file = f"{mine}, by its hash, was "
    for step, torches in ((4, ["0.9", "1.0"]), (2, ["0.9", "1.0"]), (1, ["0.9"])):
        notes = replay(run.path, step, ["gspo"]).redone.notes
        assert [n.split()[2] for n in notes if n.startswith("torch was ")] == torches
        assert sum(n.startswith(file) for n in notes) == 1 and len(notes) == len(torches) + 1


def test_a_run_of_an_old_version(copy):
    config = json.loads((copy / "config.json").read_text())
    del config["id"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="made by a version of paceline that could not resume"):
        replay(copy, 3)


def test_too_little_memory_for_the_gradients(run, monkeypatch):
    monkeypatch.setattr(Room, "of", lambda device, path: Room(100_000, 100_000, 0, ""))
    with pytest.raises(MemoryShortError, match=r"gradients of 2 objectives take .*; name fewer"):
        replay(run.path, 3, ["gspo"])


def test_the_average_of_a_reference_that_follows_needs_memory_too(run, monkeypatch):
    from paceline.analysis.replay.replay import _check_memory

    way = way_to(run, 3)
    checked = changed(load(way.config, reward=False), objective=named.grpo(kl=0.1))

    def needs(alpha):
        config = checked.config.with_(reference={"alpha": alpha, "every": 2})
        _check_memory(way, changed(checked, config=config), {"grpo": checked.objective})

    # Weights, gradient, two moments, the reference, what is kept of one objective: 6 of 4 bytes.
    enough = 6 * 4 * sum(p.numel() for p in tiny_policy().module.parameters())
    monkeypatch.setattr(Room, "of", lambda device, path: Room(enough, enough, 0, ""))
    needs(1.0)
    with pytest.raises(MemoryShortError, match="gradients of 1 objective take"):
        needs(0.5)


def test_the_reference_of_others_is_told_where_the_run_has_none(tmp_path):
    run = made(tmp_path / "r", steps=5, reference={"every": 2})
    whose = "The reference of grpo(kl=0.1) is"
    assert not replay(run.path, 5, ["gspo"]).redone.notes
    (follows,) = replay(run.path, 5, ["grpo(kl=0.1)"]).redone.notes
    assert follows.startswith(f"{whose} the model that the run began with, although")
    # Had it begun with other weights: from its checkpoint on only the reference is another.
    config = run.config
    config["fingerprints"]["model"] = "0"
    run.write_json("config.json", config)
    assert not replay(run.path, 5, ["gspo"]).redone.notes
    _, files = replay(run.path, 5, ["grpo(kl=0.1)"]).redone.notes
    assert files == f"{whose} read from the model's files, which are not as they were."
    with pytest.raises(ConfigError, match="files are not those of the run"):
        replay(run.path, 2, ["gspo"])


def test_an_entropy_term_is_in_the_gradient_and_in_no_push(run):
    found = replay(run.path, 3, {"warm": changed(named.grpo(), entropy=0.5)})
    own, warm = found.measured
    assert (own.rows_trained, warm.rows_trained) == (16, 32)
    pushed = {e.row: e for e in own.effects}
    for e in warm.effects:
        like = pushed[e.row].push_T if e.row in pushed else [0.0] * len(e.push_T)
        # In other packs, so to rounding.
        assert list(e.push_T) == pytest.approx(list(like), rel=1e-4, abs=1e-7)
    assert abs(warm.grad_norm / own.grad_norm - 1) > 0.01
    assert meaning(found).endswith(
        "The entropy term of warm is in the gradient and in no push: it acts on all tokens that "
        "might have been sampled."
    )
    assert "entropy" not in meaning(replay(run.path, 3, ["gspo"]))
    html = page(found).html()
    assert f'aria-label="warm: {warm.rows_trained} of 32 completions have a gradient' in html


def test_an_unknown_objective(run):
    with pytest.raises(ConfigError, match=r"no objective 'gsp'. Did you mean 'gspo'"):
        replay(run.path, 3, ["gsp"])


def test_a_checkpoint_that_is_not_whole_is_left_and_an_earlier_one_taken(copy, capsys):
    path = copy / "checkpoints" / "step-000006" / "policy.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = replay(copy, 12, ["grpo"])
    assert found.redone == Redone(3, 8, 0.0, found.redone.at)
    assert main(["replay", str(copy), "--step", "12", "--objective", "grpo"]) == 0
    said = capsys.readouterr().out
    assert "note: step-000006 is not taken: policy.safetensors has other bytes" in said


def test_a_run_that_is_going_on_is_read_and_left_as_it_is(copy):
    def files():
        return {p: p.stat().st_mtime_ns for p in copy.rglob("*") if p.is_file()}

    going = Run(copy)
    going.acquire()
    try:
        before = files()
        assert replay(copy, 8, ["gspo"]).redone.difference == 0
        assert files() == before
    finally:
        going.release()


# The command and its page


def test_the_command_tells_and_writes_a_page(copy, capsys):
    words = ["replay", str(copy), "--step", "8", "--objective", "gspo(low=1e-3,high=2e-3),dapo"]
    assert main([*words, "--objective", "sapo"]) == 0
    said = capsys.readouterr().out
    assert "step 8 of" in said and "part 4 of 4 of round 1, under grpo, gspo(low=1e-3" in said
    assert "4 steps have to be redone from the checkpoint of step 3" in said
    assert "save_keep=0 keeps all its checkpoints" in said
    assert "the run's bit for bit at all of the 5 steps up to 8" in said
    assert "cosine between the gradients" in said and "differs most" in said
    page = copy / "replay-step-000008.html"
    assert f"page     {page}" in said and page.is_file()


def test_the_command_as_json(copy, tmp_path, capsys):
    page = tmp_path / "p.html"
    words = ["replay", str(copy), "--step", "7", "--page", str(page), "--json"]
    assert main([*words, "--objective", "gspo"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["step"], found["round"], found["part"], found["parts"]) == (7, 1, 2, 4)
    assert found["redone"]["difference"] == 0 and found["redone"]["from"] == 3
    own, other = found["objectives"]
    line = line_of(Run(copy), 7)
    assert own["grad_norm"] == line["grad_norm"] and other["name"] == "gspo"
    assert len(found["cosine"]) == 2 and len(found["completions"]) == line["rows"] == 32
    weights = [c["effects"]["grpo"]["weight"] for c in found["completions"] if c["effects"]]
    assert sum(weights) == pytest.approx(1)
    assert page.is_file() and not list(copy.glob("replay-*"))


def test_the_commands_mistakes_are_one_sentence(copy, capsys):
    for words, said in (
        (["--step", "99"], "no step 99"),
        (["--step", "3", "--page", "/nowhere/x.html"], "The folder '/nowhere' of the page"),
        (["--step", "3", "--page", "."], "The page '.' is a folder; name a file"),
        (["--step", "3", "optimizer.lr=1"], "takes no key 'optimizer.lr'"),
        (["--step", "3", "--objective", "ppo"], "no objective 'ppo'"),
    ):
        assert main(["replay", str(copy), *words]) == 2
        error = capsys.readouterr().err
        assert said in error and len(error.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def nasty(later, tmp_path_factory) -> Page:
    """The page, had the model written the nastiest texts."""
    pieces = {
        row: Pieces((NASTY,) * (len(p.texts) - 1) + ("",), (False,) * len(p.texts))
        for row, p in later.pieces.items()
    }
    path = tmp_path_factory.mktemp("page") / "x.html"
    measured = (changed(later.own, name="<b>mine</b>"), *later.measured[1:])
    prompts = dict.fromkeys(later.prompts, NASTY)
    write_page(changed(later, pieces=pieces, prompts=prompts, measured=measured), path)
    return Page(path)


def test_the_page_loads_nothing_and_its_policy_lets_nothing_else_run(nasty):
    assert_loads_nothing(nasty)
    for function in ("element", "draw", "compact", "visible"):  # the report's, which it uses
        assert f"function {function}(" in nasty.raw["script"]


def test_what_models_and_users_wrote_is_inert(nasty):
    assert_inert(nasty, scripts=2)
    assert "<b>mine</b>" in nasty.text


def test_the_page_holds_every_number(later, tmp_path):
    write_page(later, tmp_path / "x.html")
    page = Page(tmp_path / "x.html")
    data = page.data("replay")
    assert data["names"] == ["grpo", "dr_grpo", "gspo", "dapo", "cispo", "rloo"]
    assert f"{later.own.grad_norm:.3g}" in page.text and f"{later.cosine[0][1]:.3f}" in page.text
    for group in data["groups"]:  # the problem "say 4" stands in the data's row 5
        assert group["problem_row"] == f"row {int(group['answer']) + 1}"
    rows = {row["row"]: row for group in data["groups"] for row in group["rows"]}
    for which, m in enumerate(later.measured):
        for e in m.effects:
            shown = rows[e.row]["effects"][which]
            assert shown["weight"] == pytest.approx(e.weight, rel=1e-5)
            assert [i for i, c in enumerate(e.clipped_T) if c] == shown["bound"]
            part = data["largest"][which] / data["scale"]
            assert [p * part for p in shown["pushes"]] == pytest.approx(list(e.push_T), abs=part)
            told = [(data["pieces"][i], i in data["special"]) for i in rows[e.row]["tokens"]]
            pieces = later.pieces[e.row]
            assert told == list(zip(pieces.texts, pieces.special, strict=True))
            completion = later.round.rollouts[e.row].completion
            assert "".join(text for text, special in told if not special) == completion.text
            assert [special for _, special in told] == [
                t in (0, 1, 2, 3) for t in completion.token_ids
            ]
    bars = [a for tag, a in page.elements if tag == "rect"]
    assert len(bars) == sum(e.weight > 0 for m in later.measured for e in m.effects)


def test_a_large_part_is_cut_to_what_weighs_most(later, monkeypatch):

    whole = reader_data(later)
    assert len(whole.groups) == 2 and whole.shown == (
        "Here: 32 completions of 2 of the part’s 2 problems."
    )
    monkeypatch.setattr(token_data, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(token_data, "MOST_ROWS", 3)
    cut = reader_data(later)
    assert len(cut.groups) == 1 and len(cut.groups[0].rows) == 3
    assert "the ones that weigh most of" in cut.shown
    assert "of large groups the 3 that weigh most" in cut.shown


def test_a_part_without_any_signal(later, tmp_path):
    silent = [changed(m, grad_norm=0.0, rows_trained=0, effects=()) for m in later.measured]
    none = tuple((None,) * len(silent) for _ in silent)
    empty = changed(later, measured=tuple(silent), cosine=none)
    assert meaning(empty) == "No completion of this part has a gradient under any of them."
    write_page(empty, tmp_path / "x.html")
    page = Page(tmp_path / "x.html")
    assert page.data("replay")["groups"] == [] and "has a gradient under any" in page.text


def test_numbers_that_are_not_finite_reach_page_and_record_as_none(later):
    inf, nan = float("inf"), float("nan")
    own, other, *rest = later.measured
    first, *effects = own.effects
    none = changed(first, push_T=(inf, *first.push_T[1:]), push=nan, weight=nan, advantage=-inf,
                   ratio=inf, ratio_max=nan, logp_T=(nan, *first.logp_T[1:]))  # fmt: skip
    own = changed(own, grad_norm=nan, effects=(none, *effects), ratio_max=None)
    lines = tuple((None, *row[1:]) for row in later.cosine)
    broken = changed(later, measured=(own, other, *rest), cosine=((None,) * len(lines), *lines[1:]))

    record = json.loads(json.dumps(as_record(broken), allow_nan=False))
    assert record["objectives"][0]["grad_norm"] is record["objectives"][1]["norm_ratio"] is None
    (shown,) = (c["effects"]["grpo"] for c in record["completions"] if c["row"] == first.row)
    assert {shown[key] for key in ("advantage", "weight", "push", "ratio", "ratio_max")} == {None}

    html, data = page(broken).html(), reader_data(broken)
    assert "NaN" not in html.split("</head>")[1] and ">nan<" not in html
    largest = max(abs(p) for e in own.effects for p in e.push_T if abs(p) < inf)
    assert data.largest[0] == largest
    (row,) = (r for g in data.groups for r in g.rows if r.row == first.row)
    (effect, *_), (logp, *_) = row.effects, row.logp or [0]
    assert effect is not None and effect.pushes[0] is effect.weight is logp is None
    assert effect.pushes[1] is not None
    assert sentences(broken) == [
        "The gradient of grpo is not a finite number here; a run skips such a step.",
        "None can be compared with the run's own.",
    ]
    also = changed(later, measured=(later.own, changed(other, grad_norm=inf), *rest))
    assert sentences(also)[0].startswith("The gradient of dr_grpo is not a finite number here")
    assert "inf" not in meaning(also) and "nan" not in meaning(also)


def test_a_step_that_the_run_skipped(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(  # e^(300 · 0.3) is too large for fp32
        "from paceline import objective as o\n\n"
        "def steep(log_ratio_BT, advantage_BT):\n"
        "    return (300 * log_ratio_BT).exp() * advantage_BT\n\n"
        "mine = o.Objective(advantage=o.Center(), surrogate=steep, kl=o.KL(0.1))\n"
    )
    objective = objective_from(f"{mine}:mine")
    run = made(tmp_path / "r", objective=objective, steps=4, optimizer={"lr": 0.1})
    skipped = [line["step"] for line in run.metrics() if line["skipped"]]
    assert skipped and line_of(run, skipped[-1])["grad_norm"] is None
    found = replay(run.path, skipped[-1], ["gspo"])
    assert found.redone.difference == 0 and not math.isfinite(found.own.grad_norm)
    assert any(math.isnan(e.weight) for e in found.own.effects)
    assert sum(e.weight for e in found.measured[1].effects) == pytest.approx(1)
    page(found).html()
    json.dumps(as_record(found), allow_nan=False)


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_colours_the_tokens(nasty, later, tmp_path):
    path = tmp_path / "x.html"
    path.write_text(nasty.source, encoding="utf-8")
    off = ("gpu", "quic", "background-networking", "component-update", "sync")
    quiet = [*(f"--disable-{name}" for name in off), "--no-first-run"]
    found = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", *quiet, f"--user-data-dir={tmp_path / 'u'}",
         "--virtual-time-budget=4000", "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True, timeout=180, check=True,
    )  # fmt: skip
    dom = found.stdout.decode(errors="replace")
    data = nasty.data("replay")
    assert dom.count('class="card ') == len(data["groups"][0]["rows"])
    assert dom.count('class="mini"') == len(data["groups"][0]["rows"])
    assert 't up"' in dom and 't down"' in dom and '<span class="blank">◌</span>' in dom
    shown = re.sub(r"<[^>]*>", "", dom.split('id="group"')[1])
    assert re.search(r"<h3>Group 1 of 2: row \d+</h3>", dom)
    assert "largest token ratio" in shown  # the table's is that of the ratio an objective makes
    assert "&lt;/script&gt;&lt;script&gt;alert" in shown and "⟨U+202E⟩" in shown
    assert "<img" not in dom and b"Uncaught" not in found.stderr
