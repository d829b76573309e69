"""A two-layer random model with a small tokenizer, made on the spot: no download, milliseconds.

It exists so that a whole run takes seconds: recipe `tiny`, the tests, the examples. It knows
nothing, and can learn only which answers pay.
"""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from .. import rng

TINY_NAME = "tiny"
"""The name of the model in configs."""
WEIGHT_DEVIATION = 0.05
"""The standard deviation of a weight."""
CHARACTERS = "0123456789+-*/=?.,! abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ<>_#|\n"
"""Characters that are a token each."""
SPECIAL_TOKENS = ("<pad>", "<|im_start|>", "<|im_end|>")
"""Special tokens: padding, beginning and end of a turn."""
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The chat template, ChatML."""


def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token a character, and ChatML."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    words = [*SPECIAL_TOKENS, "�", *CHARACTERS]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="�"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    inner.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="�",
        pad_token=SPECIAL_TOKENS[0],
        eos_token=SPECIAL_TOKENS[2],
        additional_special_tokens=[SPECIAL_TOKENS[1]],
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = CHAT_TEMPLATE
    return made


def model(seed: int = 0, dtype: torch.dtype = torch.float32) -> LlamaForCausalLM:
    """A model with two layers of width 64, 4 query heads on 2 key heads; a seed gives the same
    weights, bit for bit, on every machine."""
    config = LlamaConfig(
        vocab_size=len(SPECIAL_TOKENS) + 1 + len(CHARACTERS),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=WEIGHT_DEVIATION,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):  # transformers draws from the global generator
        made: torch.nn.Module = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.ndim > 1:  # the others are norms, which begin at 1
                drawn = WEIGHT_DEVIATION * rng.normals(
                    rng.key(seed, TINY_NAME, name), parameter.numel()
                )
                parameter.copy_(torch.from_numpy(drawn).view_as(parameter))
        made.get_parameter("model.embed_tokens.weight")[0] = 0  # padding's, as transformers has it
    for parameter in made.parameters():  # parameters only: rotary frequencies stay fp32
        parameter.data = parameter.detach().to(dtype)
    made.config.dtype = dtype  # type: ignore[union-attr]
    return made  # type: ignore[return-value]
