"""Critics from policies, and scorers from files."""

import pytest
import torch

from paceline.errors import ConfigError
from paceline.layout import TokenRows
from paceline.model import Policy, load_policy, load_tokenizer, resolve
from paceline.model.classifier import classifier_class
from paceline.model.lora import lora_layers
from paceline.model.make_scorer import critic_of, load_scorer, normal_head
from paceline.model.scorer import Critic, RewardScorer
from paceline.settings import LoraConfig
from paceline.training import Optimizer, OptimizerConfig
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.families import family
from tests.helpers.policies import tiny_policy
from tests.helpers.rows import ROWS
from tests.helpers.scorers import fill_head, scorer_of, their_ends, their_module

BF16 = torch.bfloat16
TINY = resolve("tiny")


def loaded(made=RewardScorer, source=TINY, **options):
    options = {"head": "normal", "dtype": torch.float32} | options
    return load_scorer(made, source, load_tokenizer(TINY), **options)


def storages(tensors):
    return {t.untyped_storage().data_ptr() for t in tensors}


def stepped(scorer):
    """Take a step towards larger values."""
    optimizer = Optimizer(scorer, OptimizerConfig(lr=1e-2, warmup=0), 10)
    (-scorer.values(ROWS).sum()).backward()
    optimizer.step(1)
    return scorer


# From a policy


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_a_critic_is_a_copy_with_a_head_of_zero(dtype):
    policy = tiny_policy(dtype)
    before = policy.score(ROWS, 1.0).logp_BT
    critic = critic_of(policy)
    assert type(critic) is Critic and critic.dtype == dtype and critic.version == 0
    assert critic.stop_ids == policy.stop_ids and critic.tokenizer is policy.tokenizer
    names = ["score.weight" if n == "lm_head.weight" else n for n in policy.trained()]
    assert list(critic.trained()) == [*names, "score.weight"]
    assert torch.equal(critic.states(ROWS), policy.states(ROWS))
    assert not critic.score_values(ROWS).any()
    for name, exact in policy.exact_parameters().items():
        assert torch.equal(critic.exact_parameters()[name], exact)
    tensors = (*critic.trained().values(), *critic.exact_parameters().values())
    others = (*policy.trained().values(), *policy.exact_parameters().values())
    assert not storages(tensors) & storages(others)
    stepped(fill_head(critic))
    assert not torch.equal(critic.states(ROWS), policy.states(ROWS))
    assert torch.equal(policy.score(ROWS, 1.0).logp_BT, before)


def test_a_policy_without_masters_gives_its_critic_some():
    critic = critic_of(tiny_policy(BF16, train=False))
    assert {x.dtype for x in critic.exact_parameters().values()} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_masters_for_an_optimizer_elsewhere_are_apart_in_the_critic_too(dtype):
    policy = load_policy(TINY, load_tokenizer(TINY), dtype=dtype, offload=True)
    for scorer in (critic_of(policy), loaded(Critic, dtype=dtype, offload=True, layers=1)):
        exact = scorer.exact_parameters()
        assert not storages(exact.values()) & storages(scorer.trained().values())
        assert not storages(exact.values()) & storages(policy.exact_parameters().values())
        assert all(torch.equal(exact[n].to(p.dtype), p) for n, p in scorer.trained().items())


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma3", "smollm3", "gpt-neox"])
def test_the_first_layers_of_a_body_are_those_layers_and_the_norm(name, tmp_path):
    module = family(name)
    policy = Policy(module, tiny_policy().tokenizer, (2,))
    critic = critic_of(policy, layers=1)
    assert module.config.num_hidden_layers > 1 == critic.module.config.num_hidden_layers
    seen = []
    last = module.base_model.layers[0]
    hook = last.register_forward_hook(
        lambda _m, _i, out: seen.append(out[0] if isinstance(out, tuple) else out)
    )
    module.base_model(torch.tensor([[5, 6, 7, 10, 11, 12, 2]]))
    hook.remove()
    norm = getattr(module.base_model, "norm", None) or module.base_model.final_layer_norm
    rows = TokenRows(((5, 6, 7),), ((10, 11, 12, 2),))
    torch.testing.assert_close(
        critic.states(rows), norm(seen[0].view(7, -1))[2:6], rtol=1e-4, atol=1e-5
    )
    fill_head(critic).save(tmp_path)
    again = loaded(source=resolve(str(tmp_path)))
    torch.testing.assert_close(
        again.score_values(ROWS), critic.score_values(ROWS), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("layers", [0, 3, -1])
def test_layers_that_are_not_there_are_refused(layers):
    policy = tiny_policy()
    with pytest.raises(ConfigError, match=f"is {layers}, but the model has 2; set it between 1"):
        critic_of(policy, layers)
    assert len(policy.module.model.layers) == policy.module.config.num_hidden_layers == 2


def test_a_family_that_cannot_score_is_refused():
    with pytest.raises(ConfigError, match="no sequence-classification model of the family cohere"):
        critic_of(Policy(family("cohere"), None, (2,)))


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_a_critic_of_adapters_has_its_own_over_the_same_weights(dtype):
    policy = fill(adapted_policy(dtype))
    before = policy.score(ROWS, 1.0).logp_BT
    critic = critic_of(policy, layers=1)
    assert critic.adapted and not critic.score_values(ROWS).any()
    assert torch.equal(critic_of(policy).states(ROWS), policy.states(ROWS))
    weight = "model.layers.0.mlp.up_proj.weight"
    assert critic.module.get_parameter(weight) is policy.module.get_parameter(weight)
    mine, theirs = (storages(x.trained().values()) for x in (critic, policy))
    assert not mine & theirs
    # Two parameters in each of seven matrices, and the head.
    assert len(critic.trained()) == 2 * 7 + 1 and len(lora_layers(critic.module)) == 7
    frozen = {n: x.clone() for n, x in critic.frozen().items()}
    stepped(fill_head(critic))
    assert all(torch.equal(x, frozen[n]) for n, x in critic.frozen().items())
    assert torch.equal(policy.score(ROWS, 1.0).logp_BT, before)


@pytest.mark.parametrize("kind", ["nf4", "int8"])
def test_the_weights_under_its_adapters_may_be_quantised(kind, tmp_path):
    policy = load_policy(
        TINY, load_tokenizer(TINY), dtype=BF16, lora=LoraConfig(rank=4), quantisation=kind
    )
    critic = critic_of(fill(policy))
    assert torch.equal(critic.states(ROWS), policy.states(ROWS))
    name = "model.layers.0.mlp.up_proj.weight"
    assert critic.module.get_parameter(name) is policy.module.get_parameter(name)
    stepped(fill_head(critic)).save(tmp_path)
    again = loaded(source=resolve(str(tmp_path)), dtype=BF16)
    torch.testing.assert_close(again.score_ends(ROWS), critic.score_ends(ROWS), rtol=0, atol=0.05)


# From files


def test_a_normal_head_is_a_hash_of_its_seed():
    state = torch.get_rng_state()
    one, same, other = (loaded(seed=seed).head.weight for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(one, normal_head(64, 3)) and one.shape == (1, 64)
    wide = normal_head(65536, 0)
    # 65,536 numbers of standard deviation 1/256: what they show of it is off by 1 in 360.
    assert float(wide.std() * 256) == pytest.approx(1, abs=0.01)
    assert abs(float(wide.mean()) * 256) < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_the_body_is_that_of_the_policy(dtype):
    scorer, policy = loaded(dtype=dtype), tiny_policy(dtype)
    assert type(scorer) is RewardScorer and scorer.dtype == dtype
    assert torch.equal(scorer.states(ROWS), policy.states(ROWS))
    assert scorer.score_ends(ROWS).any()
    for name, exact in scorer.exact_parameters().items():
        assert exact.dtype == torch.float32
        if name != "score.weight":
            assert torch.equal(exact, policy.exact_parameters()[name])
    assert torch.equal(scorer.exact_parameters()["score.weight"], scorer.head.weight)
    assert not loaded(Critic, dtype=dtype, head="zero").score_values(ROWS).any()


@pytest.fixture
def judge(tmp_path):
    """A trained reward model, and its folder."""
    scorer = fill_head(critic_of(tiny_policy()))
    scorer.save(tmp_path / "judge")
    return scorer, resolve(str(tmp_path / "judge"))


@pytest.mark.parametrize("made", [Critic, RewardScorer])
def test_a_trained_head_is_kept(judge, made):
    scorer, source = judge
    again = loaded(made, source, head="zero")
    assert type(again) is made and torch.equal(again.head.weight, scorer.head.weight)
    assert torch.equal(again.score_ends(ROWS), scorer.score_ends(ROWS))
    assert again.trained().keys() == scorer.trained().keys()
    low = loaded(made, source, dtype=BF16, head="zero")
    assert low.dtype == BF16 and torch.equal(low.head.weight, scorer.head.weight)
    for name, exact in scorer.exact_parameters().items():
        assert torch.equal(low.exact_parameters()[name], exact)
    stepped(low)
    first = loaded(made, source, layers=1)
    assert len(first.module.model.layers) == 1


def test_adapters_on_a_reward_model_leave_its_head_to_learn(judge):
    scorer, source = judge
    adapted = loaded(Critic, source, lora=LoraConfig(rank=2), dtype=BF16)
    assert adapted.adapted and "score" not in lora_layers(adapted.module)
    assert list(adapted.trained())[-1] == "score.weight"
    assert torch.equal(adapted.head.weight, scorer.head.weight)
    stepped(adapted)


def test_what_cannot_be_trained_is_refused(judge, tmp_path):
    _, source = judge
    with pytest.raises(ConfigError, match="set its quantisation to none"):
        loaded(source=source, quantisation="nf4", lora=LoraConfig(rank=2))
    config = scorer_of("llama").module.config
    config.num_labels = 2
    classifier_class(config)(config).save_pretrained(tmp_path / "two")
    load_tokenizer(TINY).save_pretrained(tmp_path / "two")
    with pytest.raises(ConfigError, match="gives 2 numbers, one a label"):
        loaded(source=resolve(str(tmp_path / "two")))


def test_a_foreign_reward_model_gives_the_scores_that_it_gave(tmp_path):
    theirs = their_module(scorer_of("qwen2"))
    theirs.save_pretrained(tmp_path)
    load_tokenizer(TINY).save_pretrained(tmp_path)
    ours = loaded(source=resolve(str(tmp_path)))
    torch.testing.assert_close(ours.ends(ROWS), their_ends(theirs, ROWS), rtol=1e-4, atol=1e-5)
