"""The ways to train a model, and which of them fit a card."""

from dataclasses import replace

import pytest
import torch

from paceline import recipes
from paceline.errors import ConfigError
from paceline.model import load_tokenizer, resolve
from paceline.model.template import render
from paceline.preflight.estimate import Memory
from paceline.preflight.fits import GPU, WAYS, fits
from paceline.settings import LoraConfig
from tests.helpers.made_tasks import Made, config_of
from tests.helpers.work import TINY, model_size, work_of


def ways_of(card: int, **changes):
    found = fits(recipes.tiny().with_(**changes), card)
    return {way.name: way for way in found.ways}


def test_all_ways_are_estimated_as_a_run_is():
    ways = ways_of(10**9)
    assert list(ways) == list(WAYS) and all(way.fits for way in ways.values())
    assert ways["full"].memory.fixed == TINY * 18 and ways["full"].keys == {}
    assert ways["full, offloaded"].memory.fixed == TINY * 2
    assert ways["full, offloaded"].memory.host == TINY * 16
    assert ways["LoRA"].keys == {"lora.rank": 16}
    fixed = [ways[f"LoRA{form}"].memory.fixed for form in ("", " on int8", " on nf4")]
    assert fixed[0] > fixed[1] > fixed[2]
    config = recipes.tiny().with_(lora={"rank": 16, "merge": "yes"})
    task = config.task.load()
    tokenizer = load_tokenizer(resolve("tiny"))
    prompts = [render(tokenizer, task.messages(p)) for p in task.train[:64]]
    sizes = model_size(torch.bfloat16, LoraConfig(rank=16))
    work = work_of(config, prompts, config.evaluation.problems)
    assert ways["LoRA"].memory == Memory.of(
        config, config.objective, sizes, work, torch.bfloat16, GPU
    )


def test_limits_are_lowered_before_adapters_are_left_apart():
    changes = {"tokens_per_forward": 1024, "rollouts": {"problems": 64, "completions": 2}}
    ample = ways_of(10**9, **changes)["LoRA"]
    assert ample.keys == {"lora.rank": 16}
    lower = ways_of(ample.memory.total - 1, **changes)["LoRA"]
    assert lower.fits and "lora.merge" not in lower.keys
    assert lower.keys["rows_at_once"] == 64
    assert lower.memory.total < ample.memory.total
    # With few rows the merged copy is more than what two products leave for the backward pass.
    few = {"tokens_per_forward": 1024, "rollouts": {"problems": 2, "completions": 2}}
    least = ways_of(1, **few)["LoRA"].memory.total
    assert ways_of(least, **few)["LoRA"].keys["lora.merge"] == "no"


def test_what_fits_with_no_limits_is_told_with_its_least_needs():
    way = ways_of(1000)["full"]
    assert not way.fits and way.keys == {} and way.memory.total > 1000


def test_the_configs_own_rank_is_taken_and_its_own_ways_are_not():
    own = {"lora": {"rank": 4}, "model": {"quantisation": "nf4"}, "optimizer": {"moments": "8bit"}}
    ways = ways_of(10**9, **own)
    assert ways["full"].memory.fixed == TINY * 18
    # Told as what has to be set in place of the config's own.
    assert ways["full"].keys == {
        "lora.rank": 0, "model.quantisation": "none", "optimizer.moments": "fp32",
    }  # fmt: skip
    assert ways["LoRA on nf4"].keys == {"optimizer.moments": "fp32"}


def test_a_way_that_a_model_or_config_does_not_allow_has_its_reason_and_the_others_figures():
    ways = ways_of(10**9, reference={"every": 4, "alpha": 0.5})
    assert ways["full"].fits
    assert ways["LoRA"].memory is None and "adapters cannot be averaged" in ways["LoRA"].why_not


def test_a_model_by_its_number_of_parameters_needs_no_files_and_no_data():
    found = fits(config_of(model={"path": "0.5B"}), 24 * 10**9)
    assert found.model == "0.5B, as Qwen2.5-0.5B"
    assert found.parameters == pytest.approx(0.49e9, rel=0.02)

    class Missing(Made):
        def load(self):
            raise ConfigError("not here")

    again = fits(config_of(Missing(), model={"path": "0.5B"}), 24 * 10**9)
    assert (found.prompts_known, again.prompts_known) == ("characters", "nothing")
    # Its prompts are taken to be longer than those of the made task.
    mine, theirs = (one.ways[0].memory for one in (found, again))
    assert replace(mine, activations=0, decoding=0) == replace(theirs, activations=0, decoding=0)
    assert mine.activations < theirs.activations
    with pytest.raises(ConfigError, match="not here"):
        fits(config_of(Missing()), 10**9)
