"""Sequence-classification models over bodies, and heads in fp32."""

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from paceline.errors import ConfigError
from paceline.model.classifier import (
    classifier_class,
    classifier_over,
    compute_head_exactly,
    head_read_exactly,
    keep_first_layers,
    layers_of_body,
    plain_head,
)
from tests.helpers.families import FAMILIES, family
from tests.helpers.scorers import fill_head, scorer_of

BF16 = torch.bfloat16


@pytest.mark.parametrize("name", ["llama", "gemma3", "gpt-neox"])
def test_a_model_over_a_body_is_transformers_own_with_a_head_of_zero(name, tmp_path):
    body = family(name).base_model
    state = torch.get_rng_state()
    module = classifier_over(body)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(module) is classifier_class(body.config)
    assert module.base_model is body and module.config is body.config and not module.training
    assert not any(x.is_meta for x in (*module.parameters(), *module.buffers()))
    assert not module.score.weight.any() and module.score.weight.shape == (1, 32)
    module.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(again) is type(module) and again.config.num_labels == 1
    for name, parameter in module.named_parameters():
        assert torch.equal(again.get_parameter(name), parameter)


def test_a_family_without_such_models_is_refused():
    with pytest.raises(ConfigError, match="no sequence-classification model of the family cohere"):
        classifier_over(family("cohere").base_model)


def test_all_other_families_have_one():
    found = [classifier_class(FAMILIES[name]().config) for name in FAMILIES if name != "cohere"]
    assert all(kind.__name__.endswith("ForSequenceClassification") for kind in found)


def test_the_numbers_of_a_head_are_read_and_computed_in_fp32(tmp_path):
    scorer = scorer_of("llama")
    scorer.save(tmp_path)
    kind = classifier_class(scorer.module.config)
    for dtype in (BF16, torch.float16):
        module = head_read_exactly(kind).from_pretrained(tmp_path, dtype=dtype).eval()
        assert torch.equal(module.score.weight, scorer.head.weight)
        assert {p.dtype for p in module.base_model.parameters()} == {dtype}
        # transformers' own rounds it.
        assert kind.from_pretrained(tmp_path, dtype=dtype).score.weight.dtype == dtype
        compute_head_exactly(module)
        module.config.pad_token_id = None
        score = module(torch.tensor([[5, 6, 7]])).logits
        assert score.dtype == torch.float32 and not torch.equal(score, score.to(BF16).float())


def test_only_a_plain_head_of_one_number_is_one():
    scorer = fill_head(scorer_of("llama"))
    assert plain_head(scorer.module) is scorer.module.score
    config = scorer.module.config
    config.num_labels = 3
    with pytest.raises(ConfigError, match="gives 3 numbers, one a label"):
        plain_head(classifier_class(config)(config))
    small = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=1
    )
    with pytest.raises(ConfigError, match="has no plain head called score over a decoder"):
        plain_head(classifier_class(small)(small))


def test_the_layers_of_a_body_are_found_and_a_config_keeps_the_first():
    body = family("gemma3").base_model
    name, layers = layers_of_body(body)
    assert name == "layers" and layers is body.layers and len(layers) == 3
    keep_first_layers(body.config, 2)
    assert body.config.num_hidden_layers == 2
    assert body.config.layer_types == ["sliding_attention", "full_attention"]
    with pytest.raises(ConfigError, match="are not in one list"):
        layers_of_body(body)
