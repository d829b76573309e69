"""Small random models of the families that the packed layout and the engine are held to."""

from collections.abc import Callable

import torch
import transformers as tf

from paceline import rng

SMALL = {
    "vocab_size": 90, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 256,
}  # fmt: skip
WITHOUT_HEAD_DIM = {k: v for k, v in SMALL.items() if k != "head_dim"}


def phi3() -> tf.PreTrainedModel:
    return tf.Phi3ForCausalLM(
        tf.Phi3Config(**WITHOUT_HEAD_DIM, original_max_position_embeddings=256)
    )


FAMILIES: dict[str, Callable[[], tf.PreTrainedModel]] = {
    "llama": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**SMALL)),
    "llama-tied": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**SMALL, tie_word_embeddings=True)),
    "qwen2": lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**SMALL)),
    "qwen3": lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**SMALL)),
    "mistral-window": lambda: tf.MistralForCausalLM(tf.MistralConfig(**SMALL, sliding_window=6)),
    "gemma2": lambda: tf.Gemma2ForCausalLM(
        tf.Gemma2Config(
            **SMALL, sliding_window=5, attn_logit_softcapping=2.0, final_logit_softcapping=2.0
        )
    ),
    "gemma3": lambda: tf.Gemma3ForCausalLM(
        tf.Gemma3TextConfig(
            **(SMALL | {"num_hidden_layers": 3}),
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        )
    ),
    "phi3": phi3,
    "smollm3": lambda: tf.SmolLM3ForCausalLM(
        tf.SmolLM3Config(**WITHOUT_HEAD_DIM, no_rope_layers=[1, 0])
    ),
    "olmo": lambda: tf.OlmoForCausalLM(tf.OlmoConfig(**WITHOUT_HEAD_DIM)),
    "olmo2": lambda: tf.Olmo2ForCausalLM(tf.Olmo2Config(**WITHOUT_HEAD_DIM)),
    # Without num_key_value_heads in its config; a model of Pythia's kind.
    "gpt-neox": lambda: tf.GPTNeoXForCausalLM(
        tf.GPTNeoXConfig(
            vocab_size=90,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=256,
        )
    ),
    "cohere": lambda: tf.CohereForCausalLM(tf.CohereConfig(**WITHOUT_HEAD_DIM, logit_scale=0.3)),
}


def family(name: str) -> tf.PreTrainedModel:
    """Larger weights than a fresh model's, so that distributions have a shape and errors show."""
    module = FAMILIES[name]().eval()
    draw_weights(module, 0.08)
    module.set_attn_implementation("eager")
    return module


def draw_weights(module: torch.nn.Module, spread: float, seed: int = 0) -> None:
    """The same weights on every machine, which torch's own generator does not give."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                drawn = rng.normals(rng.key(seed, "families", name), parameter.numel())
                parameter.copy_(torch.from_numpy(spread * drawn).view_as(parameter))
