"""Chat templates and stop tokens."""

import pytest

from paceline.errors import ConfigError
from paceline.model import load_tokenizer, resolve, tiny
from paceline.model.template import render, stop_token_ids


def test_a_base_models_first_token_is_not_lost(tmp_path):
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = None
    tokenizer.bos_token = "<|im_start|>"
    from tokenizers.processors import TemplateProcessing

    start = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
    )
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(tiny.model().config.to_json_string())
    plain = load_tokenizer(resolve(str(tmp_path)), "plain")
    assert render(plain, [{"role": "user", "content": "1+1="}])[0] == start
    assert render(plain, [{"role": "user", "content": "1+1="}])[1] != start


def test_all_stop_tokens_are_found():
    from transformers import GenerationConfig, LlamaConfig

    tokenizer = tiny.tokenizer()
    ids = {t: tokenizer.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>", "q", "z")}
    tokenizer.eos_token = "<|im_start|>"  # the template ends turns with another token
    config = LlamaConfig(eos_token_id=ids["q"])
    generation = GenerationConfig(eos_token_id=[ids["q"], ids["z"]])
    assert stop_token_ids(tokenizer, config, generation) == tuple(sorted(ids.values()))
    assert stop_token_ids(tokenizer, config, None) == tuple(
        sorted(ids[t] for t in ("<|im_start|>", "<|im_end|>", "q"))
    )


def test_a_base_model_takes_plain_prompts(tmp_path):
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(tiny.model().config.to_json_string())
    source = resolve(str(tmp_path))
    with pytest.raises(ConfigError, match=r"no chat template.*plain"):
        load_tokenizer(source)
    plain = load_tokenizer(source, "plain")
    rendered = plain.apply_chat_template([{"role": "user", "content": "1+1="}], tokenize=False)
    assert rendered == "1+1="
    turns = [("system", "Be brief."), ("user", "1+1?"), ("assistant", "2"), ("user", "2+2?")]
    messages = [{"role": role, "content": content} for role, content in turns]
    rendered = plain.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == "Be brief.\n\n1+1?\n\n2\n\n2+2?"
    with pytest.raises(ConfigError, match="no chat template at"):
        load_tokenizer(source, "gone.jinja")
