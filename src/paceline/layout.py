"""Rows of prompts and completions, laid out as tensors for one pass through a model.

Both layouts hold the same tokens. `Packed` is one flat axis without padding, each prompt once for
all its completions; `Padded` is two rectangles, for models that support nothing else.

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
    """Prompts and completions as token ids, row by row: the input of every forward pass."""

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
        """[B] the index of each row's prompt among the distinct ones."""
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

    def packs(self, limit: int, layout: "Layout", *, whole: bool = False) -> list[list[int]]:
        """Rows grouped into packs that go through the model together, of at most `limit` tokens.

        Rows of one prompt stay together, so that it is computed once; they are split only if they
        exceed `layout.deep` times the limit (a larger row goes alone). Longer ones come first, so
        that there is little padding. Only counts decide.

        Args:
            whole: True never splits the rows of one prompt, however long they are together.
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
                packs += [group] if whole else self._split(group, limit, layout)
        return packs

    def _split(self, group: list[int], limit: int, layout: "Layout") -> list[list[int]]:
        """One pack if the group fits, or would fit if only the inputs of layers were kept."""
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
    """Number of tokens of these rows in one pass."""
    deep: int
    """The number of times the tokens that fit can be computed together when the backward pass
    computes each layer again from its input. That input is about a thirtieth of what a layer keeps,
    but one layer at a time is whole: with 12 layers, 8 times as many tokens need as much as the
    plain pass."""


WORTHWHILE_SHARE = 1 / 16
"""Share of all tokens that laying out a common prefix once must save. Its cost is one more
attention of all tokens to the prefix in each layer."""


@dataclass(frozen=True, slots=True)
class Span:
    """A prompt and its completions on the flat axis: [prompt | completion | completion …].

    The last token of a completion predicts nothing that is scored, so it is left out: lengths are
    one less than the completion's, and may be 0.
    """

    start: int
    """The flat position at which the prompt begins."""
    prompt: int
    """The prompt's tokens, without the prefix."""
    lengths: tuple[int, ...]
    """Number of tokens of each completion that stand on the axis."""

    @property
    def starts(self) -> list[int]:
        """The flat position at which each completion begins."""
        return list(accumulate(self.lengths, initial=self.start + self.prompt))[:-1]

    @property
    def end(self) -> int:
        return self.start + self.prompt + sum(self.lengths)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of tokens on the flat axis that see each other causally, after all tokens of the runs
    in `before`."""

    start: int
    length: int
    before: tuple[slice, ...] = ()
    """Runs that each token of the piece sees too, in the order of positions."""

    @property
    def own(self) -> slice:
        return slice(self.start, self.start + self.length)


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows on one flat axis: [prefix] [prompt | completion 1 | completion 2 …] [next prompt] …

    The prefix is the beginning that all prompts share (a system prompt, worked examples); a prompt
    is then its rest, of at least one token. A completion's first token is predicted by its prompt's
    last position.
    """

    ids_N: Tensor
    position_N: Tensor
    """Position of each token: restarts after the prefix for prompts, and after their prompt for
    completions."""
    predicts_M: Tensor
    """The flat position whose hidden state predicts each completion token."""
    spans: tuple[Span, ...]
    prefix: int = 0
    """Tokens that all prompts begin with, in front of the first prompt."""

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
        """The whole axis, in its order: the prefix, prompts, completions."""
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
        """Number of tokens on the flat axis."""
        prompts = list({tuple(p) for p in rows.prompts})
        saved = (len(prompts) - 1) * _prefix(prompts, rows.completions)
        return sum(map(len, prompts)) + sum(len(c) - 1 for c in rows.completions) - saved


def _prefix(prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]] = ()) -> int:
    """The number of tokens that are laid out once because all prompts begin with them; 0 if that
    saves little. One token of each prompt is left: its end predicts."""
    # What the first and the last in order begin with is what all begin with.
    ends = min(prompts, key=tuple), max(prompts, key=tuple)
    most = min(map(len, prompts)) - 1
    same = next((i for i, (a, b) in enumerate(zip(*ends, strict=False)) if a != b), most)
    prefix = min(same, most)
    tokens = sum(map(len, prompts)) + sum(map(len, completions))
    return prefix if (len(prompts) - 1) * prefix >= WORTHWHILE_SHARE * tokens else 0


@dataclass(frozen=True, slots=True)
class Padded:
    """Rows as two rectangles: the prompts, each once and padded on the left, so that all end at the
    same column; and the completions, padded on the right."""

    prompt_ids_QP: Tensor
    prompt_real_QP: Tensor
    """True where the prompt has a token: from lengths, never from token values."""
    prompt_of_B: Tensor
    """The index of each row's prompt."""
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
        """Number of places in both rectangles, padding included."""
        prompts = {tuple(p) for p in rows.prompts}
        longest = max(map(len, rows.completions))
        return len(prompts) * max(map(len, prompts)) + len(rows) * longest


PACKED = Layout(Packed.size, deep=8)
"""The layout on one flat axis."""
PADDED = Layout(Padded.size, deep=1)
"""The layout as two rectangles. Its completions attend to a cache, which a layer computed again
would fill twice."""


def pad(rows: Sequence[Sequence], width: int, dtype: torch.dtype = torch.long) -> Tensor:
    """The rows as a [len(rows), width] tensor, with zeros on the right."""
    padded = torch.zeros(len(rows), width, dtype=dtype)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row, dtype=dtype)
    return padded


def pad_left(rows: Sequence[Sequence[int]]) -> Tensor:
    """The rows as a [len(rows), longest] tensor, with zeros on the left."""
    width = max(map(len, rows))
    return pad([[*(0,) * (width - len(row)), *row] for row in rows], width)
