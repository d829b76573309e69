"""TRL's process in a comparison: its GRPOTrainer at its best, through a spec's rounds.

    python benchmarks/trl_side.py spec.json run.json   # in an interpreter that has TRL

What is set, and why, stands in `arguments` and `main`. Of TRL's methods three are overridden, to
hand it the spec's tokens, to hold its generation to the spec's lengths, and to time it.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
import trl.trainer.utils  # pyright: ignore[reportMissingImports]
from common import HERE, Diary, Forced, Spec, Timed, now, reached
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessor,
    LogitsProcessorList,
    PrinterCallback,
    TrainerCallback,
)
from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportMissingImports]


def arguments(spec: Spec, device: torch.device, folder: str) -> Any:
    """TRL's configuration for the same algorithm, and for speed whatever its documents offer."""
    rows, micro = spec.problems * spec.completions, spec.trl["micro"]
    longest = spec.max_tokens + max(len(p) for round in spec.rounds for p in round.prompts)
    pages = longest // 256 + 1  # of 256 tokens; a share of the free memory is the default
    return GRPOConfig(
        output_dir=folder,
        # The same algorithm: equation 3 of the GRPO paper, one optimizer step a round, no KL (so
        # no reference model), AdamW with the defaults of both sides (no weight decay, norm 1).
        loss_type="grpo",
        beta=0.0,
        num_iterations=1,
        num_generations=spec.completions,
        max_completion_length=spec.max_tokens,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        learning_rate=spec.lr,
        lr_scheduler_type=spec.decay,
        warmup_steps=0,
        max_steps=spec.schedule,
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        # The same prompts in the same order.
        shuffle_dataset=False,
        seed=spec.seed,
        # One generation for the whole round (steps_per_generation is the accumulation by default)
        # and none of the old log-probabilities recomputed, since the two are aligned.
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=rows // micro,
        # Recomputing activations is TRL's default and costs about a fifth of the time.
        gradient_checkpointing=False,
        # bf16 here means autocast, TRL's default, made for fp32 weights. Weights that are in bf16
        # themselves need none, and need less memory; so do AdamW's moments, which then are too.
        bf16=spec.trl["precision"] == "autocast",
        # An engine of its own (vLLM) would be another comparison. Continuous batching is TRL's
        # other way to generate within the process.
        use_vllm=False,
        use_transformers_continuous_batching=spec.trl["generation"] == "continuous",
        transformers_continuous_batching_config={"num_blocks": rows * pages},
        use_cpu=device.type == "cpu",
        # Nothing beside training.
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
    )


class Lengths(LogitsProcessor):
    """Bans the stop token up to a row's last place and forces it there; touches one column."""

    def __init__(self, stop_ids: list[int]) -> None:
        self.stop_id, self.others = stop_ids[0], stop_ids[1:]

    def prescribe(self, prompt: int, lengths: list[int], device: torch.device) -> None:
        """The lengths of the next generation's rows, behind prompts of so many tokens."""
        self.prompt = prompt
        self.column_TB = torch.full((max(lengths), len(lengths)), -torch.inf, device=device)
        last_B = torch.tensor(lengths, device=device) - 1
        # Far above any logit, so that the stop token has all of the probability.
        self.column_TB[last_B, torch.arange(len(lengths), device=device)] = 1e4

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores[:, self.stop_id] = self.column_TB[input_ids.shape[1] - self.prompt]
        if self.others:
            scores[:, self.others] = -torch.inf
        return scores


class SpecTrainer(GRPOTrainer):
    """GRPOTrainer on the rounds of a spec; its dataset holds their names, such as "3:0"."""

    spec: Spec
    lengths: Lengths | None = None
    rollout_seconds: float = 0.0
    mean_reward: float = 0.0

    @property
    def round(self) -> Any:
        return self.spec.rounds[self.state.global_step]

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict]:
        """The spec's token ids, row by row, if the sampler's order is what the spec expects."""
        round, step = self.round, self.state.global_step
        rows = [q for q in range(self.spec.problems) for _ in range(self.spec.completions)]
        if prompts != [f"{step}:{q}" for q in rows]:
            raise RuntimeError(f"TRL asks {prompts} in step {step}, another order than the spec's.")
        return [list(round.prompts[q]) for q in rows], None, {}

    def _generate(self, prompts: list[str]) -> Any:
        device, round = self.accelerator.device, self.round
        started = now(device)
        if isinstance(round, Forced) and self.lengths is not None:
            self.lengths.prescribe(len(round.prompts[0]), flat(round.lengths), device)
        result = super()._generate(prompts)
        self.rollout_seconds = now(device) - started
        if isinstance(round, Forced):
            came = [len(ids) for ids in result[1]]
            if came != flat(round.lengths):
                raise RuntimeError(f"Completions of {came} tokens came, not the prescribed ones.")
        return result

    def reward(
        self, prompts: list[str], completions: list[str], completion_ids: Any
    ) -> list[float]:
        round = self.round
        if isinstance(round, Forced):
            return flat(round.rewards)
        scores = [
            verified(answer, text, ids[-1] in self.eos_token_ids)
            for answer, text, ids in zip(
                [a for a in round.answers for _ in range(self.spec.completions)],
                completions,
                completion_ids,
                strict=True,
            )
        ]
        self.mean_reward = sum(scores) / len(scores)
        return scores


def flat(groups: list[list]) -> list:
    """Row by row, as TRL has its batch."""
    return [entry for group in groups for entry in group]


def verified(answer: str, text: str, finished: bool) -> float:
    """paceline's own verdict on the demo's task; its verifiers need the standard library only."""
    from paceline.types import Completion, Problem
    from paceline.verify import LastNumber

    completion = Completion((), (), text, "stop" if finished else "length")
    return LastNumber()(Problem("", "", answer), completion).reward


class Watch(TrainerCallback):
    """Times every optimizer step, from before its generation to behind its optimizer."""

    def __init__(self, trainer: SpecTrainer, diary: Diary) -> None:
        self.trainer, self.diary, self.elapsed = trainer, diary, 0.0
        self.rewards: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started = now(self.diary.device)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        seconds = now(self.diary.device) - self.started
        spec, rollout = self.trainer.spec, self.trainer.rollout_seconds
        round = spec.rounds[state.global_step - 1]
        if isinstance(round, Forced):
            self.diary.add(Timed.of(round, seconds, rollout).as_dict())
        else:
            self.elapsed += seconds
            self.rewards.append(self.trainer.mean_reward)
            tokens = self.trainer._metrics["train"]["completions/mean_length"][-1]
            entry = {"seconds": self.elapsed, "reward": self.rewards[-1], "tokens": tokens}
            self.diary.add(entry)
        if reached(self.rewards, spec.goal) or state.global_step == len(spec.rounds):
            control.should_training_stop = True


def trainer_of(spec: Spec, device: torch.device, folder: str) -> SpecTrainer:
    """The trainer with its model, tokenizer and data."""
    tokenizer = AutoTokenizer.from_pretrained(spec.model, padding_side="left")
    bf16 = spec.dtype == "bf16" and spec.trl["precision"] == "bf16"
    # Attention is torch's scaled_dot_product_attention, transformers' default, as in paceline.
    model: Any = AutoModelForCausalLM.from_pretrained(
        spec.model, dtype=torch.bfloat16 if bf16 else torch.float32
    )
    names = [f"{step}:{q}" for step in range(len(spec.rounds)) for q in range(spec.problems)]

    def reward(prompts: list[str], completions: list[str], completion_ids: Any, **_: Any) -> Any:
        return trainer.reward(prompts, completions, completion_ids)

    trainer = SpecTrainer(
        model=model,
        reward_funcs=reward,
        args=arguments(spec, device, folder),
        train_dataset=Dataset.from_dict({"prompt": names}),
        processing_class=tokenizer,
    )
    trainer.spec = spec
    if isinstance(spec.rounds[0], Forced):
        if spec.trl["generation"] == "continuous":
            force_continuous(trainer)
        else:
            trainer.lengths = Lengths(trainer.eos_token_ids)
            processors = LogitsProcessorList([trainer.lengths])
            model.generate = partial(model.generate, logits_processor=processors)
    return trainer


def force_continuous(trainer: SpecTrainer) -> None:
    """Continuous batching takes no logits processor of ours, but a limit for each request."""
    from transformers.generation.continuous_batching import ContinuousBatchingManager

    manager: Any = ContinuousBatchingManager
    add_request = manager.add_request

    def limited(self: Any, *args: Any, request_id: str, **named: Any) -> Any:
        lengths = flat(trainer.round.lengths)
        named["max_new_tokens"] = lengths[int(request_id.removeprefix("req_"))]
        named["eos_token_id"] = -1
        return add_request(self, *args, request_id=request_id, **named)

    manager.add_request = limited


def main() -> None:
    spec, out = Spec.read(Path(sys.argv[1])), Path(sys.argv[2])
    sys.path.append(str(HERE.parent / "src"))
    device = torch.device(spec.device)
    if spec.trl["head"] == "compact":
        # Off Triton's devices TRL's head scores every position, prompts and padding too, and
        # throws most of it away (it keeps shapes fixed for compilers). This switches on what it
        # does on a GPU: completion tokens only. The kernels' own switch is another name.
        trl.trainer.utils._use_triton = lambda device: True
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(spec, device, folder)
        diary = Diary(device, spec.dtype)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Watch(trainer, diary))
        trainer.train()
        micro = trainer.args.per_device_train_batch_size
    import transformers

    diary.write(out, trl=trl.__version__, transformers=transformers.__version__, micro=micro)


if __name__ == "__main__":
    main()
