"""Tokenizers of four families, small but of their real kinds, with their real chat templates: how
text becomes tokens, which tokens are added and special, and what stands around a turn."""

from collections.abc import Callable
from functools import cache
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

TEXTS = ["What is 2 + 2? Answer with a number. You are a helpful assistant.", "user system model"]

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QWEN3 = CHATML.replace("assistant\n' }}{% endif %}", "assistant\n<think>\n' }}{% endif %}")
LLAMA_3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{% set first_user_prefix = messages[0]['content'] + '\n\n' %}"
    "{% set loop_messages = messages[1:] %}"
    "{% else %}{% set first_user_prefix = '' %}{% set loop_messages = messages %}{% endif %}"
    "{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else '') "
    "+ message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}"
    "{% set loop_messages = messages[1:] %}{% else %}{% set loop_messages = messages %}{% endif %}"
    "{{ bos_token }}{% for message in loop_messages %}"
    "{% if message['role'] == 'user' %}"
    "{% if loop.last and system_message is defined %}"
    "{{ '[INST]' + system_message + '\n\n' + message['content'] + '[/INST]' }}"
    "{% else %}{{ '[INST]' + message['content'] + '[/INST]' }}{% endif %}"
    "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)

GPT_SPLIT = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(normalizer: Any = None) -> Tokenizer:
    """As Qwen and Llama 3: bytes, cut by GPT-4's expression, then merges."""
    inner = Tokenizer(models.BPE(ignore_merges=True))
    if normalizer is not None:
        inner.normalizer = normalizer
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(GPT_SPLIT, "isolated"), pre_tokenizers.ByteLevel(False, True, False)]
    )
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(TEXTS, BpeTrainer(vocab_size=320, initial_alphabet=alphabet))
    return inner


def sentencepiece(marks: tuple[str, ...], *, prefix: bool) -> Tokenizer:
    """As Gemma and Mistral: spaces are ▁, bytes for what is unknown, and the marks stand in the
    vocabulary itself."""
    words = ["<pad>", "<s>", "</s>", "<unk>", *marks, *(f"<0x{i:02X}>" for i in range(256))]
    letters = sorted({letter for text in (*TEXTS, *marks, "▁\n<|>/") for letter in text} - {" "})
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*words, *letters]))}
    inner = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    steps = [normalizers.Prepend("▁")] if prefix else []
    inner.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return inner


def dressed(inner: Tokenizer, template: str, special: tuple[str, ...], **named: str) -> Any:
    """A tokenizer of transformers with its special tokens, one or more of them named."""
    inner.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in special])
    made = PreTrainedTokenizerFast(tokenizer_object=inner, **named)
    made.chat_template = template
    return made


@cache
def chatml() -> Any:
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    return dressed(byte_level(normalizers.NFC()), CHATML, special, eos_token="<|im_end|>")


@cache
def qwen3() -> Any:
    """ChatML whose prompt opens the reasoning; <think> is added, and not special."""
    inner = byte_level(normalizers.NFC())
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    made = dressed(inner, QWEN3, special, eos_token="<|im_end|>")
    made.add_tokens([AddedToken(word, normalized=False) for word in ("<think>", "</think>")])
    return made


@cache
def llama_3() -> Any:
    special = (
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
        "<|eot_id|>", "<|reserved_special_token_0|>",
    )  # fmt: skip
    names = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
    return dressed(byte_level(), LLAMA_3, special, **names)


@cache
def gemma() -> Any:
    marks = ("<start_of_turn>", "<end_of_turn>")
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    inner = sentencepiece(marks, prefix=False)
    return dressed(inner, GEMMA, ("<pad>", "<s>", "</s>", "<unk>", *marks), **names)


@cache
def mistral() -> Any:
    marks = ("[INST]", "[/INST]")
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    inner = sentencepiece(marks, prefix=True)
    return dressed(inner, MISTRAL, ("<s>", "</s>", "<unk>", *marks), **names)


DIALECTS: dict[str, Callable[[], Any]] = {
    "chatml": chatml, "qwen3": qwen3, "llama 3": llama_3, "gemma": gemma, "mistral": mistral,
}  # fmt: skip
