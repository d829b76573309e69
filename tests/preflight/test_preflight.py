"""What is found before the model is loaded, and what is only worth a note."""

import json
import shutil
import time
from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch

from paceline.cli import main
from paceline.errors import ConfigError, DataError
from paceline.model.reward_model import RewardModel
from paceline.objective import Objective, by_name
from paceline.preflight import calibrate, preflight, resources
from paceline.preflight.preflight import check, load_checked
from paceline.preflight.resources import Resources
from paceline.run import build
from paceline.types import Round, Verdict
from paceline.verify.shaping.compose import Weighted
from tests.helpers.made_tasks import Made, config_of
from tests.helpers.work import LAYER

Usage = namedtuple("Usage", "total used free")
Virtual = namedtuple("Virtual", "available total")


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    """Other tests beside these are no news."""
    monkeypatch.setattr(calibrate, "_used", lambda: (time.perf_counter(), 0.0, 0.0))


def test_a_sound_config_carries_what_was_tried_and_estimated():
    checked = check(config_of())
    assert checked.loaded.first_prompt.endswith("0 + 1?<|im_end|>\n<|im_start|>assistant\n")
    assert checked.notes == ()
    assert {p.kind: p.rewards for p in checked.tried.paid} == {
        "gold": (1.0, 1.0, 1.0), "empty": (0.0,), "junk": (0.0,),
    }  # fmt: skip
    sizes = checked.estimate.model_size
    assert sizes.parameters == 79_296 and sizes.context == 512
    assert checked.estimate.seconds is not None and checked.estimate.seconds.total > 0


def unread(problem, completion):
    raise AssertionError("asked")


def test_what_is_not_trained_needs_neither_rows_nor_room(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: pytest.fail("asked"))
    loaded = load_checked(config_of(Made(count=1, verifier=unread)))
    assert len(loaded.task.train) == 1


def test_random_numbers_are_those_that_would_have_come_without_a_check():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    check(config_of())
    assert torch.equal(torch.rand(1), expected)


def test_prompts_that_do_not_fit_are_counted_and_if_none_fits_refused():
    # The tiny model was made for 512 tokens, and its tokenizer makes one of each letter.
    note = "3 of 10 prompts that were measured do not fit into the model's context of 512 tokens"
    (said,) = check(config_of(Made(long=3))).notes
    assert said.startswith(note)
    with pytest.raises(DataError, match=r"No problem of task 'made' fits .* 512 tokens beside"):
        check(config_of(Made(long=10)))
    with pytest.raises(DataError, match=r"1 of 1 held-out prompts .* evaluation.max_tokens"):
        check(config_of(Made(long_heldout=True)))
    check(config_of(Made(long_heldout=True), evaluation={"problems": 0}))


def test_only_some_prompts_of_many_are_rendered(monkeypatch):
    from paceline.preflight import preflight as module

    rendered = []
    render = module.render
    monkeypatch.setattr(module, "render", lambda *words: rendered.append(words) or render(*words))
    check(config_of(Made(count=1000), evaluation={"problems": 0}))
    assert len(rendered) == module.MEASURED_PROMPTS


@dataclass(frozen=True)
class Lowered:
    """An advantage of one's own that reads what a made-up round has not."""

    def __call__(self, round: Round) -> torch.Tensor:
        return torch.tensor([r.problem.data["level"] for r in round.rollouts])


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "rloo", "dapo", "gspo", "opo"])
def test_a_group_of_one_has_nothing_to_compare_with(name):
    alone = {"completions": 1}
    with pytest.raises(
        ConfigError, match=r"rollouts\.completions is 1, and \w+\(.*\) compares the"
    ):
        check(config_of(rollouts=alone, objective=by_name(name)))
    check(config_of(rollouts={"completions": 2}, objective=by_name(name)), timed=False)
    load_checked(config_of(rollouts=alone, objective=by_name(name)))


def test_what_compares_over_the_round_takes_groups_of_one():
    own = Objective(advantage=Lowered())
    for objective in (by_name("reinforce"), by_name("reinforce_pp"), own):
        check(config_of(rollouts={"completions": 1}, objective=objective), timed=False)


ASKED: list[str] = []


def counted(problem, completion):
    ASKED.append(completion.text)
    return Verdict(1.0)


def test_a_reward_model_is_loaded_with_the_policy_and_not_before(monkeypatch, tmp_path):
    from paceline.model import reward_model

    loaded = []

    def load(source, **_):
        loaded.append(source.name)
        raise ConfigError("its head is missing")

    monkeypatch.setattr(reward_model, "load_classifier", load)
    (tmp_path / "config.json").write_text("{}")
    ASKED.clear()
    verifier = Weighted(
        (("mine", counted, 1.0), ("judge", RewardModel(str(tmp_path), device="cpu"), 0.1))
    )
    task = Made(verifier=verifier)
    checked = check(config_of(task, rewards={"workers": 0}))
    assert checked.tried.paid == () and not loaded
    assert "asks a model" in checked.notes[0]
    assert len(ASKED) == 5  # what can be asked without it is
    with pytest.raises(ConfigError, match="head is missing"):
        build.policy_of(checked.loaded)
    with pytest.raises(ConfigError, match="head is missing"):
        load_checked(config_of(task))


def test_a_run_that_would_fill_the_disk_is_refused(monkeypatch, tmp_path):
    config = config_of(out=str(tmp_path / "r"))
    need = check(config).estimate.disk.total
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, need - 1))
    with pytest.raises(ConfigError, match=r"3 checkpoints of 1.0 MB.*save_keep") as refused:
        check(config)
    assert str(tmp_path) in str(refused.value)
    # A run that goes on has a part of it already.
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "old").write_bytes(b"x")
    check(config)


def test_memory_is_a_note_when_it_is_short_and_an_error_when_it_cannot_be(monkeypatch):
    def machine(available: int, total: int):
        virtual = Virtual(available, total)
        monkeypatch.setattr(resources.psutil, "virtual_memory", lambda: virtual)
        return check(config_of())

    memory = machine(10**12, 10**12).estimate.memory
    (note,) = machine(5_000_000, 10**12).notes
    assert "of memory may be needed, and 5 MB are free on this machine" in note
    assert "tokens_per_forward" in note
    machine(0, memory.fixed)
    with pytest.raises(ConfigError, match=r"'tiny' needs 1 MB of memory for weights, gradients"):
        machine(0, memory.fixed - 1)


def test_the_command_tells_what_was_found_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "tiny", "--steps", "7", "rollouts.problems=4"]) == 0
    text = capsys.readouterr().out
    for told in (
        "task       arithmetic: 14 problems, 11 held out", "model      tiny: 79,296 parameters",
        "reward     a gold answer earns 1, an empty one 0, junk 0;", "sandbox    not needed",
        "memory     up to", "disk       up to", "time       up to", "│ What is 1 + 1?",
        "less where answers end early",
    ):  # fmt: skip
        assert told in text, told
    assert text.splitlines()[-1] == "sound: `paceline train tiny steps=7 rollouts.problems=4`"
    assert list(tmp_path.iterdir()) == []
    assert main(["check", "tiny", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["sound"] and data["parameters"] == 79_296 and data["sandbox"] is None
    assert data["memory"]["total"] > data["memory"]["program"] and data["disk"]["total"] > 0
    assert data["seconds"]["total"] > 0 and data["reward"]["paid"][0]["kind"] == "gold"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("precious")
    assert main(["check", "tiny", "--out", "taken"]) == 2
    assert "not empty" in capsys.readouterr().err


def test_adapters_are_merged_where_all_memory_has_room_for_it(monkeypatch):
    def checked(total: int, **lora):
        room = Resources(memory=10**9, memory_total=total, disk=10**12, place="here", host=0)
        monkeypatch.setattr(preflight.Resources, "of", lambda *_: room)
        config = config_of(lora={"rank": 4, **lora}, model={"dtype": "fp32"})
        return check(config, timed=False)

    ample = checked(10**9)
    memory = ample.estimate.memory
    needed = memory.total - memory.program
    assert ample.loaded.lora.merge == "yes" and checked(needed).loaded.lora.merge == "yes"
    short = checked(needed - 1)
    assert short.loaded.lora.merge == "no"
    assert memory.decoding - short.estimate.memory.decoding == 4 * 2 * LAYER
    assert any("because memory has no room for both" in note for note in short.notes)
    assert short.loaded.config.lora.merge == "auto"  # what was asked for is what is recorded
    assert checked(needed - 1, merge="yes").loaded.lora.merge == "yes"
