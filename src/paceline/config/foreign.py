"""Keys as TRL, ms-swift and verl call them: the tables of docs/migrating.md, to answer who writes
theirs."""

import re

from ..errors import ConfigError

TRL = (
    ("`num_generations`", "`rollouts.completions`"),
    (
        "`per_device_train_batch_size` × `gradient_accumulation_steps`",
        "the completions of an update: `rollouts.problems` × `rollouts.completions` / "
        "`schedule.minibatches`; for memory, `tokens_per_forward`",
    ),
    ("`num_iterations`", "`schedule.epochs`"),
    (
        "`max_completion_length`",
        "`rollouts.max_tokens`; TRL's default is 512, and `dr_grpo` divides by it there as here",
    ),
    ("`temperature`", "`rollouts.temperature`; top-p, top-k and min-p are for evaluation only"),
    (
        "`learning_rate`, `warmup_steps`, `lr_scheduler_type`, `max_grad_norm`",
        "`optimizer.lr`, `optimizer.warmup`, `optimizer.decay`, `optimizer.clip`",
    ),
    (
        "`beta`",
        "`kl` of the objective. TRL 1.16: `'grpo(kl=KL(0.04, weighted=True))'`; with "
        "`use_bias_correction_kl=False`, and in ms-swift: `'grpo(kl=0.04)'`",
    ),
    ("`use_bias_correction_kl`", "`weighted` of `KL`: each token's k3 times its ratio"),
    (
        "`epsilon`, `epsilon_high`",
        "`low`, `high` of the objective; for `cispo` our `high` is their cap − 1",
    ),
    (
        "`loss_type`",
        "the objective's name, with `low` and `high` as set there "
        "(each is listed under [Objectives](#objectives)); `bnpo` has no counterpart, as its "
        "value depends on the micro-batch; where a generation serves several updates, "
        "TRL's `dapo` and `cispo` divide each by the generation's mean, ours by its own "
        "tokens",
    ),
    (
        '`importance_sampling_level="sequence"`',
        "`SequenceRatio()`; `gspo` has it, with narrower `low` and `high`",
    ),
    (
        "`scale_rewards`",
        "group: `ZScore()`; none: `Center()`; batch: `GroupThenBatch()` is near, and "
        "divides by the deviation of what is centred",
    ),
    ("`reward_funcs`, `reward_weights`", "`task.reward`, `Weighted`"),
    ("`mask_truncated_completions`, `overlong_filter`", "`rollouts.mask_cut=true`"),
    ("`dynamic_sample`", "`rollouts.accept=signal`, `rollouts.max_draws`"),
    (
        "`sync_ref_model`, `ref_model_sync_steps`, `ref_model_mixup_alpha`",
        "`reference.every` above 0, its value, `reference.alpha`",
    ),
    (
        "`save_steps`, `save_total_limit`, `resume_from_checkpoint`",
        "`save_every`, `save_keep`, `paceline resume runs/demo`",
    ),
    (
        "`use_peft`, `peft_config`, `tuner_type`, `train_type`",
        "`lora.rank=16`, or another rank above 0; unset, all weights are trained",
    ),
    ("`r`, `lora_r`, `lora_rank`", "`lora.rank`"),
    (
        "`lora_alpha`",
        "`lora.alpha`; the scale is alpha / rank there as here, and PEFT's own defaults, 8 and 8, "
        "make it 1",
    ),
    ("`use_rslora`", "`lora.stabilised=true`"),
    (
        "`target_modules`, `lora_target_modules`",
        "`lora.layers`, an expression that is looked for in the layers' names, or all; unset, PEFT "
        "takes a few layers, often q_proj and v_proj alone, and we all but the output layer",
    ),
    (
        "`lora_dropout`, `use_dora`, `init_lora_weights`, `modules_to_save`, "
        "`lora_modules_to_save`",
        "nothing: there is no dropout, under which no ratio of probabilities is exact, no DoRA, no "
        "other start than B = 0, and no layer is trained whole beside adapters",
    ),
    ("`adapters`", "`lora.start`, with the adapter's own base as `model.path`"),
    ("`merge_lora`", "done at the end of each run, in `model/`; `adapter/` is beside it"),
    (
        "`load_in_4bit`, `load_in_8bit`",
        "`model.quantisation=nf4`, `model.quantisation=int8`",
    ),
    (
        "`quant_bits`, `quant_method`, `bnb_4bit_quant_type`",
        "`model.quantisation`: nf4, whose scales are quantised once more, or int8, by bitsandbytes",
    ),
    (
        "`optim`",
        "`optimizer.moments=8bit` for `adamw_8bit`, `optimizer.offload=true` for what "
        "`paged_adamw_8bit` is for; always AdamW",
    ),
    ("`bf16`, `fp16`", "`model.dtype=bf16`, `model.dtype=fp16`"),
    ("`num_train_epochs`", "`epochs`"),
    (
        "`completion_only_loss`, `assistant_only_loss`",
        "nothing: what the assistant says is trained, with one stop token a turn, and nothing else",
    ),
    (
        "`packing`, `padding_free`",
        "nothing: rows are packed by themselves, and do not see each other",
    ),
    ("`ref_model`, `teacher_model_name_or_path`", "`reference.path`"),
    ("`label_smoothing`", "`smoothing` of `dpo`, with `robust=True`"),
    ("`simpo_gamma`", "`margin` of `simpo`"),
    ("`center_rewards_coefficient`", "`centre` of `bradley_terry`"),
    ("`report_to`", "`tracker`"),
    ("`use_vllm`", "not yet"),
)
"""(TRL's or ms-swift's names, ours), row by row as docs/migrating.md has them in Markdown; a test
holds them equal."""

VERL = (
    ("`rollout.n`, `max_response_length`", "`rollouts.completions`, `rollouts.max_tokens`"),
    ("`train_batch_size`, `ppo_epochs`", "`rollouts.problems`, `schedule.epochs`"),
    (
        "`ppo_mini_batch_size`",
        "`schedule.minibatches` = `train_batch_size` / `ppo_mini_batch_size`",
    ),
    ("`ppo_micro_batch_size_per_gpu`, `ppo_max_token_len_per_gpu`", "`tokens_per_forward`"),
    ("`kl_loss_coef` with `low_var_kl`", "`kl` of `grpo` and its kin: k3 in the loss"),
    (
        "`kl_coef`, in the reward",
        "`kl` of `rloo`, `reinforce`, `reinforce_pp`, `opo`: k1 in the reward",
    ),
    ("`clip_ratio_low`, `clip_ratio_high`", "`low`, `high`"),
    (
        "`loss_agg_mode`",
        "token-mean: `PerToken()`; seq-mean-token-mean: `PerSequence()`; "
        "seq-mean-token-sum: `SequenceSum()`; seq-mean-token-sum-norm: `PerConstant()`; "
        "verl's `gspo` follows it from 0.9.1 on, and before took seq-mean-token-mean",
    ),
    (
        "`custom_reward_function`",
        "`task.reward=file.py:compute_score`, `task.answer=reward_model.ground_truth`",
    ),
    (
        "`lora_rank`, `lora_alpha`, `target_modules`, `lora_adapter_path`",
        "`lora.rank`, `lora.alpha`, `lora.layers`, `lora.start`",
    ),
    ("`cliprange_value`, `critic_warmup`", "`critic.clip`, `critic.warmup`"),
    (
        "`optimizer_offload`, `param_offload`",
        "`optimizer.offload=true`, which keeps masters, gradients and moments on the host, and no "
        "weights",
    ),
)
"""(verl's names, ours), as in docs/migrating.md."""


LINK = re.compile(r"\[[^]]+\]\((#[^)]+)\)")
"""A link of a cell to another place of its page."""


def counterpart(key: str) -> ConfigError | None:
    """The sentence for a key that is TRL's, ms-swift's or verl's; None for another.

    verl's keys are known with and without the sections before them.
    """
    for whose, rows in (("TRL's and ms-swift's", TRL), ("verl's", VERL)):
        sections = rows is VERL
        for theirs, ours in rows:
            named = [name.partition("=")[0] for name in _in_backticks(theirs)]
            for place, name in enumerate(named):
                if key == name or (sections and key.endswith(f".{name}")):
                    return _told(key, whose, ours, place, len(named))
    return None


def _told(key: str, whose: str, ours: str, place: int, many: int) -> ConfigError:
    said = f"There is no key '{key}'. That is {whose} name"
    if ours == "not yet":
        return ConfigError(f"{said} of something that is not here yet.")
    # Where each of theirs has one of ours, the one; else the whole cell.
    each = _in_backticks(ours) if re.fullmatch(r"`[^`]+`(, `[^`]+`)*", ours) else []
    told = f"`{each[place]}`" if len(each) == many else LINK.sub(r"docs/migrating.md\1", ours)
    return ConfigError(f"{said}; here it is {told}.")


def _in_backticks(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)
