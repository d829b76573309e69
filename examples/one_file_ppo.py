"""PPO with a critic top to bottom in one file, for reading. It needs torch and transformers only.

A language model learns two-digit addition: it answers each question once, an answer that ends in
the right number is worth 1, and a critic says before every token how much of that is still to come.
A token is pushed up or down by how much better things went than the critic had forecast (PPO, arXiv
1707.06347, eq. 7; advantages by GAE, arXiv 1506.02438, eq. 16). What GRPO has in the critic's place
is in one_file.py: the mean of seven other answers to the same question.

    python examples/one_file_ppo.py runs/demo/model    # any causal LM with a chat template

paceline does the same, and a test holds the gradients of this file equal to the library's. What the
library adds: rows packed on one axis, bf16 with fp32 masters, a critic with a body of its own, its
warm-up, random numbers that do not depend on the batch, evaluation, checkpoints, a report.

Shapes: B completions, S prompt and completion together, D the hidden size.
"""

import random
import re
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROBLEMS, MAX_TOKENS = 64, 32
STEPS, UPDATES, LEARNING_RATE = 80, 1, 1e-5
CLIP, EPSILON = 0.2, 1e-8
GAMMA, LAMBDA, LAMBDA_CRITIC = 1.0, 1.0, 1.0
HEAD_RATE, VALUE_WEIGHT = 20 * LEARNING_RATE, 0.1


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
    """Answer every question once.

    Returns ids_BS (prompts padded on the left), real_BS (what is no padding) and completion_BS
    (what the model wrote: the tokens that train).
    """
    chats = [[{"role": "user", "content": question}] for question in questions]
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
    stops = model.generation_config.eos_token_id
    stop_ids = torch.tensor([stops] if isinstance(stops, int) else stops, device=model.device)
    is_stop_BT = torch.isin(ids_BS[:, width:], stop_ids)
    stopped_BT = is_stop_BT.cumsum(1)
    written_BT = (stopped_BT == 0) | ((stopped_BT == 1) & is_stop_BT)
    real_BS = torch.cat([prompts["attention_mask"].bool(), written_BT], 1)
    completion_BS = torch.cat([torch.zeros_like(prompts["attention_mask"]).bool(), written_BT], 1)
    return ids_BS, real_BS, completion_BS


def score(
    model, head: torch.nn.Linear, ids_BS: torch.Tensor, real_BS: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, S] log π of every token given those before it, and [B, S] the critic's V before it.

    Both read the same state, that of the token before: V forecasts what the answer will earn before
    this token is known. The first token has no state before it, and gets 0.
    """
    position_BS = (real_BS.long().cumsum(1) - 1).clamp_min(0)
    found = model(
        input_ids=ids_BS,
        attention_mask=real_BS.long(),
        position_ids=position_BS,
        output_hidden_states=True,
    )
    logp_BSV = found.logits[:, :-1].float().log_softmax(-1)
    logp_BS = logp_BSV.gather(-1, ids_BS[:, 1:, None])[..., 0]
    states_BSD = found.hidden_states[-1][:, :-1]
    value_BS = head(states_BSD.float())[..., 0]
    pad = torch.nn.functional.pad
    return pad(logp_BS, (1, 0)), pad(value_BS, (1, 0))


def gae(
    rewards_B: torch.Tensor, value_BS: torch.Tensor, completion_BS: torch.Tensor, lam: float
) -> torch.Tensor:
    """[B, S] A_t = δ_t + γλ·A_{t+1} with δ_t = r_t + γ·V_{t+1} − V_t, 0 outside completions.

    The reward stands on the last token of a completion, and V behind it is 0, whether it stopped
    there or was cut.
    """
    advantage_BS = torch.zeros_like(value_BS)
    next_advantage_B, next_value_B = torch.zeros_like(rewards_B), torch.zeros_like(rewards_B)
    reward_B = rewards_B  # still to be given: the walk begins at the end
    for t in reversed(range(value_BS.shape[1])):
        here_B = completion_BS[:, t]
        delta_B = reward_B + GAMMA * next_value_B - value_BS[:, t]
        found_B = delta_B + GAMMA * lam * next_advantage_B
        advantage_BS[:, t] = torch.where(here_B, found_B, 0.0)
        next_advantage_B = torch.where(here_B, found_B, next_advantage_B)
        next_value_B = torch.where(here_B, value_BS[:, t], next_value_B)
        reward_B = torch.where(here_B, 0.0, reward_B)
    return advantage_BS


def whitened(advantage_BS: torch.Tensor, completion_BS: torch.Tensor) -> torch.Tensor:
    """(A − mean) / (standard deviation + ε) over all tokens of the round: in no paper's equation,
    and what carries the learning while the critic knows nothing yet."""
    told = advantage_BS[completion_BS]
    scaled = (advantage_BS - told.mean()) / (told.std(correction=0) + EPSILON)
    return torch.where(completion_BS, scaled, 0.0)


def ppo_loss(
    logp_BS: torch.Tensor,
    anchor_BS: torch.Tensor,
    advantage_BS: torch.Tensor,
    completion_BS: torch.Tensor,
) -> torch.Tensor:
    """The clipped surrogate, the mean over all tokens of the round.

    anchor_BS is log π at the start of the round. In the first update it equals logp_BS, every ratio
    is 1, and the loss is about 0 — its gradient is not.
    """
    ratio_BS = torch.where(completion_BS, logp_BS - anchor_BS, 0.0).exp()
    gain_BS = torch.minimum(
        ratio_BS * advantage_BS, ratio_BS.clamp(1 - CLIP, 1 + CLIP) * advantage_BS
    )
    return -(gain_BS * completion_BS).sum() / completion_BS.sum()


def value_loss(
    value_BS: torch.Tensor, target_BS: torch.Tensor, completion_BS: torch.Tensor
) -> torch.Tensor:
    """½ (V − R)², the mean over the same tokens."""
    square_BS = torch.where(completion_BS, value_BS - target_BS, 0.0).square()
    return square_BS.sum() / completion_BS.sum() / 2


def main(path: str) -> None:
    torch.manual_seed(0)
    rng = random.Random(0)
    tokenizer = AutoTokenizer.from_pretrained(path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()  # no dropout
    model.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))  # type: ignore[arg-type]
    # V = 0 everywhere at first: A is then the reward alone, and nothing is biased. Without a bias
    # the level comes from the weights, so the head has a rate of its own.
    head = torch.nn.Linear(model.config.hidden_size, 1, bias=False, device=model.device)
    torch.nn.init.zeros_(head.weight)
    body, of_head = list(model.parameters()), list(head.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": LEARNING_RATE}, {"params": of_head, "lr": HEAD_RATE}],
        weight_decay=0.0,
    )

    for step in range(1, STEPS + 1):
        problems = [make_problem(rng) for _ in range(PROBLEMS)]
        ids_BS, real_BS, completion_BS = sample(model, tokenizer, [q for q, _ in problems])
        texts = [
            tokenizer.decode(ids[mask], skip_special_tokens=True)
            for ids, mask in zip(ids_BS, completion_BS, strict=True)
        ]
        rewards = [
            reward_of(text, answer) for text, (_, answer) in zip(texts, problems, strict=True)
        ]
        rewards_B = torch.tensor(rewards, device=model.device)

        # The round is scored whole before its first update: V must not know what it will be told.
        with torch.no_grad():
            anchor_BS, old_BS = score(model, head, ids_BS, real_BS)
        advantage_BS = whitened(gae(rewards_B, old_BS, completion_BS, LAMBDA), completion_BS)
        target_BS = gae(rewards_B, old_BS, completion_BS, LAMBDA_CRITIC) + old_BS
        for _ in range(UPDATES):
            logp_BS, value_BS = score(model, head, ids_BS, real_BS)
            loss = ppo_loss(logp_BS, anchor_BS, advantage_BS, completion_BS)
            loss = loss + VALUE_WEIGHT * value_loss(value_BS, target_BS, completion_BS)
            loss.backward()
            for parameters in (body, of_head):
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        mean_value = old_BS[completion_BS].mean().item()
        print(f"step {step:3}  solved {rewards_B.mean():4.0%}  V {mean_value:5.2f}  {texts[0]!r}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/one_file_ppo.py MODEL_FOLDER")
    main(sys.argv[1])
