"""Numbers before tokens and behind answers, against transformers' own modules a row at a time."""

from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from paceline.batch import Micro
from paceline.layout import PACKED, PADDED, Packed, TokenRows
from paceline.model.make_scorer import critic_of, load_scorer
from paceline.model.reward_model import RewardModel, _judge_of
from paceline.model.scorer import Critic, RewardScorer, SharedHead
from paceline.model.source import resolve
from paceline.objective import Metrics, Tokens
from paceline.settings import LoraConfig
from paceline.training import Optimizer, OptimizerConfig
from paceline.types import Completion, Problem
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.families import FAMILIES
from tests.helpers.policies import tiny_policy
from tests.helpers.rows import BEGUN, ROWS
from tests.helpers.scorers import (
    STOPPED,
    fill_head,
    scorer_of,
    their_ends,
    their_module,
    their_values,
)

WITH_SCORES = [name for name in FAMILIES if name != "cohere"]  # whose family has no such class
LAYOUTS = [(PACKED, STOPPED), (PACKED, BEGUN), (PADDED, STOPPED)]
NAMES = ["packed", "one-beginning", "padded"]
BF16 = torch.bfloat16


def gradients(module, loss):
    module.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in module.named_parameters()}


def assert_same_gradients(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, g in theirs.items():
        assert (ours[name] - g).norm() <= 3e-5 * g.norm().clamp_min(1e-9), name


def pull_of(x):
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(1))


# The numbers


@pytest.mark.parametrize(("layout", "rows"), LAYOUTS, ids=NAMES)
@pytest.mark.parametrize("name", WITH_SCORES)
def test_ends_and_their_gradients_are_those_of_transformers_own_module(name, layout, rows):
    scorer = scorer_of(name)
    assert scorer.layout is PACKED and Packed.of(BEGUN).prefix == 4
    scorer.layout, module = layout, their_module(scorer)
    ours_B, theirs_B = scorer.ends(rows), their_ends(module, rows)
    torch.testing.assert_close(ours_B, theirs_B, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scorer.score_ends(rows), ours_B.detach(), rtol=0, atol=0)
    pull_B = pull_of(ours_B)
    assert_same_gradients(
        gradients(scorer.module, pull_B @ ours_B), gradients(module, pull_B @ theirs_B)
    )


@pytest.mark.parametrize(("layout", "rows"), LAYOUTS, ids=NAMES)
@pytest.mark.parametrize("name", WITH_SCORES)
def test_values_and_their_gradients_are_those_of_the_states_before_each_token(name, layout, rows):
    scorer = scorer_of(name)
    scorer.layout, module = layout, their_module(scorer)
    ours_M, theirs_M = scorer.values(rows), their_values(module, rows)
    assert len(ours_M) == sum(map(len, rows.completions))
    torch.testing.assert_close(ours_M, theirs_M, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scorer.score_values(rows), ours_M.detach(), rtol=0, atol=0)
    pull_M = pull_of(ours_M)
    assert_same_gradients(
        gradients(scorer.module, pull_M @ ours_M), gradients(module, pull_M @ theirs_M)
    )


def test_a_value_does_not_see_its_token_and_an_end_does():
    scorer = scorer_of("llama")
    one, other = (TokenRows(((5, 6),), ((7, 8, last),)) for last in (9, 10))
    assert torch.equal(scorer.score_values(one), scorer.score_values(other))
    assert not torch.equal(scorer.score_ends(one), scorer.score_ends(other))
    # One behind the other: the end of a row is what stands before the token that follows.
    longer = TokenRows(((5, 6),), ((7, 8, 9, 30),))
    torch.testing.assert_close(scorer.score_values(longer)[3:], scorer.score_ends(one))


@pytest.mark.parametrize("pad", [0, 50])
def test_padding_on_either_side_gives_transformers_the_same_ends(pad):
    """Where the pad token ends no row. Where it does, as with pad = eos, transformers reads a token
    too early, and ours does not."""
    scorer, rows = scorer_of("llama"), STOPPED
    ours_B, width = scorer.score_ends(rows), 16
    whole = [[*p, *c] for p, c in zip(rows.prompts, rows.completions, strict=True)]

    def theirs(pad, left):
        module, rows = their_module(scorer, pad), []
        for ids in whole:
            fill, real = [pad] * (width - len(ids)), [1] * len(ids)
            none = [0] * len(fill)
            rows.append((fill + ids, none + real) if left else (ids + fill, real + none))
        ids_BS, mask_BS = (torch.tensor(x) for x in zip(*rows, strict=True))
        with torch.no_grad():
            return module(ids_BS, attention_mask=mask_BS).logits[:, 0]

    ends_differently = torch.tensor([ids[-1] != pad for ids in whole])
    for left in (False, True):
        got_B = theirs(pad, left)[ends_differently]
        torch.testing.assert_close(got_B, ours_B[ends_differently], rtol=1e-4, atol=1e-4)
        stopped = torch.tensor([ids[-1] == 2 for ids in whole])
        assert stopped.any() and ((theirs(2, left) - ours_B)[stopped].abs() > 1e-2).all()


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma3"])
def test_layers_computed_again_give_the_same_gradients(name):
    scorer = scorer_of(name)
    for read in (scorer.ends, scorer.values):
        x = read(ROWS)
        plain = gradients(scorer.module, pull_of(x) @ x)
        x = read(ROWS, recompute=True)
        assert_same_gradients(gradients(scorer.module, pull_of(x) @ x), plain)


def test_numbers_of_a_bf16_body_are_fp32():
    scorer = scorer_of("llama", dtype=BF16)
    assert scorer.dtype == BF16 and scorer.head.weight.dtype == torch.float32
    exact = scorer_of("llama")
    for got, wanted in (
        (scorer.ends(ROWS), exact.ends(ROWS)),
        (scorer.values(ROWS), exact.values(ROWS)),
    ):
        assert got.dtype == torch.float32 and not torch.equal(got, got.to(BF16).float())
        torch.testing.assert_close(got, wanted, rtol=0.05, atol=0.1)


# The losses


def tokens_of(rows):
    real_BT = rows.real()
    zeros_BT = torch.zeros(real_BT.shape)
    return Tokens(real_BT, None, None, None, zeros_BT, zeros_BT + 0.5)


def test_a_reward_model_hands_its_loss_a_score_a_row():
    scorer, tokens, seen = scorer_of("llama"), tokens_of(ROWS), []

    def ranking(score_B, given):
        seen.append((score_B, given))
        return score_B.square().sum(), Metrics.zero()

    share, metrics = scorer.loss(ranking, Micro(ROWS, tokens), 0.7, 8.0)
    ((score_B, given),) = seen
    assert given is tokens and metrics == Metrics.zero()
    assert torch.equal(score_B, scorer.ends(ROWS))
    torch.testing.assert_close(share, 8 * score_B.square().sum())


def test_a_critic_hands_its_loss_values_where_the_tokens_are_and_the_targets():
    critic, tokens, seen = scorer_of("llama", Critic), tokens_of(ROWS), []

    def squared(value_BT, given, targets):
        seen.append((value_BT, given, targets))
        return (given.weight_BT * (value_BT - 1).square()).sum(), Metrics.zero()

    targets = object()
    micro = SimpleNamespace(rows=ROWS, tokens=tokens, recompute=True, targets=targets)
    share, _ = critic.loss(squared, micro, 0.7, 8.0)
    ((value_BT, given, handed),) = seen
    assert given is tokens and handed is targets
    # Six rows, the longest of nine tokens.
    assert value_BT.shape == (6, 9) and not value_BT[~ROWS.real()].any()
    assert torch.equal(value_BT[ROWS.real()], critic.values(ROWS))
    torch.testing.assert_close(share, 4 * (value_BT - 1).square().sum())


# What learns


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_a_head_of_zero_gives_exactly_zero_and_moves_with_the_first_step(dtype):
    critic = critic_of(tiny_policy(dtype))
    assert not critic.score_values(ROWS).any() and not critic.score_ends(ROWS).any()
    optimizer = Optimizer(critic, OptimizerConfig(lr=1e-2, warmup=0), 10)
    before = {n: x.detach().clone() for n, x in critic.exact_parameters().items()}
    (critic.values(ROWS) - 1).square().sum().backward()
    step = optimizer.step(1)
    assert step.grad_norm > 0 and not step.skipped and critic.version == 1
    # Through a head of 0 no gradient reaches the body; AdamW's first step of a head is ±lr.
    after = critic.exact_parameters()
    moved = [n for n in before if not torch.equal(before[n], after[n])]
    assert "score.weight" in moved
    torch.testing.assert_close(
        after["score.weight"].abs(), torch.full((1, 64), 1e-2), rtol=1e-2, atol=0
    )
    assert (critic.score_values(ROWS) > 0).all()


def test_the_scale_of_fp16_reaches_no_master_neither_of_body_nor_of_head():
    scorer = fill_head(critic_of(tiny_policy(torch.float16)))
    optimizer = Optimizer(scorer, OptimizerConfig(), 10)
    optimizer.loss_scale.value = 256.0
    (scorer.values(ROWS).sum() * optimizer.scale).backward()
    found = dict(zip(optimizer.names, [m.grad for m in optimizer.masters], strict=True))
    exact = fill_head(critic_of(tiny_policy()))
    wanted = gradients(exact.module, exact.values(ROWS).sum())
    for name in ("score.weight", "model.layers.0.mlp.up_proj.weight"):
        assert (found[name] - wanted[name]).norm() < 0.01 * wanted[name].norm()


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_the_state_survives_bit_for_bit(dtype):
    scorer = fill_head(critic_of(tiny_policy(dtype)))
    state = {n: x.detach().clone() for n, x in scorer.exact_parameters().items()}
    assert list(state) == list(scorer.trained()) and list(state)[-1] == "score.weight"
    assert all(x.dtype == torch.float32 for x in state.values())
    values = scorer.score_values(ROWS)
    other = critic_of(tiny_policy(dtype, seed=1))
    assert not torch.equal(other.score_values(ROWS), values)
    other.restore(state)
    assert torch.equal(other.score_values(ROWS), values)
    assert all(torch.equal(x, state[n]) for n, x in other.exact_parameters().items())


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_a_temperature_divides_all_numbers_that_are_saved_and_none_that_trains(dtype, tmp_path):
    scorer = fill_head(critic_of(tiny_policy(dtype)))
    before, trained = scorer.score_ends(ROWS), scorer.head.weight.clone()
    scorer.fold_temperature(2.0)
    assert torch.equal(scorer.score_ends(ROWS), before)
    assert torch.equal(scorer.exact_parameters()["score.weight"], trained)
    scorer.save(tmp_path / "saved")
    saved = load_scorer(
        Critic, resolve(str(tmp_path / "saved")), scorer.tokenizer, head="zero", dtype=dtype
    )
    torch.testing.assert_close(saved.score_ends(ROWS), before / 2, rtol=1e-6, atol=0)
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="is a number above 0"):
            scorer.fold_temperature(wrong)


# Files


PROBLEM = Problem("p", "What is 6 times 7?", "42")
TEXTS = ("42", "It is 42, of course.", "no")


def judged(path, texts=TEXTS):
    """What the verifier says of some answers, and their rows as it read them."""
    model = RewardModel(str(path), device="cpu")
    completions = [Completion((), (), text, "stop") for text in texts]
    rows = [_judge_of(model).row(PROBLEM, text)[0]["input_ids"] for text in texts]
    scores = [v.reward for v in model.batch([PROBLEM] * len(texts), completions)]
    return scores, TokenRows(tuple(r[:9] for r in rows), tuple(r[9:] for r in rows))


@pytest.mark.parametrize("adapted", [False, True], ids=["whole", "adapted"])
@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_saved_it_scores_the_same_for_transformers_and_as_a_verifier(tmp_path, dtype, adapted):
    policy = fill(adapted_policy(dtype)) if adapted else tiny_policy(dtype)
    scorer = fill_head(critic_of(policy))
    scorer.save(tmp_path)
    scores, rows = judged(tmp_path)
    ours_B = scorer.score_ends(rows)
    head = scorer.head.weight
    theirs, info = AutoModelForSequenceClassification.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    # The numbers of a bf16 head would be up to 1/256 of each other away.
    assert torch.equal(theirs.score.weight, head) and not torch.equal(head, head.to(BF16).float())
    verifier = _judge_of(RewardModel(str(tmp_path), device="cpu")).module
    assert torch.equal(verifier.score.weight, head)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(their_ends(theirs, rows), ours_B, rtol=0, atol=tolerance)
    body = next(p.dtype for p in verifier.base_model.parameters())
    tolerance = 1e-4 if body == dtype == torch.float32 else 0.1
    torch.testing.assert_close(torch.tensor(scores), ours_B, rtol=0, atol=tolerance)
    assert len({round(s, 3) for s in scores}) == len(TEXTS)


def test_the_folder_is_padded_with_a_token_that_ends_no_answer(tmp_path):
    policy = tiny_policy()
    # Where a tokenizer has no pad token, the stop token fills space.
    policy.tokenizer.pad_token = policy.tokenizer.eos_token
    scorer = fill_head(critic_of(policy))
    scorer.save(tmp_path)
    module = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert module.config.pad_token_id == tokenizer.pad_token_id not in scorer.stop_ids
    assert scorer.tokenizer.pad_token_id == 2
    padded = tokenizer.pad({"input_ids": [[5, 6, 2], [7, 8, 9, 10, 2]]}, return_tensors="pt")
    rows = TokenRows(((5,), (7,)), ((6, 2), (8, 9, 10, 2)))
    torch.testing.assert_close(
        module(**padded).logits[:, 0], scorer.ends(rows), rtol=1e-4, atol=1e-5
    )


def test_without_such_a_token_rows_are_read_one_at_a_time(tmp_path):
    policy = tiny_policy()
    policy.stop_ids = tuple(range(len(policy.tokenizer)))
    scorer = fill_head(critic_of(policy))
    scorer.save(tmp_path)
    module = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert module.config.pad_token_id is None
    rows = TokenRows(((5, 6),), ((7, 0),))
    torch.testing.assert_close(their_ends(module, rows), scorer.ends(rows), rtol=1e-4, atol=1e-5)
    scores, rows = judged(tmp_path)
    torch.testing.assert_close(torch.tensor(scores), scorer.score_ends(rows), rtol=0, atol=0.05)


def test_two_steps_later_the_folder_is_the_scorer_still(tmp_path):
    source = resolve("tiny")
    scorer = load_scorer(
        RewardScorer, source, tiny_policy().tokenizer, head="normal", dtype=torch.float32
    )
    optimizer = Optimizer(scorer, OptimizerConfig(lr=1e-2, warmup=0), 10)
    before = scorer.score_ends(ROWS)
    for number in (1, 2):
        score_B = scorer.ends(ROWS)
        (score_B[1] - score_B[0]).backward()
        optimizer.step(number)
    after = scorer.score_ends(ROWS)
    assert after[0] - after[1] > before[0] - before[1]
    scorer.save(tmp_path)
    scores, rows = judged(tmp_path)
    torch.testing.assert_close(torch.tensor(scores), scorer.score_ends(rows), rtol=0, atol=0.05)
    module = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    module.config.pad_token_id = None
    torch.testing.assert_close(their_ends(module, ROWS), after, rtol=1e-4, atol=1e-4)


# A head over the policy's states


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_a_shared_head_begins_at_zero_and_learns_alone_from_detached_states(dtype):
    policy = tiny_policy(dtype)
    state = torch.get_rng_state()
    head = SharedHead(policy)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(head.trained()) == ["score.weight"] and not head.adapted and not head.frozen()
    assert head.layout is policy.layout and head.device == policy.device
    values_M = head(policy.states(ROWS).detach())
    assert values_M.dtype == torch.float32 and not values_M.any()
    optimizer = Optimizer(head, OptimizerConfig(lr=1e-2, warmup=0), 10)
    (values_M - 1).square().sum().backward()
    assert optimizer.step(1).grad_norm > 0 and head.version == 1
    assert (head(policy.states(ROWS)) > 0).all()
    assert all(p.grad is None for p in policy.trained().values())
    other = SharedHead(policy)
    other.restore(head.exact_parameters())
    assert torch.equal(other(policy.states(ROWS)), head(policy.states(ROWS)))


def test_a_shared_head_gives_the_states_a_gradient():
    policy = tiny_policy()
    head, critic = SharedHead(policy), fill_head(critic_of(policy))
    head.restore({"score.weight": critic.head.weight.detach()})
    ours, theirs = head(policy.states(ROWS)), critic.values(ROWS)
    assert torch.equal(ours, theirs)
    pull_M = pull_of(ours)
    found, wanted = (
        gradients(one, pull_M @ x)
        for one, x in ((policy.module.model, ours), (critic.module.model, theirs))
    )
    assert_same_gradients(found, wanted)


def test_where_gradients_are_scaled_a_shared_head_has_a_master():
    head = SharedHead(tiny_policy(torch.float16))
    assert head.exact_parameters()["score.weight"] is not head.trained()["score.weight"]
    assert head.dtype == head.exact_parameters()["score.weight"].dtype == torch.float32


def test_adapters_of_a_reward_model_learn_beside_its_head():
    scorer = load_scorer(
        RewardScorer, resolve("tiny"), tiny_policy().tokenizer, head="normal", dtype=BF16,
        lora=LoraConfig(rank=2),
    )  # fmt: skip
    names = list(scorer.trained())
    assert scorer.adapted and names[-1] == "score.weight" and len(names) == 2 * 14 + 1
    optimizer = Optimizer(scorer, OptimizerConfig(lr=1e-2, warmup=0), 10)
    before = scorer.score_ends(ROWS)
    scorer.ends(ROWS).sum().backward()
    optimizer.step(1)
    assert (scorer.score_ends(ROWS) < before).all()
