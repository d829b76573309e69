"""Randomness as a function: every random number is a hash of what it is for.

No generator is seeded and none is carried along, so nothing about the order, batching or number of
processes can change a number, and a resumed run draws what the uninterrupted one would have drawn.
A key names a stream (seed, purpose, round, draw, attempt, completion); a position is a place in it.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy

T = TypeVar("T")

MASK_64 = (1 << 64) - 1
"""Mask that keeps the lower 64 bits of a whole number."""
GOLDEN_GAMMA = 0x9E3779B97F4A7C15
"""Increment of SplitMix64: 2^64 divided by the golden ratio, made odd."""


def key(*parts: int | str) -> int:
    """A 64-bit key of a stream, e.g. key(seed, "sample", round, draw, attempt, completion)."""
    text = "\x1f".join(f"{type(p).__name__[0]}{p}" for p in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def bits(stream: int, position: int) -> int:
    """64 random bits at a position of a stream (the SplitMix64 output function, Steele et al.
    2014)."""
    z = (stream + (position + 1) * GOLDEN_GAMMA) & MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK_64
    return z ^ (z >> 31)


def uniform(stream: int, position: int) -> float:
    """A number in [0, 1) with 24 bits, so that it is exact in fp32 and never rounds up to 1."""
    return (bits(stream, position) >> 40) / (1 << 24)


def integer(stream: int, position: int, low: int, high: int) -> int:
    """A whole number in [low, high], both included. Bias below 2**-40 for ranges under 2**24."""
    return low + (bits(stream, position) * (high - low + 1) >> 64)


def permutation(stream: int, n: int) -> list[int]:
    """The numbers 0 … n-1 in an order that the stream alone decides."""
    return sorted(range(n), key=lambda i: (bits(stream, i), i))


def choice(stream: int, position: int, items: Sequence[T]) -> T:
    """One of the items, each equally likely."""
    return items[integer(stream, position, 0, len(items) - 1)]


def normals(stream: int, count: int) -> "numpy.ndarray":
    """[count] fp64 numbers of mean 0 and standard deviation 1, none beyond 6, bit for bit the same
    on every processor.

    Each is the sum of twelve uniform numbers of 16 bits, from three positions of the stream. That
    is integer arithmetic; a logarithm or a cosine, which other recipes for normal numbers take, is
    rounded in another way by another library or instruction set.
    """
    import numpy as np  # here, for whoever needs one number at a time needs no numpy

    shifts = np.array([0, 16, 32, 48], dtype=np.uint64)
    pieces = (_all_bits(stream, 3 * count).reshape(count, 3, 1) >> shifts) & np.uint64(0xFFFF)
    total = pieces.sum(axis=(1, 2)).astype(np.int64)
    # The mean of a piece is (2**16 - 1) / 2, its variance (2**32 - 1) / 12.
    return (2 * total - 12 * 0xFFFF) / 2.0**17


def uniforms(stream: int, count: int) -> "numpy.ndarray":
    """[count] fp64 numbers, those of `uniform` at positions 0 … count - 1."""
    import numpy as np

    return (_all_bits(stream, count) >> np.uint64(40)) / 2.0**24


def _all_bits(stream: int, count: int) -> "numpy.ndarray":
    """[count] the numbers of `bits` at positions 0 … count - 1."""
    import numpy as np

    place = np.arange(1, count + 1, dtype=np.uint64)
    z = np.uint64(stream) + place * np.uint64(GOLDEN_GAMMA)  # overflow is the modulus
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
