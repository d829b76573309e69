"""The examples run, and the one-file GRPO and PPO are the library's."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paceline.batch import Batch
from paceline.objective import named
from paceline.run import Run
from tests.helpers.critics import gradients, half_of
from tests.helpers.policies import tiny_policy
from tests.helpers.rounds import ragged_round

EXAMPLES = Path(__file__).parent.parent / "examples"
ONE_FILE = pytest.mark.parametrize("name", ["one_file", "one_file_ppo"])


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def padded_rows(round, *columns):
    """A round as the examples pad it: ids, what is real, what was written, and columns of floats
    at the written places."""
    rows = [(g.prompt_ids, r.completion.token_ids) for g in round.groups for r in g.rollouts]
    prompt, completion = (max(len(row[i]) for row in rows) for i in (0, 1))
    ids = torch.zeros(len(rows), prompt + completion, dtype=torch.long)
    real, written = torch.zeros_like(ids).bool(), torch.zeros_like(ids).bool()
    placed = [torch.zeros(ids.shape) for _ in columns]
    for i, (p, c) in enumerate(rows):
        ids[i, prompt - len(p) : prompt + len(c)] = torch.tensor([*p, *c])
        real[i, prompt - len(p) : prompt + len(c)] = True
        written[i, prompt : prompt + len(c)] = True
        for place, column in zip(placed, columns, strict=True):
            place[i, prompt : prompt + len(c)] = torch.tensor(column[i])
    return ids, real, written, *placed


def one_file_gradient(example, round, anchors):
    """The gradient of the example's own functions on a round, rows padded as it pads them."""
    policy = tiny_policy()
    ids, real, written, *known = padded_rows(round, *([] if anchors is None else [anchors]))
    logp = example.log_probabilities(policy.module, ids, real)
    advantage = example.advantages_of(torch.tensor(round.rewards))
    (anchor,) = known or [logp.detach()]
    example.grpo_loss(logp, anchor, written, advantage).backward()
    return torch.cat([p.grad.flatten() for p in policy.module.parameters()])


def library_gradient(round):
    policy, objective = tiny_policy(), named.grpo()
    for micro in Batch.of(round, range(len(round.groups)), objective).micro(10**6):
        policy.loss(objective, micro, 1.0)[0].backward()
    return torch.cat([p.grad.flatten() for p in policy.module.parameters()])


@pytest.mark.parametrize("several_updates", [False, True])
def test_one_file_has_the_librarys_gradients(several_updates):
    example, round = load("one_file"), ragged_round(completions=8)
    anchors = None
    if several_updates:
        anchors = tuple(tuple(-4.4 + 0.2 * (i % 5) for i in range(n)) for n in round.lengths)
        round = replace(round, anchor=anchors)
    ours, theirs = library_gradient(round), one_file_gradient(example, round, anchors)
    assert ((ours - theirs).norm() / theirs.norm()).item() < 1e-5


def one_file_ppo_gradients(example, round, half):
    """The gradients of the example's own functions, the policy's and the head's, on a round that
    was scored."""
    policy = tiny_policy()
    ids, real, written, anchor, old = padded_rows(round, round.anchor, round.values)
    head = torch.nn.Linear(64, 1, bias=False)
    with torch.no_grad():
        head.weight.copy_(half.model.exact_parameters()["score.weight"])
    rewards = torch.tensor(round.rewards)
    advantage = example.whitened(example.gae(rewards, old, written, example.LAMBDA), written)
    target = example.gae(rewards, old, written, example.LAMBDA_CRITIC) + old
    logp, value = example.score(policy.module, head, ids, real)
    assert torch.allclose(value[written], old[written], atol=1e-6)
    loss = example.ppo_loss(logp, anchor, advantage, written)
    loss = loss + example.VALUE_WEIGHT * example.value_loss(value, target, written)
    loss.backward()
    return [
        torch.cat([p.grad.flatten() for p in module.parameters()])
        for module in (policy.module, head)
    ]


@pytest.mark.parametrize("lam", [1.0, 0.9])
def test_one_file_ppo_has_the_librarys_gradients(lam, monkeypatch):
    from paceline.settings import CriticConfig

    example, half = load("one_file_ppo"), half_of("shared")
    monkeypatch.setattr(example, "LAMBDA", lam)
    monkeypatch.setattr(example, "LAMBDA_CRITIC", 0.95)
    half.settings = CriticConfig(lam=0.95)
    assert half.settings.coef == example.VALUE_WEIGHT
    objective, round = named.ppo(lam=lam), ragged_round()
    anchors = tuple(tuple(-4.4 + 0.2 * (i % 5) for i in range(n)) for n in round.lengths)
    round = half.with_values(replace(round, anchor=anchors))
    batch = Batch.of(round, range(len(round.groups)), objective)
    half.forward_backward(half.with_targets(batch, round, objective), objective)
    for ours, theirs in zip(
        gradients(half), one_file_ppo_gradients(example, round, half), strict=True
    ):
        assert ((ours - theirs).norm() / theirs.norm()).item() < 1e-5


@ONE_FILE
def test_one_file_imports_torch_and_transformers_only(name):
    import ast

    tree = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))
    roots = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert roots <= {"torch", "transformers", *sys.stdlib_module_names}


@ONE_FILE
def test_one_file_trains_a_model(name, tmp_path, monkeypatch, capsys):
    tiny_policy().save(tmp_path)
    example = load(name)
    monkeypatch.setattr(example, "STEPS", 2)
    monkeypatch.setattr(example, "UPDATES", 2)
    example.main(str(tmp_path))
    assert "step   2" in capsys.readouterr().out


def test_my_reward_trains(tmp_path):
    load("my_reward").main(str(tmp_path / "r"))
    run = Run.open(tmp_path / "r")
    reasons = {reason for line in run.metrics() for reason in line["reasons"]}
    assert reasons <= {"right", "a number, but not the right one", "not a number"} and reasons


def test_my_algorithm_trains_and_is_recorded(tmp_path):
    from paceline.cli import config_of

    load("my_algorithm").main(str(tmp_path / "r"))
    run = Run.open(tmp_path / "r")
    assert "MedianBaseline()" in run.config["objective"]
    again = config_of(str(run.path / "config.json")).objective
    assert repr(again) == run.config["objective"]


def test_the_median_baseline_by_hand():
    from tests.helpers.rounds import group_of

    example = load("my_algorithm")
    rewards = (1.0, 0.0, 0.0, 0.5)
    from paceline.types import Round

    round = Round(0, (group_of((5,), [((7,), (0.0,), r) for r in rewards]),))
    # The median of 0, 0, 0.5, 1 is 0.25.
    assert example.MedianBaseline()(round).tolist() == [0.75, -0.25, -0.25, 0.25]
