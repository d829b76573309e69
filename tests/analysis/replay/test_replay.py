"""A step of a run redone from its rounds, and tried under other objectives."""

import json
import math
import shutil
import sys
from dataclasses import replace as changed

import pytest

from paceline.analysis.replay import Redone, replay
from paceline.analysis.replay.conclusions import meaning, sentences
from paceline.analysis.replay.measure import measure
from paceline.analysis.replay.page import page
from paceline.analysis.replay.route import route_to
from paceline.analysis.replay.terminal import as_record
from paceline.config import objective_from
from paceline.errors import ConfigError, MemoryShortError
from paceline.objective import Truncate, named
from paceline.preflight.load import load
from paceline.preflight.resources import Resources
from paceline.run import Run
from tests.helpers.policies import tiny_policy
from tests.helpers.replays import ROLLOUTS, line_of, made

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
    from paceline.model import trainable

    monkeypatch.setattr(trainable, "supports", lambda module: False)
    run = made(tmp_path / "r", steps=4, save_every=0)
    found = replay(run.path, 4, ["gspo"])
    assert found.redone.difference == 0 and found.own.effects
    assert found.own.clip_fraction == line_of(run, 4)["clip_fraction"]
    assert sum(sum(e.clipped_T) for e in found.own.effects) / found.own.tokens == (
        found.own.clip_fraction
    )


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


def test_an_unknown_objective(run):
    with pytest.raises(ConfigError, match=r"no objective 'gsp'. Did you mean 'gspo'"):
        replay(run.path, 3, ["gsp"])


# Memory


def test_too_little_memory_for_the_gradients(run, monkeypatch):
    monkeypatch.setattr(Resources, "of", lambda device, path: Resources(100_000, 100_000, 0, "", 0))
    with pytest.raises(MemoryShortError, match=r"gradients of 2 objectives take .*; name fewer"):
        replay(run.path, 3, ["gspo"])


def test_the_average_of_a_reference_that_follows_needs_memory_too(run, monkeypatch):
    from paceline.analysis.replay.replay import _check_memory

    route = route_to(run, 3)
    checked = changed(load(route.config, reward=False), objective=named.grpo(kl=0.1))

    def needs(alpha):
        config = checked.config.with_(reference={"alpha": alpha, "every": 2})
        _check_memory(route, changed(checked, config=config), {"grpo": checked.objective})

    # Weights, gradient, two moments, the reference, what is kept of one objective: 6 of 4 bytes.
    enough = 6 * 4 * sum(p.numel() for p in tiny_policy().module.parameters())
    monkeypatch.setattr(Resources, "of", lambda device, path: Resources(enough, enough, 0, "", 0))
    needs(1.0)
    with pytest.raises(MemoryShortError, match="gradients of 1 objective take"):
        needs(0.5)
