"""GRPO top to bottom in one file, for reading. It needs torch and transformers only.

A language model learns two-digit addition: it answers each question eight times, every answer that
ends in the right number is worth 1, and each answer is pushed up or down by how it compares with
the other seven (DeepSeekMath, arXiv 2402.03300, eq. 3).

    python examples/one_file.py runs/demo/model    # any causal LM with a chat template

paceline does the same, and a test holds the gradients of this file equal to the library's. What the
library adds: prompts computed once a group, rows without signal dropped, bf16 with fp32 masters,
random numbers that do not depend on the batch, evaluation, checkpoints, a report.

Shapes: B completions (problems × 8), S prompt and completion together, T completion tokens.
"""

import random
import re
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROBLEMS, COMPLETIONS, MAX_TOKENS = 8, 8, 32
STEPS, UPDATES, LEARNING_RATE = 80, 1, 1e-5
CLIP, EPSILON = 0.2, 1e-4


def make_problem(rng: random.Random) -> tuple[str, str]:
    a, b = rng.randint(10, 99), rng.randint(10, 99)
    return f"What is {a} + {b}?", str(a + b)


def reward_of(text: str, answer: str) -> float:
    """1 if the last number is right. No partial credit: nothing else can be gamed."""
    numbers = re.findall(r"-?\d+", text)
    return 1.0 if numbers and numbers[-1] == answer else 0.0


@torch.no_grad()
def sample(
    model, tokenizer, questions: list[str]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Answer every question COMPLETIONS times.

    Returns ids_BS (prompts padded on the left), real_BS (what is no padding) and
    completion_BS (what the model wrote: the tokens that train).
    """
    chats = [[{"role": "user", "content": q}] for q in questions for _ in range(COMPLETIONS)]
    tokenizer.padding_side = "left"
    prompts = tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    ).to(model.device)
    # Everything that bends the distribution is off, or the log-probabilities would be wrong.
    ids_BS = model.generate(
        **prompts,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        repetition_penalty=1.0,
        max_new_tokens=MAX_TOKENS,
    )
    width = prompts["input_ids"].shape[1]
    # A completion ends with its first stop token, which trains; what stands behind it is padding.
    # Padding is often the stop token itself, so count: comparing with the pad id would be a
    # mistake.
    # Models may have several stop tokens; generate() ends at any of them.
    stops = model.generation_config.eos_token_id
    stop_ids = torch.tensor([stops] if isinstance(stops, int) else stops, device=model.device)
    is_stop_BT = torch.isin(ids_BS[:, width:], stop_ids)
    stopped_BT = is_stop_BT.cumsum(1)
    written_BT = (stopped_BT == 0) | ((stopped_BT == 1) & is_stop_BT)
    real_BS = torch.cat([prompts["attention_mask"].bool(), written_BT], 1)
    completion_BS = torch.cat([torch.zeros_like(prompts["attention_mask"]).bool(), written_BT], 1)
    return ids_BS, real_BS, completion_BS


def log_probabilities(model, ids_BS: torch.Tensor, real_BS: torch.Tensor) -> torch.Tensor:
    """[B, S] log π of every token given those before it; the first has none and gets 0."""
    position_BS = (real_BS.long().cumsum(1) - 1).clamp_min(0)
    logits_BSV = model(
        input_ids=ids_BS, attention_mask=real_BS.long(), position_ids=position_BS
    ).logits
    logp_BSV = logits_BSV[:, :-1].float().log_softmax(-1)
    # The logits at one place predict the token at the next: this is the one shift.
    logp_BS = logp_BSV.gather(-1, ids_BS[:, 1:, None])[..., 0]
    return torch.nn.functional.pad(logp_BS, (1, 0))


def advantages_of(rewards_B: torch.Tensor) -> torch.Tensor:
    """[B] each reward against its group: (r − mean) / (standard deviation + ε)."""
    rewards_GC = rewards_B.view(-1, COMPLETIONS)
    centred_GC = rewards_GC - rewards_GC.mean(1, keepdim=True)
    return (centred_GC / (rewards_GC.std(1, keepdim=True) + EPSILON)).flatten()


def grpo_loss(
    logp_BS: torch.Tensor,
    anchor_BS: torch.Tensor,
    completion_BS: torch.Tensor,
    advantage_B: torch.Tensor,
) -> torch.Tensor:
    """The clipped surrogate: the mean over each completion's tokens, then over completions.

    anchor_BS is log π at the start of the round. In the first update it equals logp_BS, every
    ratio is 1, and the loss is about 0 — its gradient is not.
    """
    ratio_BS = torch.where(completion_BS, logp_BS - anchor_BS, 0.0).exp()
    advantage_B1 = advantage_B[:, None]
    gain_BS = torch.minimum(
        ratio_BS * advantage_B1, ratio_BS.clamp(1 - CLIP, 1 + CLIP) * advantage_B1
    )
    gain_B = (gain_BS * completion_BS).sum(1) / completion_BS.sum(1)
    return -gain_B.mean()


def main(path: str) -> None:
    torch.manual_seed(0)
    rng = random.Random(0)
    tokenizer = AutoTokenizer.from_pretrained(path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()  # no dropout
    model.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)

    for step in range(1, STEPS + 1):
        problems = [make_problem(rng) for _ in range(PROBLEMS)]
        ids_BS, real_BS, completion_BS = sample(model, tokenizer, [q for q, _ in problems])
        texts = [
            tokenizer.decode(ids[mask], skip_special_tokens=True)
            for ids, mask in zip(ids_BS, completion_BS, strict=True)
        ]
        answers = [a for _, a in problems for _ in range(COMPLETIONS)]
        rewards = [reward_of(t, a) for t, a in zip(texts, answers, strict=True)]
        advantage_B = advantages_of(torch.tensor(rewards, device=model.device))

        anchor_BS = None
        for _ in range(UPDATES):
            logp_BS = log_probabilities(model, ids_BS, real_BS)
            anchor_BS = logp_BS.detach() if anchor_BS is None else anchor_BS
            loss = grpo_loss(logp_BS, anchor_BS, completion_BS, advantage_B)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        print(f"step {step:3}  solved {sum(rewards) / len(rewards):4.0%}   {texts[0]!r}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/one_file.py MODEL_FOLDER")
    main(sys.argv[1])
