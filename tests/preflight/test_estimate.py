"""What a run will need: counts and bytes worked by hand for the tiny model."""

import math
from dataclasses import replace

import pytest
import torch
from transformers import StableLmConfig

from paceline import recipes
from paceline.layout import TokenRows
from paceline.model import resolve
from paceline.model.model_size import ModelSize
from paceline.objective import named
from paceline.preflight import calibrate
from paceline.preflight.calibrate import Rates, measured
from paceline.preflight.estimate import Disk, Memory, Seconds
from paceline.preflight.workload import Decoding, Pass, Work
from tests.helpers.families import SMALL

CPU = torch.device("cpu")
# Two layers of width 64 with 4 query heads on 2 key heads of 16, an inner width of 128, 82 words.
LAYER = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 128  # 36,864
TINY = 82 * 64 + 2 * (LAYER + 2 * 64) + 64  # 79,296: the output layer is the embedding


def model_size(dtype: torch.dtype = torch.float32) -> ModelSize:
    return ModelSize.of(resolve("tiny"), dtype)


def work_of(config, prompts, heldout: int = 10, objective=None) -> Work:
    return Work.of(config, objective or config.objective, model_size(), prompts, heldout)


def test_a_model_that_is_padded_has_no_time(tmp_path):
    # StableLM does not hand the layout on to its layers, so its rows are padded.
    StableLmConfig(**{k: v for k, v in SMALL.items() if k != "head_dim"}).save_pretrained(tmp_path)
    found = ModelSize.of(resolve(str(tmp_path)), torch.float32)
    work = work_of(recipes.tiny(), [(5, 6, 7)] * 8)
    assert measured(resolve(str(tmp_path)), found, work, torch.float32, CPU) is None


def test_the_work_of_a_round():
    config = recipes.tiny().with_(
        steps=5,
        rollouts={"problems": 2, "completions": 3, "max_tokens": 4},
        schedule={"minibatches": 2},
        evaluation={"problems": 130, "completions": 2, "every": 2},
        rows_at_once=4,
        tokens_per_forward=20,
    )
    work = work_of(config, [(1, 2, 3), (7,) * 5, (4,) * 9], heldout=200)
    # The two longest prompts, one in each part, and of each completion all but its last token.
    assert work.rows.prompts == ((4,) * 9,) * 3 + ((7,) * 5,) * 3
    assert work.passes == (Pass(3, 9 + 3 * 3, again=False), Pass(3, 5 + 3 * 3, again=False))
    assert work.scored == 24
    # Six rows on four places: two turns of four tokens.
    assert work.sampling == Decoding(rows=6, places=4, prompts=2, longest=9, tokens=4, before=8)
    assert work.sampling.steps == 8
    assert [(d.rows, d.places) for d in work.evaluation] == [(128, 4), (256, 4), (2, 2), (4, 4)]
    assert (work.rounds, work.scorings, work.draws) == (3, 1, 1)  # the anchor's
    assert work.evaluations == 4  # before, after, and behind steps 2 and 4


def test_a_group_beyond_the_limit_is_computed_again():
    config = recipes.tiny().with_(tokens_per_forward=10, rollouts={"problems": 1, "completions": 3})
    assert work_of(config, [(1,) * 9]).passes == (Pass(3, 18, again=True),)


def test_fixed_memory_is_four_numbers_a_parameter_and_the_reference():
    config = recipes.tiny().with_(objective=named.grpo(kl=0.1), reference={"every": 2})
    work = work_of(config, [(1, 2, 3)] * 8)

    def memory(config, dtype) -> Memory:
        return Memory.of(config, config.objective, model_size(dtype), work, dtype, CPU)

    plain = memory(config, torch.float32)
    assert plain.weights == plain.gradients == plain.reference == TINY * 4
    assert (plain.masters, plain.moments) == (0, TINY * 8)
    assert plain.fixed == TINY * 20
    bf16 = memory(config, torch.bfloat16)
    assert (bf16.weights, bf16.masters, bf16.reference) == (TINY * 2, TINY * 4, TINY * 2)
    soft = memory(config.with_(reference={"alpha": 0.5}), torch.float32)
    assert soft.reference == TINY * 8
    without = memory(config.with_(objective=named.grpo()), torch.float32)
    assert without.reference == 0 and without.fixed == TINY * 16


def test_passing_memory():
    config = recipes.tiny().with_(rollouts={"problems": 1, "completions": 3, "max_tokens": 4})
    work = work_of(config, [(1,) * 9], heldout=0)
    memory = Memory.of(config, config.objective, model_size(), work, torch.float32, CPU)
    assert memory.activations == 18 * model_size().activation_bytes
    # The gradient in fp32 and a product in fp32; 12 tokens' logits, three times more of them in
    # fp32; hidden states and their gradient.
    assert memory.head == 82 * 64 * 8 + 12 * 82 * 4 + 3 * 12 * 82 * 4 + 2 * 12 * 64 * 4
    # Nine prompt tokens and room for 64 of each row; logits of three rows.
    assert memory.decoding == (9 + 3 * 64) * 128 * 4 + 3 * 82 * 16
    assert memory.gaps == int(0.3 * (memory.activations + memory.head + memory.decoding))
    assert memory.total == sum(
        getattr(memory, name) for name in Memory.__dataclass_fields__
    ) == memory.program + memory.fixed + memory.activations + memory.head + memory.decoding + (
        memory.gaps
    )  # fmt: skip
    again = replace(work, passes=(Pass(3, 18, again=True),))
    less = Memory.of(config, config.objective, model_size(), again, torch.float32, CPU)
    # Of each of two layers its input, and one layer as a whole.
    assert less.activations == 18 * (2 * 64 * 4 + model_size().activation_bytes // 2)


def test_disk_holds_the_checkpoints_that_are_kept_and_the_next_one():
    def disk(**changes) -> Disk:
        config = recipes.tiny().with_(**{"steps": 100, "save_every": 10, **changes})
        work = work_of(config, [(1, 2, 3)] * 8)
        return Disk.of(config, config.objective, model_size(), work, torch.float32)

    assert disk().checkpoint == TINY * 12 and disk().model == TINY * 4
    assert disk(save_keep=2).checkpoints == 3 * TINY * 12
    assert disk(save_keep=0).checkpoints == 10 * TINY * 12
    assert disk(save_keep=20).checkpoints == 10 * TINY * 12
    assert disk(save_every=0).checkpoints == TINY * 12  # where it is stopped
    kl = {"objective": named.grpo(kl=0.1)}
    assert disk(**kl).checkpoint == TINY * 12  # a fixed reference is the start
    assert disk(**kl, reference={"every": 5}).checkpoint == TINY * 16
    assert disk(**kl, reference={"every": 5, "alpha": 0.5}).checkpoint == TINY * 16
    # 100 rounds of 128 completions of 4 tokens; KL keeps a number more of each token.
    assert disk().rollouts == 100 * (10_000 + 128 * 60 + 512 * 14)
    assert disk(**kl).rollouts == 100 * (10_000 + 128 * 60 + 512 * 18)


def test_seconds_from_rates():
    config = recipes.tiny().with_(
        steps=6, save_every=3, rollouts={"problems": 2, "completions": 3, "max_tokens": 4},
        schedule={"minibatches": 2}, evaluation={"problems": 4, "completions": 1}, rows_at_once=3,
    )  # fmt: skip
    work = work_of(config, [(1, 2, 3)] * 2, heldout=4)
    disk = Disk(checkpoints=0, model=300, rollouts=0, checkpoint=1200)
    rates = Rates(forward=1.0, update=3.0, score=0.1, slope=0.5, step=2.0, others=0.0)
    seconds = Seconds.of(config, work, rates, disk)
    # In each of two parts a prompt of 3 tokens, and 3 of each of 3 rows; 24 tokens are scored.
    assert [one.tokens for one in work.passes] == [12, 12]
    assert seconds.update == pytest.approx(3 * (24 * 3.0 + 24 * 0.5))
    assert seconds.scoring == pytest.approx(3 * (24 * 1.0 + 24 * 0.1))
    before = work.sampling.before
    assert seconds.sampling == pytest.approx(3 * (8 * 2.0 + before * 1.0))
    assert seconds.step == pytest.approx((seconds.sampling + seconds.update + seconds.scoring) / 6)
    # Twice, greedily and sampled: four rows on three places.
    assert seconds.evaluation == pytest.approx(2 * 2 * (8 * 2.0 + work.evaluation[0].before))
    assert seconds.checkpoints == pytest.approx((2 * 1200 + 300) / 3e8)
    parts = ("sampling", "update", "scoring", "evaluation", "checkpoints")
    assert seconds.total == pytest.approx(math.fsum(getattr(seconds, part) for part in parts))


def test_rates_are_measured_and_leave_random_numbers_and_gradients_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    config = recipes.tiny()
    work = work_of(config, [(5, 6, 7, 8)] * 8)
    for dtype in (torch.float32, torch.bfloat16):
        rates = measured(resolve("tiny"), model_size(dtype), work, dtype, CPU)
        assert rates is not None
        measures = (rates.forward, rates.update, rates.score, rates.slope, rates.step)
        assert all(0 < rate < math.inf for rate in measures)
    assert torch.equal(torch.rand(1), expected)


def test_a_piece_has_the_layers_asked_for_and_finite_numbers():
    piece = calibrate._piece(resolve("tiny"), 1, torch.float32, CPU)
    assert piece.module.config.num_hidden_layers == 1
    assert sum(p.numel() for p in piece.module.parameters()) == 64 * 64 + LAYER + 3 * 64
    rows = TokenRows(((5, 6),), ((7, 8, 9),))
    assert piece.states(rows).isfinite().all()
