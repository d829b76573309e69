"""Rows of prompts and completions, laid out as tensors for one pass through a model.

Two layouts hold the same tokens. `Packed` is one flat axis without padding, each prompt once for
all its completions; `Padded` is two rectangles, for the models that know nothing else.

Legend: B rows, T completion tokens (the longest row's), M completion tokens of all rows, one row
after the other; N flat tokens; Q different prompts, P prompt tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from .types import Round

Device = torch.device | str


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Prompts and completions as token ids, row by row: what any forward pass is made from."""

    prompts: tuple[Sequence[int], ...]
    completions: tuple[Sequence[int], ...]

    @classmethod
    def of(cls, round: Round) -> "TokenRows":
        return cls(
            tuple(g.prompt_ids for g in round.groups for _ in g.rollouts),
            tuple(r.completion.token_ids for r in round.rollouts),
        )

    def __len__(self) -> int:
        return len(self.prompts)

    def take(self, index: Sequence[int]) -> "TokenRows":
        return TokenRows(
            tuple(self.prompts[i] for i in index), tuple(self.completions[i] for i in index)
        )

    def prompt_of(self) -> list[int]:
        """[B] the place of the row's prompt among the different ones."""
        places: dict[tuple[int, ...], int] = {}
        return [places.setdefault(tuple(p), len(places)) for p in self.prompts]

    def targets(self, device: Device = "cpu") -> Tensor:
        """[M] the completions' tokens, one row after the other."""
        return torch.tensor([t for c in self.completions for t in c], device=device)

    def real(self, device: Device = "cpu") -> Tensor:
        """[B, T] True where a row has a completion token: from lengths, never from token values.
        Read row by row, its places are those of `targets`."""
        lengths_B = torch.tensor([len(c) for c in self.completions])
        return (torch.arange(int(lengths_B.max())) < lengths_B[:, None]).to(device)

    def packs(self, limit: int, layout: "Layout") -> list[list[int]]:
        """Rows that go through the model together, of at most `limit` tokens.

        Rows of one prompt stay together, so that it is computed once; only where they are more
        than `layout.deep` times the limit are they split (a larger row goes alone). Longer ones
        come first, so that little is padding. Decided by counts only.
        """
        prompt_of = self.prompt_of()
        groups: dict[int, list[int]] = {}
        order = sorted(
            range(len(self)),
            key=lambda i: (-len(self.prompts[i]), prompt_of[i], -len(self.completions[i]), i),
        )
        for i in order:
            groups.setdefault(prompt_of[i], []).append(i)
        packs: list[list[int]] = []
        for group in groups.values():
            if packs and layout.size(self.take([*packs[-1], *group])) <= limit:
                packs[-1] += group
            else:
                packs += self._split(group, limit, layout)
        return packs

    def _split(self, group: list[int], limit: int, layout: "Layout") -> list[list[int]]:
        """One pack where the group fits, or would if nothing but a layer's input were kept."""
        if layout.size(self.take(group)) <= layout.deep * limit:
            return [group]
        packs: list[list[int]] = []
        for i in group:
            if packs and layout.size(self.take([*packs[-1], i])) <= limit:
                packs[-1].append(i)
            else:
                packs.append([i])
        return packs


@dataclass(frozen=True, slots=True)
class Layout:
    """The cost of a way of laying rows out, and how far memory can be saved in it."""

    size: Callable[[TokenRows], int]
    """Tokens of these rows in one pass."""
    deep: int
    """The number of times the tokens that fit can be computed together when the backward pass
    computes each layer again from its input. That is about a thirtieth of what a layer keeps, but
    one layer at a time is whole: with 12 layers, 8 times as many tokens need as much as the plain
    pass."""


WORTH = 1 / 16
"""The tokens that all prompts begin with are laid out once where that saves such a share of all.
What it costs is one more attention of all tokens to them in each layer."""


@dataclass(frozen=True, slots=True)
class Span:
    """A prompt and its completions on the flat axis: [prompt | completion | completion …].

    The last token of a completion predicts nothing that is scored, so it is left out: lengths are
    one less than the completion's, and may be 0.
    """

    start: int
    """The flat place at which the prompt begins."""
    prompt: int
    """Its tokens, without the prefix."""
    lengths: tuple[int, ...]
    """Tokens of each completion that stand on the axis."""

    @property
    def starts(self) -> list[int]:
        """The flat place at which each completion begins."""
        return list(accumulate(self.lengths, initial=self.start + self.prompt))[:-1]

    @property
    def end(self) -> int:
        return self.start + self.prompt + sum(self.lengths)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of tokens on the flat axis that see each other causally, behind all of other runs."""

    start: int
    length: int
    before: tuple[slice, ...] = ()
    """Runs that each of its tokens sees too, in the order of positions."""

    @property
    def own(self) -> slice:
        return slice(self.start, self.start + self.length)


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows on one flat axis: [prefix] [prompt | completion 1 | completion 2 …] [next prompt] …

    The prefix is what all prompts begin with (a system prompt, worked examples); a prompt is then
    its rest, of one token at least. A completion's first token is predicted by its prompt's last
    position.
    """

    ids_N: Tensor
    position_N: Tensor
    """Positions restart behind the prefix for prompts, behind their prompt for completions."""
    predicts_M: Tensor
    """The flat place whose hidden state predicts each completion token."""
    spans: tuple[Span, ...]
    prefix: int = 0
    """Tokens that all prompts begin with, in front of the first."""

    @classmethod
    def of(cls, rows: TokenRows, device: Device = "cpu") -> "Packed":
        members: dict[int, list[int]] = {}
        for i, q in enumerate(rows.prompt_of()):
            members.setdefault(q, []).append(i)
        prefix = _prefix([rows.prompts[mine[0]] for mine in members.values()], rows.completions)
        ids = list(rows.prompts[0][:prefix])
        positions = list(range(prefix))
        predicts: list[list[int]] = [[]] * len(rows)
        spans = []
        for mine in members.values():
            prompt = rows.prompts[mine[0]]
            lengths = tuple(len(rows.completions[i]) - 1 for i in mine)
            span = Span(len(ids), len(prompt) - prefix, lengths)
            ids += prompt[prefix:]
            positions += range(prefix, len(prompt))
            for i, start, length in zip(mine, span.starts, lengths, strict=True):
                ids += rows.completions[i][:length]
                positions += range(len(prompt), len(prompt) + length)
                predicts[i] = [span.start + span.prompt - 1, *range(start, start + length)]
            spans.append(span)
        places = [place for row in predicts for place in row]
        ids_N, position_N, predicts_M = (
            torch.tensor(x, device=device) for x in (ids, positions, places)
        )
        return cls(ids_N, position_N, predicts_M, tuple(spans), prefix)

    @classmethod
    def prompts(cls, prompts: Sequence[Sequence[int]], device: Device = "cpu") -> "Packed":
        """Prompts alone, equal ones too, each predicting one token."""
        prefix = _prefix(prompts)
        rests = [p[prefix:] for p in prompts]
        ends = list(accumulate(map(len, rests), initial=prefix))
        return cls(
            torch.tensor([*prompts[0][:prefix], *(t for p in rests for t in p)], device=device),
            torch.tensor(
                [*range(prefix), *(i for p in prompts for i in range(prefix, len(p)))],
                device=device,
            ),
            torch.tensor([end - 1 for end in ends[1:]], device=device),
            tuple(Span(start, len(p), ()) for p, start in zip(rests, ends, strict=False)),
            prefix,
        )

    @property
    def pieces(self) -> list[Piece]:
        """All of the axis, in its order: the prefix, prompts, completions."""
        pieces, shared = [], ()
        if self.prefix:
            pieces.append(Piece(0, self.prefix))
            shared = (pieces[0].own,)
        for span in self.spans:
            prompt = Piece(span.start, span.prompt, shared)
            pieces.append(prompt)
            pieces += [
                Piece(start, length, (*shared, prompt.own))
                for start, length in zip(span.starts, span.lengths, strict=True)
                if length
            ]
        return pieces

    @staticmethod
    def size(rows: TokenRows) -> int:
        """Tokens on the flat axis."""
        prompts = list({tuple(p) for p in rows.prompts})
        saved = (len(prompts) - 1) * _prefix(prompts, rows.completions)
        return sum(map(len, prompts)) + sum(len(c) - 1 for c in rows.completions) - saved


def _prefix(prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]] = ()) -> int:
    """The number of tokens that are laid out once because all prompts begin with them; 0 where that
    saves little. A token of each prompt is left: its end predicts."""
    # What the first and the last in order begin with is what all begin with.
    ends = min(prompts, key=tuple), max(prompts, key=tuple)
    most = min(map(len, prompts)) - 1
    same = next((i for i, (a, b) in enumerate(zip(*ends, strict=False)) if a != b), most)
    prefix = min(same, most)
    tokens = sum(map(len, prompts)) + sum(map(len, completions))
    return prefix if (len(prompts) - 1) * prefix >= WORTH * tokens else 0


@dataclass(frozen=True, slots=True)
class Padded:
    """Rows as two rectangles: the prompts, each once and padded on the left, so that all end at
    the same place; and the completions, padded on the right."""

    prompt_ids_QP: Tensor
    prompt_real_QP: Tensor
    """True where the prompt has a token: from lengths, never from token values."""
    prompt_of_B: Tensor
    """The place of the prompt that a row completes."""
    completion_ids_BT: Tensor
    completion_real_BT: Tensor
    """True where the completion has a token."""

    @classmethod
    def of(cls, rows: TokenRows, device: Device = "cpu") -> "Padded":
        prompt_of = rows.prompt_of()
        prompts = [rows.prompts[prompt_of.index(q)] for q in range(max(prompt_of) + 1)]
        width = max(map(len, rows.completions))
        return cls(
            pad_left(prompts).to(device),
            pad_left([[1] * len(p) for p in prompts]).bool().to(device),
            torch.tensor(prompt_of, device=device),
            pad(rows.completions, width).to(device),
            rows.real(device),
        )

    @staticmethod
    def size(rows: TokenRows) -> int:
        """Places of both rectangles, padding included."""
        prompts = {tuple(p) for p in rows.prompts}
        longest = max(map(len, rows.completions))
        return len(prompts) * max(map(len, prompts)) + len(rows) * longest


PACKED = Layout(Packed.size, deep=8)
PADDED = Layout(Padded.size, deep=1)
"""Its completions attend to a cache, which a layer computed again would fill twice."""


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
