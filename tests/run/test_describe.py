"""What a run is, told before it starts and kept in its config.json."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from paceline.config import from_json, to_json
from paceline.objective import named
from paceline.preflight.environment import machine, versions
from paceline.preflight.estimate import Disk, Estimate, Memory, Seconds
from paceline.preflight.fingerprint import fingerprints
from paceline.preflight.load import load, model_size_of
from paceline.preflight.preflight import Preflight
from paceline.preflight.resources import Resources
from paceline.preflight.reward import RewardTrial
from paceline.preflight.rows import with_rows
from paceline.run.describe import (
    critic_in_words,
    described,
    estimate_lines,
    first_row,
    next_command,
    tell_plan,
    trained_in_words,
)
from paceline.run.screen import Screen
from paceline.store.description import RunDescription
from paceline.types import Problem
from paceline.verify.programs.code import PrintedAnswer
from tests.helpers.line_configs import small_dpo, small_reward_model
from tests.helpers.made_tasks import Made, config_of
from tests.helpers.work import model_size

MB = 10**6
MEMORY = Memory(
    host=0,
    program=10 * MB, weights=MB, masters=0, gradients=MB, moments=2 * MB, reference=0, critic=0,
    activations=50 * MB, head=14 * MB, decoding=3 * MB, gaps=2 * MB,
)  # fmt: skip
DISK = Disk(checkpoints=36 * MB, model=4 * MB, rollouts=2 * MB, checkpoint=12 * MB)
SECONDS = Seconds(
    sampling=300.0, update=240.0, scoring=0.4, evaluation=60.0, checkpoints=0.0, step=7.5
)
ESTIMATE = Estimate(
    model_size(), MEMORY, DISK, SECONDS, Resources(2 * 10**9, 10**10, 3 * 10**9, "here", 0)
)


def plan(config, notes: tuple[str, ...] = ()) -> list[str]:
    """The lines that are printed before a run of this config."""
    estimate = replace(ESTIMATE, model_size=model_size(lora=config.lora))
    out = io.StringIO()
    screen = Screen(9, console=Console(file=out, width=200, soft_wrap=True, highlight=False))
    tell_plan(Preflight(load(config), RewardTrial((), 0.0, ()), estimate, notes), "runs/x", screen)
    return out.getvalue().splitlines()


# Kept


def test_a_description_has_all_that_a_resume_compares():
    loaded = load(config_of(seed=3))
    found = described(loaded)
    assert from_json(found.config) == loaded.config and found.config == to_json(loaded.config)
    assert (found.name, found.objective) == (loaded.config.name, repr(loaded.objective))
    assert (found.versions, found.machine) == (versions(), machine(loaded))
    assert found.fingerprints == fingerprints(loaded)
    assert found.first_prompt == loaded.first_prompt and found.changes == ()


def test_it_is_read_as_it_was_written_and_no_two_runs_have_one_id():
    first, second = (described(load(config_of())) for _ in range(2))
    assert RunDescription.from_json(first.to_json()) == first
    assert first.id != second.id and len(first.id or "") == 32
    assert "changes" not in first.to_json()


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["/bin/paceline", "train", "tiny", "--name", "a b"], "paceline train tiny --name 'a b'"),
        (["mine.py", "train"], None),
    ],
)  # fmt: skip
def test_the_command_is_kept_where_there_was_one(monkeypatch, words, command):
    monkeypatch.setattr(sys, "argv", words)
    assert described(load(config_of())).command == command


# Told


def test_the_plan_says_what_will_be_done_and_what_it_will_need():
    config = config_of(
        name="sums", steps=9, schedule={"minibatches": 2},
        rollouts={"problems": 2, "completions": 3, "max_tokens": 4},
    )  # fmt: skip
    assert plan(config, ("a remark.",)) == [
        "paceline: sums  →  runs/x",
        "  task       made: 10 problems, 1 held out",
        "  model      tiny, cpu, torch.float32",
        f"  objective  {config.objective.resolved(4)}",
        # Nine steps, two a round: five rounds of six completions.
        "  plan       5 rounds of 2 problems × 3 completions (up to 4 tokens), 2 updates each: "
        "9 steps, 30 completions",
        *(f"  {line}" for line in estimate_lines(ESTIMATE)),
        "  note: a note of the task",
        "  note: a remark.",
        "  first prompt",
        "    │ <|im_start|>user",
        "    │ 0 + 1?<|im_end|>",
        "    │ <|im_start|>assistant",
    ]


def test_with_one_update_a_round_the_ratios_are_explained():
    last = (
        "  note: one update a round: every ratio is 1, so the clip never binds, and that is right."
    )
    assert plan(config_of())[-1] == last


def test_the_sandbox_is_told_where_answers_are_programs():
    (line,) = [x for x in plan(config_of(Made(verifier=PrintedAnswer()))) if "sandbox" in x]
    assert line.endswith(": answers are programs, and are run behind it")


def test_the_estimate_is_three_lines():
    assert estimate_lines(ESTIMATE) == [
        "memory     up to 83 MB (weights and optimizer 4 MB, update 64 MB, sampling 3 MB, "
        "libraries and gaps 12 MB); 2.0 GB are free",
        "disk       up to 42 MB (3 checkpoints of 12 MB, model 4 MB, rollouts 2 MB); 3.0 GB are "
        "free",
        # Parts below half a second are left out of the sum's parts.
        "time       up to 10 min (sampling 5 min, update 4 min, evaluation 60 s), 7.5 s a step; "
        "less where answers end early",
    ]


def test_on_a_gpu_libraries_take_none_of_its_memory():
    gpu = replace(ESTIMATE, memory=replace(MEMORY, program=0, gaps=0))
    assert "libraries" not in estimate_lines(gpu)[0]


def test_a_time_that_is_not_known_or_next_to_nothing():
    assert (
        estimate_lines(replace(ESTIMATE, seconds=None))[2] == "time       not known for this model"
    )
    nothing = Seconds(sampling=0.1, update=0, scoring=0, evaluation=0, checkpoints=0, step=90.0)
    assert estimate_lines(replace(ESTIMATE, seconds=nothing))[2] == (
        "time       up to 0 s, 2 min a step; less where answers end early"
    )


def test_the_next_command_asks_a_held_out_problem_in_one_line():
    loaded = load(config_of())
    assert next_command(loaded, Path("runs/x")) == "paceline sample runs/x '4711 + 1?'"
    turns = ({"role": "user", "content": "What\n is  it's?"},)
    task = replace(loaded.task, heldout=(Problem("h", turns, "1"),))
    asked = next_command(replace(loaded, task=task), Path("a b"))
    assert asked == """paceline sample 'a b' 'What is it'"'"'s?'"""
    none = replace(loaded, task=replace(loaded.task, heldout=()))
    assert next_command(none, Path("runs/x")) == "paceline sample runs/x '…'"


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ({}, None),
        ({"rank": 4}, "adapters of rank 4 on 14 layers, 8,192 of 79,296 parameters, scale 8 "
                      "(alpha / rank)"),
        ({"rank": 4, "layers": "q_proj", "stabilised": True},
         "adapters of rank 4 on 2 layers, 1,024 of 79,296 parameters, scale 16 (alpha / √rank)"),
        ({"rank": 4, "merge": "no"},
         "adapters of rank 4 on 14 layers, 8,192 of 79,296 parameters, scale 8 (alpha / rank); "
         "adapters not merged"),
    ],
)  # fmt: skip
def test_the_plan_tells_what_is_trained_and_the_scale(lora, said):
    lines = plan(config_of(lora=lora))
    assert [line.split(maxsplit=1)[1] for line in lines if "trains" in line] == [said][: bool(said)]


def test_a_pair_is_shown_with_the_preferred_answer_first():
    loaded = with_rows(load(small_dpo()))
    given = loaded.rows.train[0]
    first, second = first_row(loaded).split("\nor ")
    decode = loaded.tokenizer.decode
    good, bad = (decode(rollout.completion.token_ids) for rollout in given.rollouts)
    assert first.endswith(f"⟦{good}⟧") and second == f"⟦{bad}⟧"
    turned = replace(given, rollouts=given.rollouts[::-1])
    rows = replace(loaded.rows, train=(turned, *loaded.rows.train[1:]))
    assert first_row(replace(loaded, rows=rows)) == first_row(loaded)


def test_a_reward_model_is_told_by_its_layers():
    loaded = load(small_reward_model(model={"layers": 1}))
    told = trained_in_words(loaded, model_size_of(loaded))
    assert told == "all 42,368 parameters of a reward model, 1 layer and a head of one number"


@pytest.mark.parametrize(
    ("critic", "words"),
    [
        ({}, "a head over the policy's states, learning rate 0.02"),
        ({"warmup": 2}, "a head over the policy's states, learning rate 0.02; alone for 2 rounds"),
        (
            {"body": "own", "layers": 1, "head_lr": 0.5},
            "the first layer of a copy of the policy, learning rate 0.002, of its head 0.5",
        ),
        (
            {"body": "own", "path": "runs/rm/model", "lr": 1e-5},
            "runs/rm/model, learning rate 1e-05, of its head 0.02",
        ),
    ],
)
def test_a_critic_is_told_with_its_rates(critic, words):
    config = config_of(objective=named.ppo(), critic=critic, optimizer={"lr": 1e-3})
    assert critic_in_words(config) == words
    assert f"  critic     {words}" in plan(config)
    assert not any("critic" in line for line in plan(config_of()))
