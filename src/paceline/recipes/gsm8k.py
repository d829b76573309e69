"""Grade-school mathematics."""

from ..config import Config, EvalConfig, ModelConfig
from ..objective import named
from ..settings import OptimizerConfig, RolloutConfig
from ..tasks import Gsm8k

CODER_SYSTEM = "你擅长编写 Python 程序来解数学应用题。"
"""System message of `gsm8k_zh_coder`: you are good at solving word problems by Python programs."""
CODER_USER = (
    "{prompt}\n\n请先在 <reasoning> 和 </reasoning> 之间用中文简要分析，"
    "再在 <answer> 和 </answer> 之间写一段 Python 程序。"
    "程序只打印一行，内容就是最终答案的数字，不带单位。"
)
"""User's turn of `gsm8k_zh_coder`: analyse briefly in Chinese, then write a program that prints one
line, the number of the answer, without a unit."""


def gsm8k(model: str = "Qwen/Qwen2.5-0.5B-Instruct", data: str | None = None) -> Config:
    """GSM8K with Dr.GRPO and full weights.

    The default model answers without a thinking phase, so that 400 tokens are enough.

    Args:
        model: as in `paceline.model.load`.
        data: a folder with train.jsonl and test.jsonl; None reads openai/gsm8k from the hub.
    """
    return Config(
        name="gsm8k",
        task=Gsm8k(data=data),
        model=ModelConfig(path=model),
        objective=named.dr_grpo(),
        steps=200,
        rollouts=RolloutConfig(problems=16, completions=8, max_tokens=400),
        optimizer=OptimizerConfig(lr=1e-6, warmup=10),
        evaluation=EvalConfig(problems=500),
        tokens_per_forward=16384,
    )


def gsm8k_lora(model: str = "Qwen/Qwen2.5-1.5B-Instruct", data: str | None = None) -> Config:
    """GSM8K with Dr.GRPO and adapters of rank 16 on all linear layers, sized for a card of 24 GB.

    The learning rate is ten times that of `gsm8k`, which trains all weights: that is about what
    adapters take, at any rank (Schulman et al., LoRA Without Regret, Thinking Machines, 2025).

    Args:
        model: as in `paceline.model.load`.
        data: a folder with train.jsonl and test.jsonl; None reads openai/gsm8k from the hub.
    """
    return gsm8k(model, data).with_(
        name="gsm8k_lora",
        lora={"rank": 16, "alpha": 32.0},
        optimizer={"lr": 1e-5},
        # One group a pass: its tokens leave 2.7 MB each for the backward pass, 9 GB together, and
        # two groups would not fit beside the rest.
        tokens_per_forward=4096,
    )


def gsm8k_zh_coder(
    model: str = "Qwen/Qwen2.5-Coder-1.5B-Instruct", data: str | None = None
) -> Config:
    """GSM8K asked in Chinese and answered by a Python program, with adapters.

    The program is run in the sandbox, and the number that it prints is compared with the answer
    (program of thought, Chen et al. 2022, arXiv 2211.12588). A number of any kind and whole tags
    earn a fifth of what the answer does, and a program that fails costs a tenth. All else is as in
    `gsm8k_lora`.

    The rows are in Chinese, with columns `question_zh-cn` and `answer_only`. With
    task.language=en they have the columns of openai/gsm8k, `question` and `answer`, in whatever
    language; the instruction stays in Chinese.

    Args:
        model: as in `paceline.model.load`.
        data: a folder with train.jsonl and test.jsonl; None reads swulling/gsm8k_chinese from the
            hub.
    """
    # The turn is given and not left to the task, whose own would follow the language of the rows.
    return gsm8k_lora(model).with_(
        name="gsm8k_zh_coder",
        task=Gsm8k(data, language="zh", style="program", system=CODER_SYSTEM, user=CODER_USER),
    )
