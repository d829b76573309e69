"""Small tokenizers of the kinds that models have, made by hand, with the real decoders."""

from collections.abc import Callable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<s>", "</s>", "<|im_end|>")
BYTES = tuple(f"<0x{b:02X}>" for b in range(256))
WORDS = ("▁", "▁▁", "▁Hello", "Hello", "▁world", "▁so", "ld", ",", ".", "'", "s", "中", "�", "▁é")


def wrapped(inner: Tokenizer, **options) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        additional_special_tokens=[SPECIAL[2]],
        **options,
    )


def numbered(words: Sequence[str]) -> dict[str, int]:
    return {word: i for i, word in enumerate(words)}


def byte_level() -> PreTrainedTokenizerFast:
    """GPT-2's kind: every token is bytes, some of them parts of characters and of two at once."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # "é" is the bytes C3 A9; "中" is E4 B8 AD; Ġ is the space.
    merges = [("Ġ", "s"), ("Ã", "©"), ("ä", "¸"), ("Ńä", "¸"), ("Ń", "ä"), ("Ġs", "o")]
    words = [*SPECIAL, *alphabet, *("".join(pair) for pair in merges)]
    ordered = [merges[i] for i in (0, 1, 2, 4, 3, 5)]
    inner = Tokenizer(models.BPE(numbered(words), ordered))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return wrapped(inner)


def unigram(scheme: str) -> PreTrainedTokenizerFast:
    """SentencePiece's: ▁ for a space, bytes for what it has no word for."""
    words = [*SPECIAL, "<unk>", *WORDS, *BYTES]
    inner = Tokenizer(models.Unigram([(w, -1.0 - i / 100) for i, w in enumerate(words)], 3, True))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    inner.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme=scheme)]
    )
    return wrapped(inner, unk_token="<unk>")


def llama(strip: bool) -> PreTrainedTokenizerFast:
    """SentencePiece's BPE as Llama 2 (a space before the first word is dropped) and Gemma decode
    it."""
    words = [*SPECIAL, "<unk>", *BYTES, *WORDS]
    inner = Tokenizer(models.BPE(numbered(words), [], unk_token="<unk>", byte_fallback=True))
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    inner.decoder = decoders.Sequence([*parts, *([decoders.Strip(" ", 1, 0)] if strip else [])])
    return wrapped(inner, unk_token="<unk>")


def wordpiece(cleanup: bool) -> PreTrainedTokenizerFast:
    """BERT's: a space before every token that does not go on a word; some are cleaned away."""
    pieces = ("un", "##believ", "##able", "don", "##'t", "do", "not", "n't", "'", "t", "##s")
    words = [*SPECIAL, "[UNK]", *pieces, ".", ",", "?", "!", "中", "é", "it", "'s", "'re"]
    inner = Tokenizer(models.WordPiece(numbered(words), unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece(cleanup=cleanup)
    return wrapped(inner, unk_token="[UNK]", clean_up_tokenization_spaces=cleanup)


def ends_of_words() -> PreTrainedTokenizerFast:
    """The first BPE's: the end of a word is marked, and the last one gets no space."""
    words = [*SPECIAL, "hel", "lo</w>", "hello</w>", "wor", "ld</w>", ".</w>", "é</w>"]
    inner = Tokenizer(models.BPE(numbered(words), [], end_of_word_suffix="</w>"))
    inner.decoder = decoders.BPEDecoder("</w>")
    return wrapped(inner)


def far_sighted() -> PreTrainedTokenizerFast:
    """No kind that any model has: a hundred letters a and more become one b."""
    inner = Tokenizer(models.WordLevel(numbered([*SPECIAL, "a", "c"]), unk_token="c"))
    replace = decoders.Replace(Regex("a{100,}"), "b")
    inner.decoder = decoders.Sequence([decoders.Fuse(), replace])
    return wrapped(inner)


KINDS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte-level": byte_level,
    "unigram": lambda: unigram("first"),
    "unigram-without-prefix": lambda: unigram("never"),
    "llama": lambda: llama(True),
    "gemma": lambda: llama(False),
    "wordpiece": lambda: wordpiece(True),
    "wordpiece-as-it-is": lambda: wordpiece(False),
    "ends-of-words": ends_of_words,
}
