"""Random numbers are functions of what they are for."""

from paceline import rng


def test_numbers_are_fixed_for_good():
    # Worked out once with an independent transcription of SplitMix64: seed 0 gives these outputs.
    assert [rng.bits(0, i) for i in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


def test_a_key_tells_its_parts_apart():
    assert rng.key(1, 23) != rng.key(12, 3)
    assert rng.key("1", 2) != rng.key(1, "2")
    assert rng.key(5, "sample", 0) == rng.key(5, "sample", 0)


def test_uniform_is_uniform_enough():
    stream = rng.key(7, "test")
    numbers = [rng.uniform(stream, i) for i in range(20_000)]
    assert min(numbers) >= 0 and max(numbers) < 1
    # The mean of n uniform numbers has standard deviation 1/sqrt(12 n) = 0.002; five of them.
    assert abs(sum(numbers) / len(numbers) - 0.5) < 0.0102
    tenths = [sum(int(10 * x) == k for x in numbers) for k in range(10)]
    # Chi-squared with 9 degrees of freedom exceeds 33.7 once in 10,000 times.
    assert sum((n - 2000) ** 2 / 2000 for n in tenths) < 33.7


def test_positions_and_streams_are_uncorrelated():
    a = [rng.uniform(rng.key(0, "x", i), 0) - 0.5 for i in range(4000)]
    b = [rng.uniform(rng.key(0, "x", i), 1) - 0.5 for i in range(4000)]
    # Standard deviation of the mean product is (1/12)/sqrt(4000) = 0.0013; five of them.
    assert abs(sum(x * y for x, y in zip(a, b, strict=True)) / 4000) < 0.0066


def test_integers_reach_both_ends_and_nothing_beyond():
    drawn = [rng.integer(3, i, 10, 12) for i in range(200)]
    assert set(drawn) == {10, 11, 12}


def test_a_permutation_is_one_and_depends_on_the_stream():
    assert sorted(rng.permutation(1, 50)) == list(range(50))
    assert rng.permutation(1, 50) != rng.permutation(2, 50)


def test_normal_numbers_are_sums_of_twelve_pieces_of_sixteen_bits():
    stream = rng.key(5, "normals")
    drawn = rng.normals(stream, 50)
    for i, number in enumerate(drawn):
        pieces = [
            rng.bits(stream, 3 * i + k) >> shift & 0xFFFF
            for k in range(3)
            for shift in (0, 16, 32, 48)
        ]
        # Twelve of mean 32,767.5; their sum has standard deviation 2**16 (but for 2**-33 of it).
        assert number == (sum(pieces) - 12 * 32_767.5) / 2**16


def test_normal_numbers_are_normal_enough():
    drawn = rng.normals(rng.key(7, "normals"), 100_000)
    # Standard errors of mean and variance are 0.0032 and 0.0045 at most; five of them.
    assert abs(drawn.mean()) < 0.016 and abs(drawn.var() - 1) < 0.023
    # Of normal numbers 68.27 % lie within 1, 95.45 % within 2; a sum of twelve uniform ones has
    # 67.8 % and 95.6 % there, with standard errors of 0.15 points.
    for bound, share in ((1, 0.680), (2, 0.955)):
        assert abs((abs(drawn) < bound).mean() - share) < 0.01
    assert abs(drawn).max() < 6
