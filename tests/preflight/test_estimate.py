"""What a run will need: bytes and seconds worked by hand for the tiny model."""

import math
from dataclasses import replace

import pytest
import torch

from paceline import recipes
from paceline.model import resolve
from paceline.model.model_size import ModelSize
from paceline.objective import named
from paceline.preflight.calibrate import Throughput
from paceline.preflight.estimate import Disk, Memory, Seconds
from paceline.preflight.held import Beside
from paceline.preflight.workload import Pass
from paceline.settings import LoraConfig
from tests.helpers.work import CPU, TINY, model_size, work_of


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
    again = replace(work, passes=(Pass(3, 18, scored=12, recompute=True),))
    less = Memory.of(config, config.objective, model_size(), again, torch.float32, CPU)
    # Of each of two layers its input, and one layer as a whole.
    assert less.activations == 18 * (2 * 64 * 4 + model_size().activation_bytes // 2)


def test_beside_a_critic_there_are_its_passes_its_values_and_its_state():
    def needs(own=None, **changes):
        config = recipes.tiny().with_(objective=named.ppo(), **changes)
        work = work_of(config, [(1, 2, 3)] * 8)
        return work, *(
            made.of(config, config.objective, model_size(), work, torch.float32, *rest)
            for made, rest in ((Memory, (CPU, Beside(own))), (Disk, (Beside(own),)))
        )

    plain = recipes.tiny()
    work = work_of(plain, [(1, 2, 3)] * 8)
    memory = Memory.of(plain, plain.objective, model_size(), work, torch.float32, CPU)
    disk = Disk.of(plain, plain.objective, model_size(), work, torch.float32)
    shared_work, shared, kept = needs()
    scored = max(one.scored for one in work.passes)
    assert shared_work.scorings == work.scorings + 1
    assert shared.head == memory.head + 2 * scored * 64 * 4  # its states in fp32, a gradient
    assert shared.activations == memory.activations
    assert kept.checkpoint == disk.checkpoint + 64 * 12
    # A number more of each token of each round.
    assert kept.rollouts - disk.rollouts == work.rounds * 4 * work.scored
    body = ModelSize.of(resolve("tiny"), torch.float32, layers=1, scores=True)
    _, own, kept = needs(body, critic={"body": "own", "layers": 1})
    assert own.activations == memory.activations, "its pass begins where the policy's ended"
    assert kept.checkpoint == disk.checkpoint + body.parameters * 12
    rates = Throughput(1e-3, 1e-3, 1e-3, 1e-3, 1e-3, others=0.0)
    alone, beside = (Seconds.of(plain, work, rates, disk, share) for share in (0.0, 0.5))
    assert alone.update < beside.update < 1.5 * alone.update


def test_a_teacher_is_a_pass_of_its_own_size_and_a_line_search_one_more():
    plain = recipes.tiny().with_(objective=named.grpo(kl=0.04))
    searched = plain.with_(optimizer={"trust": 0.01}, schedule={"epochs": 2})
    rates = Throughput(1e-3, 1e-3, 1e-3, 1e-3, 1e-3, others=0.0)

    def scoring(config, *shares):
        work = work_of(config, [(1, 2, 3)] * 8)
        disk = Disk.of(config, config.objective, model_size(), work, torch.float32)
        return Seconds.of(config, work, rates, disk, *shares).scoring / work.rounds

    one = scoring(plain)
    assert scoring(plain, 0.0, 3.0) == pytest.approx(3 * one)
    assert scoring(searched) == pytest.approx(4 * one)  # reference, anchor, a search an epoch
    once = plain.with_(optimizer={"trust": 0.01})
    assert scoring(once) == pytest.approx(3 * one), "an anchor with one part, too"


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
    rates = Throughput(forward=1.0, update=3.0, score=0.1, head_gradient=0.5, step=2.0, others=0.0)
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_with_adapters(dtype):
    config = recipes.tiny().with_(save_every=10, steps=100, save_keep=2)
    work = work_of(config, [(1, 2, 3)] * 8)
    full, adapted = model_size(dtype), model_size(dtype, LoraConfig(rank=4))
    was, now = (
        Memory.of(config, config.objective, sizes, work, dtype, CPU) for sizes in (full, adapted)
    )
    assert now.activations == was.activations * adapted.activation_bytes // full.activation_bytes
    # The output layer gets no gradient: a block's, in the model's dtype, and the sum in fp32.
    assert was.head - now.head == 82 * 64 * (dtype.itemsize + 4)
    # Merged weights are packed for the processor in bf16, as all are; in fp32 they are more.
    more = adapted.adapted * 4 if dtype == torch.float32 else 0
    assert now.decoding - was.decoding == more
    disk = Disk.of(config, config.objective, adapted, work, dtype)
    assert disk.checkpoint == 12 * adapted.adapters
    assert disk.model == (TINY + adapted.adapters) * dtype.itemsize
