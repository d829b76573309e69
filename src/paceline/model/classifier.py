"""transformers' sequence-classification models: the class of a family, a model over a body that is
there already, and heads in fp32."""

import copy
from typing import Any

import torch
from torch import nn

from ..errors import ConfigError


def classifier_class(config: Any) -> Any:
    """The sequence-classification class of a model's family. Raises: ConfigError if there is
    none."""
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING as KNOWN

    if type(config) not in KNOWN:
        raise ConfigError(
            f"transformers has no sequence-classification model of the family {config.model_type}, "
            "so its models cannot give scores; use another family."
        )
    return KNOWN[type(config)]


def head_read_exactly(kind: Any) -> Any:
    """A class that is as the given one, and whose `from_pretrained` reads the numbers of the head
    in fp32, whatever dtype the others are read in."""

    def post_init(module: Any) -> None:  # the end of making it; weights are read after that
        kind.post_init(module)
        for head in _behind_the_body(module):
            head.float()

    return type(kind.__name__, (kind,), {"post_init": post_init})


def compute_head_exactly(module: Any) -> None:
    """Compute the head in fp32: scores of bf16 would lie up to 1/32 apart from each other."""
    for head in _behind_the_body(module):
        head.float()
        head.register_forward_pre_hook(lambda _, given: tuple(x.float() for x in given))


def _behind_the_body(module: Any) -> list[nn.Module]:
    """The layers behind those that the model shares with others."""
    return [m for name, m in module.named_children() if name != module.base_model_prefix]


def classifier_over(body: Any) -> Any:
    """The sequence-classification model of one output over a body, which becomes a part of it. Its
    head is in fp32 and 0.

    Raises: ConfigError if the family has none with a linear head called `score`.
    """
    from transformers.initialization import no_init_weights

    kind = classifier_class(body.config)
    body.config.num_labels = 1
    with no_init_weights(), torch.device("meta"):
        module = kind(copy.deepcopy(body.config))
    plain_head(module)
    setattr(module, module.base_model_prefix, body)
    # Its layers read this very config, in which the attention is named.
    module.config = body.config
    device = body.get_input_embeddings().weight.device
    module.score.to_empty(device=device).float()
    for parameter in module.score.parameters():
        nn.init.zeros_(parameter)
    compute_head_exactly(module)
    return module.eval()


def plain_head(module: Any) -> nn.Linear:
    """The head of a sequence-classification model. Raises: ConfigError if it is not one linear
    layer `score` of one output behind the body."""
    layers = dict(module.named_children())
    layers.pop(module.base_model_prefix, None)
    head = layers.pop("score", None)
    if not isinstance(head, nn.Linear) or layers:
        raise ConfigError(
            f"{type(module).__name__} has no plain head called score over a decoder, so it cannot "
            "be trained here; use a model of a decoder's family."
        )
    if head.out_features != 1:
        raise ConfigError(
            f"{type(module).__name__} gives {head.out_features} numbers, one a label; a model that "
            "scores gives one."
        )
    return head


def keep_first_layers(text: Any, count: int) -> None:
    """Let a config be that of a model's first layers alone. Raises: ConfigError for more than it
    has."""
    every = text.num_hidden_layers
    if not 1 <= count <= every:
        raise ConfigError(
            f"The number of layers of a critic or reward model is {count}, but the model has "
            f"{every}; set it between 1 and {every}."
        )
    text.num_hidden_layers = count
    if text.to_dict().get("layer_types"):
        text.layer_types = text.layer_types[:count]


def layers_of_body(body: Any) -> tuple[str, nn.ModuleList]:
    """The layers of a body, and the name of their list in it. Raises: ConfigError if they are not
    in one list."""
    count = body.config.get_text_config().num_hidden_layers
    for name, one in body.named_modules():
        if isinstance(one, nn.ModuleList) and len(one) == count:
            return name, one
    raise ConfigError(
        f"The layers of {type(body).__name__} are not in one list, so the first of them cannot be "
        "taken alone; take all."
    )
