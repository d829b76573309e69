"""What TRL, ms-swift and verl call the keys, as the command line answers it."""

import re

import pytest

from paceline import recipes
from paceline.config import apply, keys
from paceline.config.foreign import TRL, VERL, counterpart
from paceline.errors import ConfigError

THEIRS = [
    name.partition("=")[0] for row in (*TRL, *VERL) for name in re.findall("`([^`]+)`", row[0])
]


@pytest.mark.parametrize("name", THEIRS)
def test_every_name_of_the_tables_is_answered(name):
    error = counterpart(name)
    assert error is not None and str(error).startswith(f"There is no key '{name}'. That is ")
    assert str(error).endswith(".") and "](" not in str(error)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        # One of theirs to one of ours, by their places.
        ("learning_rate", "`optimizer.lr`"),
        ("warmup_steps", "`optimizer.warmup`"),
        ("max_grad_norm", "`optimizer.clip`"),
        ("reward_weights", "`Weighted`"),
        ("max_response_length", "`rollouts.max_tokens`"),
        ("data.max_response_length", "`rollouts.max_tokens`"),
        ("ppo_max_token_len_per_gpu", "`tokens_per_forward`"),
        ("load_in_4bit", "`model.quantisation=nf4`"),
        ("load_in_8bit", "`model.quantisation=int8`"),
        ("fp16", "`model.dtype=fp16`"),
        ("actor_rollout_ref.model.lora_rank", "`lora.rank`"),
        ("actor_rollout_ref.model.target_modules", "`lora.layers`"),
        ("actor_rollout_ref.model.lora_adapter_path", "`lora.start`"),
        # Several of theirs, one of ours.
        ("overlong_filter", "`rollouts.mask_cut=true`"),
        ("r", "`lora.rank`"),
        ("lora_r", "`lora.rank`"),
        ("lora_rank", "`lora.rank`"),
        ("use_rslora", "`lora.stabilised=true`"),
        # One of theirs, two of ours: both.
        ("dynamic_sample", "`rollouts.accept=signal`, `rollouts.max_draws`"),
        ("epsilon_high", "`low`, `high` of the objective; for `cispo` our `high` is their cap − 1"),
    ],
)
def test_each_name_has_its_own_answer(name, ours):
    assert str(counterpart(name)).endswith(f" name; here it is {ours}.")


def test_none_of_our_own_keys_is_taken_for_anothers():
    assert [k.path for k in keys(recipes.demo()) if counterpart(k.path) is not None] == []
    for name in ("betas", "task.beta", "n", "completions", "steps", "rollouts.n"):
        assert counterpart(name) is None, name


def test_a_key_of_theirs_is_known_in_our_section_too():
    with pytest.raises(ConfigError, match=r"^There is no key 'lora_dropout'\..* no dropout"):
        apply(recipes.tiny(), {"lora.dropout": "0.1"})
    with pytest.raises(ConfigError, match=r"^There is no key 'lora\.nothing'"):
        apply(recipes.tiny(), {"lora.nothing": "1"})
