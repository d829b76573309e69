"""The stages of the line: each recipe's promise, and its run at the size of the tiny model."""

import json
import shlex

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from paceline import recipes
from paceline.cli import main
from paceline.layout import TokenRows
from paceline.model import RewardScorer, load_scorer, resolve, reward_model
from paceline.model.reward_model import RewardModel
from paceline.objective import named
from paceline.preflight.load import load
from paceline.preflight.rows import with_rows
from paceline.report import write_report
from paceline.run import Run, train
from paceline.types import Completion, Round
from tests.helpers.line_configs import small_dpo, small_reward_model


def small_sft(out, **changes):
    config = recipes.tiny().with_(
        name="sft", answers="given", objective=named.sft(), steps=12, out=str(out),
        rollouts={"problems": 6, "completions": 8, "max_tokens": 24}, optimizer={"lr": 1e-2},
        evaluation={"problems": 4, "completions": 2, "every": 6},
    )  # fmt: skip
    return config.with_(**changes)


def test_sft_is_one_epoch_of_960_worked_sums():
    config = recipes.sft()
    assert (config.answers, config.objective) == ("given", named.sft())
    assert config.steps * config.rollouts.problems == 960
    assert config.task == recipes.demo().task and config.model == recipes.demo().model
    loaded = with_rows(load(config))
    assert loaded.rows is not None and len(loaded.rows.heldout) == 500
    row = loaded.rows.train[0]
    text = loaded.tokenizer.decode(row.rollouts[0].completion.token_ids)
    a, b = row.problem.data["a"], row.problem.data["b"]
    assert text == f"{a} + {b} = {a + b}<|im_end|>"


def test_ppo_is_the_demo_with_a_critic_in_the_groups_place():
    config, demo = recipes.ppo(), recipes.demo()
    assert config.objective == named.ppo() and config.critic.body == "shared"
    assert config == demo.with_(name="ppo", objective=named.ppo())
    assert (config.steps, config.optimizer.lr, config.optimizer.decay) == (80, 1.5e-5, "linear")


def test_supervised_fine_tuning_makes_rows_likelier(tmp_path):
    run = train(small_sft(tmp_path / "r"), quiet=True)
    before, after = run.outcome.before, run.outcome.after
    assert after.nll < before.nll - 0.5 and after.token_accuracy > before.token_accuracy
    low, high = after.intervals["nll"]
    assert low < after.nll < high and after.rows == 4 and after.sampled is not None
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["after"]["nll"] == after.nll
    records = list(run.records())
    assert records[-1].nll < records[0].nll
    # Of what a sampled step has, nothing is claimed.
    first = records[0]
    assert (first.reward, first.accuracy, first.mismatch, first.ratio_max) == (None,) * 4
    assert records[5].evaluation.nll is not None
    assert not list(run.rollouts.glob("*.parquet")), "what rows bring is not written again"
    page = write_report(run.path).read_text()
    assert "Negative" not in page and "Likelihood" in page


def test_a_last_step_takes_what_is_left_of_the_epochs(tmp_path):
    run = train(small_sft(tmp_path / "r", epochs=2, steps=1), quiet=True)
    # Fourteen rows twice, by sixes: four steps of six, and one of four.
    assert [record.rows for record in run.records()] == [6, 6, 6, 6, 4]
    assert Run(tmp_path / "r").config["config"]["steps"] == 5


def test_the_recipe_stops_and_goes_on_in_the_same_place(tmp_path):
    from paceline import resume

    whole = train(small_sft(tmp_path / "whole"), quiet=True)
    train(small_sft(tmp_path / "parts", steps=5), quiet=True)
    longer = small_sft(tmp_path / "parts")
    resume(tmp_path / "parts", longer, quiet=True)
    assert [r.nll for r in Run(tmp_path / "parts").records()] == [r.nll for r in whole.records()]


def test_a_finished_run_goes_on_with_more_epochs(tmp_path, capsys):
    config = small_sft(tmp_path / "r", epochs=1)
    config = config.with_(**{"optimizer.decay": "constant"})
    train(config, quiet=True)
    assert len(list(Run(tmp_path / "r").records())) == 3
    assert main(["resume", str(tmp_path / "r"), "epochs=2"]) == 0
    # Fourteen rows twice, by sixes; the step that was what was left of one pass stays as it was.
    assert [r.rows for r in Run(tmp_path / "r").records()] == [6, 6, 2, 6, 4]
    assert Run(tmp_path / "r").config["config"]["steps"] == 5


def test_a_run_on_rows_cannot_be_replayed(tmp_path):
    from paceline.analysis.replay import replay
    from paceline.errors import UserError

    run = train(small_sft(tmp_path / "r", steps=2), quiet=True)
    with pytest.raises(UserError, match="rows"):
        replay(run.path, 1)


# Pairs


def test_the_reward_model_recipe_is_one_epoch_of_480_pairs():
    config = recipes.reward_model()
    assert config.steps * config.rollouts.problems == 480 == config.task.pairs
    assert config.objective.of_scores and config.model.layers == 8
    # The head's rate is 100 times the body's.
    assert config.optimizer.head_lr == pytest.approx(100 * config.optimizer.lr)
    rows = with_rows(load(config)).rows
    assert (len(rows.train), len(rows.heldout)) == (480, 300)


def test_the_dpo_recipe_learns_from_the_demos_own_pairs():
    config = recipes.dpo()
    assert (config.task.path, config.task.pairs) == ("runs/demo", True)
    assert config.model.path == "runs/demo/model" and config.objective == named.dpo()
    from paceline.cli.configured import changed

    other = changed(config, {"data": "runs/x", "model": "runs/x/model"})
    assert (other.task.path, other.model.path) == ("runs/x", "runs/x/model")


@pytest.mark.parametrize(("dtype", "tolerance"), [("fp32", 0.0), ("bf16", 0.0)])
def test_before_its_first_step_dpo_has_the_loss_log_2(tmp_path, dtype, tolerance):
    run = train(small_dpo(model={"dtype": dtype}, out=str(tmp_path / "r")), quiet=True)
    first, *later = run.records()
    assert abs(first.pair_loss - torch.log(torch.tensor(2.0)).item()) <= tolerance
    assert (first.pair_accuracy, first.chosen_reward, first.pair_margin) == (0.5, 0.0, 0.0)
    assert all(record.pair_loss < first.pair_loss for record in later)


def test_dpo_puts_pairs_in_order(tmp_path):
    run = train(small_dpo(steps=8, out=str(tmp_path / "r")), quiet=True)
    records, before, after = list(run.records()), run.outcome.before, run.outcome.after
    assert before.pair_accuracy == 0.5 and after.pair_accuracy > 0.8 and after.pair_margin > 0
    assert set(after.intervals) == {"pair_accuracy", "nll"} and after.longer_wins is not None
    last = records[-1]
    assert last.pair_margin == pytest.approx(last.chosen_reward - last.rejected_reward)
    # The likelihood is that of the preferred ones; where pairs are, no end is told.
    assert last.nll is not None and last.entropy is not None and "end_probability" in last.absent
    assert last.reward is None and records[1].evaluation.pairs == 8
    page = write_report(run.path).read_text()
    assert "Rewards of both sides" in page and "that is no fault" in page
    assert "The longer wins" in page and "in order" in repr(run)


def test_a_reward_model_scores_the_same_wherever_it_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(reward_model, "best_dtype", lambda _: torch.float32)
    config = small_reward_model(steps=8, model={"layers": 1}, out=str(tmp_path / "r"))
    run = train(config, quiet=True)
    after = run.outcome.after
    assert after.pair_accuracy > 0.8 and after.temperature > 0 and after.right_from is not None
    assert all("nll" in record.absent and record.entropy is None for record in run.records())
    loaded = with_rows(load(config))
    tokenizer, group = loaded.tokenizer, loaded.rows.heldout[0]
    texts = [rollout.completion.text for rollout in group.rollouts]
    judge = RewardModel(str(run.model), right_from=after.right_from)
    completions = [Completion((1,), (), text, "stop") for text in texts]
    ours = [v.reward for v in judge.batch([group.problem] * 2, completions)]
    module = AutoModelForSequenceClassification.from_pretrained(run.model).eval()
    rows = TokenRows.of(Round(0, (group,)))
    with torch.no_grad():
        theirs = [
            module(torch.tensor([[*p, *c]])).logits.item()
            for p, c in zip(rows.prompts, rows.completions, strict=True)
        ]
    assert module.config.num_hidden_layers == 1
    # A reward model renders the chat by itself, and reads what the template puts behind it.
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    scorer = load_scorer(
        RewardScorer, resolve(str(run.model)), tokenizer, head="normal", dtype=torch.float32
    )
    assert scorer.score_ends(rows).tolist() == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    assert not run.adapter.exists() and not list(run.rollouts.glob("*.parquet"))
    page = write_report(run.path).read_text()
    assert "Calibration error" in page and "the level is free" in page.replace("\n", " ")


def test_adapters_of_a_reward_model_are_in_its_model(tmp_path):
    run = train(small_reward_model(lora={"rank": 4}, out=str(tmp_path / "r")), quiet=True)
    assert run.model.is_dir() and not run.adapter.exists()
    AutoModelForSequenceClassification.from_pretrained(run.model)


@pytest.mark.parametrize("command", ["sample {} hi", "eval {}", "chat {}", "export {} --to gguf"])
def test_a_reward_model_is_not_asked_for_an_answer(tmp_path, capsys, command):
    out = tmp_path / "r"
    if not out.exists():
        train(small_reward_model(steps=1, out=str(out)), quiet=True)
    for path in (out, *([out / "model"] if "export" not in command else [])):
        assert main(shlex.split(command.format(path))) == 2
        told = capsys.readouterr().err
        assert "reward model" in told and "RewardModel('" in told and told.count("\n") == 1


def test_distillation_follows_another_model_and_a_resume_wants_the_same_one(tmp_path):
    from paceline import resume
    from paceline.errors import UserError

    teacher = train(small_sft(tmp_path / "teacher", steps=30), quiet=True)
    folder = teacher.path / "model"
    config = recipes.tiny().with_(
        name="distil", objective=named.distil(), steps=40, out=str(tmp_path / "r"),
        reference={"path": str(folder)}, optimizer={"lr": 3e-3}, save_every=10,
        rollouts={"problems": 6, "completions": 8, "max_tokens": 8},
        evaluation={"problems": 4, "completions": 2},
    )  # fmt: skip
    run = train(config, quiet=True)
    kl = [record.kl for record in run.records()]
    assert sum(kl[-5:]) < 0.5 * sum(kl[:5]), kl
    other = small_sft(tmp_path / "other", steps=2)
    train(other, quiet=True)
    weights = "model.safetensors"
    (folder / weights).write_bytes((tmp_path / "other" / "model" / weights).read_bytes())
    with pytest.raises(UserError, match="not those that the run began with"):
        resume(tmp_path / "r", config.with_(steps=50), named=["steps"], quiet=True)


def test_the_recipe_of_distillation_learns_from_the_model_of_sft():
    config = recipes.distil()
    assert config.objective == named.distil()
    assert config.reference.path == f"runs/{recipes.sft().name}/model"
    assert config.task == recipes.demo().task and config.model == recipes.demo().model
