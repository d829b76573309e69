"""What only a GPU can show: its kernels against the CPU's results. Skipped without one."""

import pytest
import torch

from paceline import rng
from paceline.engine import LocalEngine, Request, Sampling
from paceline.model import Policy, load_policy, load_tokenizer, resolve
from paceline.settings import LoraConfig
from paceline.types import Prompt
from tests.helpers.adapters import adapted_policy
from tests.helpers.families import family
from tests.helpers.policies import tiny_policy
from tests.helpers.rows import ROWS
from tests.helpers.trainers import trainer_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

NAMES = ["llama", "qwen3", "mistral-window", "gemma2", "gemma3", "phi3"]


def scores_and_gradient(policy: Policy) -> tuple[torch.Tensor, torch.Tensor]:
    policy.module.zero_grad()
    logp_BT = policy.scores(ROWS, 1.0).logp_BT
    logp_BT.sum().backward()
    flat = torch.cat([p.grad.flatten().float().cpu() for p in policy.module.parameters()])
    return logp_BT.detach().cpu(), flat


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_scores_and_gradients_are_those_of_the_cpu(name, dtype, policy):
    exact = scores_and_gradient(Policy(family(name), policy.tokenizer, (2,)))
    ours = scores_and_gradient(Policy(family(name).to("cuda", dtype), policy.tokenizer, (2,)))
    for a, b in zip(ours, exact, strict=True):
        assert ((a - b).norm() / b.norm()).item() < (1e-4 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize("name", NAMES)
def test_captured_steps_decode_what_the_cpu_decodes(name):
    requests = [
        Request(Prompt(p), tuple(rng.key(0, i, k) for k in range(3)), (9, 4, 14))
        for i, p in enumerate([(5, 6, 7), (8, 9, 10, 11, 12), (20,)])
    ]
    tokenizer = tiny_policy().tokenizer
    greedy = Sampling(14, temperature=0.0)
    there = LocalEngine(Policy(family(name).cuda(), tokenizer, ()), rows_at_once=4)
    here = LocalEngine(Policy(family(name), tokenizer, ()))
    for _ in range(2):  # the second time from graphs alone
        ours, theirs = there.generate(requests, greedy), here.generate(requests, greedy)
        assert [[c.token_ids for c in g] for g in ours] == [
            [c.token_ids for c in g] for g in theirs
        ]


def test_graphs_see_changed_parameters():
    policy = tiny_policy()
    policy.module.cuda()
    engine, greedy = LocalEngine(policy), Sampling(8, temperature=0.0)
    request = [Request(Prompt((5, 6, 7)), (1,))]
    before = engine.generate(request, greedy)
    with torch.no_grad():
        for parameter in policy.module.parameters():
            parameter.mul_(-1.5)
    after = engine.generate(request, greedy)
    assert after == LocalEngine(policy).generate(request, greedy) != before


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4)])
def test_masters_on_the_host_step_as_those_on_the_gpu(lora):
    source, norms, weights = resolve("tiny"), [], []
    for offload in (False, True):
        policy = load_policy(
            source, load_tokenizer(source), dtype=torch.bfloat16, device="cuda", lora=lora,
            offload=offload,
        )  # fmt: skip
        trainer = trainer_of(policy=policy)
        assert policy.masters is not None
        assert {m.device.type for m in policy.masters.values()} == {"cpu" if offload else "cuda"}
        norms.append([trainer.step().update.grad_norm for _ in range(2)])
        weights.append(torch.cat([m.flatten().cpu() for m in policy.masters.values()]))
    # The first gradient is the same in either place; only its norm is summed in another order.
    assert norms[0][0] == pytest.approx(norms[1][0], rel=1e-5)
    assert (weights[0] - weights[1]).norm() < 0.05 * weights[0].norm()


@pytest.mark.parametrize("merge", ["yes", "no"])
def test_captured_steps_decode_with_the_adapter_as_it_is_at_the_round(merge):
    policy = adapted_policy(torch.float32, LoraConfig(rank=4, merge=merge), device="cuda")
    trainer = trainer_of(policy=policy, lr=0.02)
    reports = [trainer.step() for _ in range(4)]
    assert trainer.engine.graphs is not None and trainer.engine.graphs.steps
    assert all(report.metrics.mismatch < 1e-3 for report in reports)


@pytest.mark.parametrize("kind", ["nf4", "int8"])
def test_quantised_bases_learn(kind):
    pytest.importorskip("bitsandbytes")
    source = resolve("tiny")
    policy = load_policy(
        source, load_tokenizer(source), dtype=torch.bfloat16, device="cuda",
        lora=LoraConfig(rank=4), quantisation=kind,
    )  # fmt: skip
    trainer = trainer_of(policy=policy, lr=0.02)
    reports = [trainer.step() for _ in range(3)]
    assert all(r.update.grad_norm > 0 and r.metrics.mismatch < 0.05 for r in reports)


def test_fp16_learns_with_a_scale():
    source = resolve("tiny")
    policy = load_policy(source, load_tokenizer(source), dtype=torch.float16, device="cuda")
    trainer = trainer_of(policy=policy)
    assert not any(trainer.step().update.skipped for _ in range(3))
