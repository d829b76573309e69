"""From a part of a Round to what the policy and the objective read. The one place that shifts,
pads, masks and splits: nothing downstream slices `[:, 1:]` or compares a token with the pad.

Legend: B rows, T completion tokens (the longest row's), Q different prompts, P prompt tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import chance
from .objective import Objective, Tokens
from .types import Round

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Rows:
    """Prompts and completions as token ids, row by row: what any forward pass is made from."""

    prompts: tuple[Sequence[int], ...]
    completions: tuple[Sequence[int], ...]

    @classmethod
    def of(cls, round: Round) -> "Rows":
        return cls(
            tuple(g.prompt_ids for g in round.groups for _ in g.rollouts),
            tuple(r.completion.token_ids for r in round.rollouts),
        )

    def __len__(self) -> int:
        return len(self.prompts)

    def take(self, index: Sequence[int]) -> "Rows":
        return Rows(
            tuple(self.prompts[i] for i in index), tuple(self.completions[i] for i in index)
        )

    def packs(self, tokens_per_forward: int) -> list[list[int]]:
        """Rows that go through the model together, at most `tokens_per_forward` padded tokens of
        them (a longer row goes alone). Rows of one prompt stand together, and longer ones first,
        so that a prompt is seldom computed twice and little is padding. Decided by counts only."""
        prompt_of = self.prompt_of()
        order = sorted(
            range(len(self)),
            key=lambda i: (-len(self.prompts[i]), prompt_of[i], -len(self.completions[i]), i),
        )
        packs: list[list[int]] = []
        for i in order:
            pack = packs[-1] if packs else []
            prompts = {prompt_of[j] for j in (*pack, i)}
            completion = max(len(self.completions[j]) for j in (*pack, i))
            # The first row of a pack has its longest prompt.
            prompt = len(self.prompts[pack[0]]) if pack else 0
            padded = len(prompts) * prompt + (len(pack) + 1) * completion
            if pack and padded <= tokens_per_forward:
                pack.append(i)
            else:
                packs.append([i])
        return packs

    def prompt_of(self) -> list[int]:
        """[B] the place of the row's prompt among the different ones."""
        places: dict[tuple[int, ...], int] = {}
        return [places.setdefault(tuple(p), len(places)) for p in self.prompts]


@dataclass(frozen=True, slots=True)
class Padded:
    """Rows laid out as two rectangles: the prompts, each once and padded on the left, so that all
    end at the same place; and the completions, padded on the right."""

    prompt_ids_QP: Tensor
    prompt_real_QP: Tensor
    """True where the prompt has a token: from lengths, never from token values."""
    prompt_of_B: Tensor
    """Which prompt a row completes."""
    completion_ids_BT: Tensor
    completion_real_BT: Tensor
    """True where the completion has a token."""

    @classmethod
    def of(cls, rows: Rows, device: torch.device | str = "cpu") -> "Padded":
        prompt_of = rows.prompt_of()
        prompts = [rows.prompts[prompt_of.index(q)] for q in range(max(prompt_of) + 1)]
        lengths_B = torch.tensor([len(c) for c in rows.completions])
        width = int(lengths_B.max())
        return cls(
            pad_left(prompts).to(device),
            pad_left([[1] * len(p) for p in prompts]).bool().to(device),
            torch.tensor(prompt_of, device=device),
            pad(rows.completions, width).to(device),
            (torch.arange(width) < lengths_B[:, None]).to(device),
        )


@dataclass(frozen=True, slots=True)
class Micro:
    """The rows of one forward and backward pass."""

    padded: Padded
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one optimizer step that carry signal, weighed among all rows of their part."""

    rows: Rows
    tokens: Tokens
    index: tuple[int, ...]
    """Their places among the round's rows."""
    part_rows: int
    """Rows of the part before those without signal were dropped."""

    @classmethod
    def of(
        cls, round: Round, part: Sequence[int], objective: Objective, *, anchored: bool = True
    ) -> "Batch":
        """Weigh all, then drop what carries no gradient.

        Args:
            round: scored, with the columns that the objective needs.
            part: the places of the part's groups in the round.
            anchored: False where the round has one part: the policy's own log-probability is the
                anchor then, even where the round holds one (for KL in the reward).
        """
        chosen, group_of, every = set(part), round.group_of, round.rollouts
        index = [i for i, g in enumerate(group_of) if g in chosen]
        rollouts = [every[i] for i in index]
        width = max(len(r.completion.token_ids) for r in rollouts)
        advantage_BT = _token_advantages(objective, round, index, width)
        sampled = [
            [float(not r.masked)] * len(r.completion.token_ids)
            if r.completion.sampled is None
            else [float(s and not r.masked) for s in r.completion.sampled]
            for r in rollouts
        ]
        mask_BT = pad(sampled, width, torch.float32)
        group_B = torch.tensor([group_of[i] for i in index])
        tokens = Tokens(
            mask_BT=mask_BT,
            anchor_BT=_column(round.anchor if anchored else None, index, width),
            old_BT=pad([r.completion.logprobs for r in rollouts], width, torch.float32),
            ref_BT=_column(round.ref, index, width),
            advantage_BT=advantage_BT,
            weight_BT=objective.weights(mask_BT, group_B),
        )
        rows = Rows.of(round).take(index)
        keep = list(range(len(index)))
        if objective.drops_signalless:
            keep = (advantage_BT * mask_BT).any(1).nonzero()[:, 0].tolist()
        return cls(
            rows.take(keep),
            tokens.rows(torch.tensor(keep, dtype=torch.long)),
            tuple(index[i] for i in keep),
            len(index),
        )

    def micro(self, tokens_per_forward: int, device: torch.device | str = "cpu") -> Iterator[Micro]:
        """The batch in pieces that fit into memory; losses and gradients add up to the whole's."""
        for pack in self.rows.packs(tokens_per_forward):
            rows = self.rows.take(pack)
            width = max(len(c) for c in rows.completions)
            tokens = self.tokens.rows(torch.tensor(pack)).cut(width).to(device)
            yield Micro(Padded.of(rows, device), tokens)


def parts_of(round: Round, seed: int, part: int, minibatches: int) -> list[int]:
    """The groups of the round's part number `part`: epoch part // minibatches, its share of a
    permutation hashed from (seed, "parts", round, epoch). Groups stay whole; shares differ by at
    most one group."""
    epoch, share = divmod(part, minibatches)
    count = len(round.groups)
    order = chance.permutation(chance.key(seed, "parts", round.index, epoch), count)
    return order[share * count // minibatches : (share + 1) * count // minibatches]


def pad(rows: Sequence[Sequence], width: int, dtype: torch.dtype = torch.long) -> Tensor:
    """[len(rows), width], zeros on the right."""
    padded = torch.zeros(len(rows), width, dtype=dtype)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row, dtype=dtype)
    return padded


def pad_left(rows: Sequence[Sequence[int]]) -> Tensor:
    """[len(rows), longest], zeros on the left."""
    width = max(map(len, rows))
    return pad([[*(0,) * (width - len(row)), *row] for row in rows], width)


def _token_advantages(
    objective: Objective, round: Round, index: Sequence[int], width: int
) -> Tensor:
    """[B, T] of the part's rows, from statistics of the whole round."""
    advantage = objective.advantages(round)[list(index)]
    if advantage.ndim == 1:
        return advantage[:, None].expand(-1, width).float()
    return advantage[:, :width].float()


def _column(column: tuple[Floats, ...] | None, index: Sequence[int], width: int) -> Tensor | None:
    return None if column is None else pad([column[i] for i in index], width, torch.float32)
