"""Keys and values while decoding: those of each prompt once, and those of each row.

Legend: P tokens of prompts, T tokens of a row; N flat tokens; H query heads, G key and value heads,
D head size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...layout import Packed
from ...model.attention import AttentionParams, PackedAttention

FIRST_WIDTH = 64
"""Number of own tokens that rows have room for at first; doubled when it is used up."""


@dataclass(frozen=True, slots=True)
class CacheSize:
    """The room of a cache.

    Example: CacheSize(prompts=8, longest=120, rows=64, width=64)
    """

    prompts: int
    """Places for prompts."""
    longest: int
    """The most tokens of a prompt."""
    rows: int
    """Places for rows."""
    width: int
    """The most own tokens of a row."""

    def holds(self, other: "CacheSize") -> bool:
        """True if everything that fits into the other fits here."""
        return self == self.joined(other)

    def joined(self, other: "CacheSize") -> "CacheSize":
        """The smallest size that holds both."""
        return CacheSize(
            max(self.prompts, other.prompts),
            max(self.longest, other.longest),
            max(self.rows, other.rows),
            max(self.width, other.width),
        )


class KVCache:
    """Keys and values, [places, G, tokens, D] for each layer, of prompts and of rows.

    The tensors of a layer are made when its first keys arrive, in their shape: models differ in
    heads and sizes, some from layer to layer.
    """

    def __init__(self, size: CacheSize) -> None:
        self.prompts, self.longest = size.prompts, size.longest
        self.rows, self.width = size.rows, size.width
        self.prompt_kv: list[tuple[Tensor, Tensor]] = []
        """Keys and values of the prompts, by layer."""
        self.own_kv: list[tuple[Tensor, Tensor]] = []
        """Keys and values of the rows' own tokens, by layer."""

    @property
    def size(self) -> CacheSize:
        return CacheSize(self.prompts, self.longest, self.rows, self.width)

    def write_prompts(
        self, layer: int, places: slice, begin: int, key_PGD: Tensor, value_PGD: Tensor
    ) -> None:
        """Write the keys and values of the prompts at these places, from token `begin` on."""
        if layer == len(self.prompt_kv):
            fresh = (key_PGD, value_PGD)
            prompt_key, prompt_value = (_zeros(x, self.prompts, self.longest) for x in fresh)
            own_key, own_value = (_zeros(x, self.rows, self.width) for x in fresh)
            self.prompt_kv.append((prompt_key, prompt_value))
            self.own_kv.append((own_key, own_value))
        for kept, fresh_PGD in zip(self.prompt_kv[layer], (key_PGD, value_PGD), strict=True):
            kept[places, :, begin : begin + len(fresh_PGD)] = fresh_PGD.transpose(0, 1)

    def widen(self, tokens: int) -> None:
        """Make room for rows of so many tokens."""
        if tokens <= self.width:
            return
        old, self.width = self.width, max(tokens, 2 * self.width)
        for layer, pair in enumerate(self.own_kv):
            wider = [_zeros(x.transpose(1, 2)[0], self.rows, self.width) for x in pair]
            for new, x in zip(wider, pair, strict=True):
                new[:, :, :old] = x
            self.own_kv[layer] = (wider[0], wider[1])

    def move_rows(self, to: Sequence[int], of: Sequence[int]) -> None:
        """Copy the keys and values of rows to other places."""
        _move(self.own_kv, to, of)

    def move_prompts(self, to: Sequence[int], of: Sequence[int]) -> None:
        """Copy the keys and values of prompts to other places."""
        _move(self.prompt_kv, to, of)


def _zeros(like_TGD: Tensor, places: int, tokens: int) -> Tensor:
    """A tensor [places, G, tokens, D] of zeros: places that were never written are multiplied by a
    weight of 0, and NaN would survive that."""
    return like_TGD.new_zeros(places, like_TGD.shape[1], tokens, like_TGD.shape[2])


def _move(layers: list[tuple[Tensor, Tensor]], to: Sequence[int], of: Sequence[int]) -> None:
    if to:
        for pair in layers:
            for x in pair:
                x[to] = x[of]


class Prefill:
    """A pass of prompts through the model, side by side without padding, that keeps their keys and
    values: an AttentionFn."""

    def __init__(self, cache: KVCache, packed: Packed, first: int) -> None:
        """`first` is the place of the first prompt; the others follow."""
        self.cache, self.packed, self.first = cache, packed, first
        self.attention = PackedAttention(packed)

    def __call__(
        self,
        layer: int,
        query_NHD: Tensor,
        key_NGD: Tensor,
        value_NGD: Tensor,
        params: AttentionParams,
    ) -> Tensor:
        prefix, spans = self.packed.prefix, self.packed.spans
        runs = [(slice(self.first, self.first + len(spans)), 0, slice(prefix))] if prefix else []
        for place, span in enumerate(spans, self.first):
            own = slice(span.start, span.start + span.prompt)
            runs.append((slice(place, place + 1), prefix, own))
        for places, begin, run in runs:
            self.cache.write_prompts(layer, places, begin, key_NGD[run], value_NGD[run])
        return self.attention(layer, query_NHD, key_NGD, value_NGD, params)
