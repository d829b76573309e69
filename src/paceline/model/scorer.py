"""A model that gives numbers: a body with a linear head of one number a token, in fp32.

Read before a token, the number is a critic's value of the state in which that token is chosen; read
behind the last token, it is a reward model's score of the answer. Both are read from the states
that a policy reads, so they need no shift, no pad token and no search for an end of their own.

Legend: B rows, T completion tokens, M completion tokens of all rows, one row after the other; D
hidden size.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..batch import Micro
from ..layout import TokenRows
from ..objective import Metrics, Tokens
from .classifier import plain_head
from .files import telling_of_the_disk, without_progress_bars
from .lora import merged_state
from .policy import Policy
from .rows import take_rows
from .trainable import Learned, Trainable, spread


class LossOfEnds(Protocol):
    """A loss of the scores of answers, such as one of their ranking."""

    def __call__(self, score_B: Tensor, tokens: Tokens, /) -> tuple[Tensor, Metrics]:
        """Compute the share of these rows in the loss, and what was measured of them."""
        ...


class LossOfValues(Protocol):
    """A loss of the values of states."""

    def __call__(self, value_BT: Tensor, tokens: Tokens, targets: Any, /) -> tuple[Tensor, Metrics]:
        """Compute the share of these rows in the loss, and what was measured of them."""
        ...


class Scorer(Trainable):
    """A sequence-classification model of transformers with one output, as it is trained here.

    Its head is in fp32, whatever dtype the body computes in, and is saved so. Where there are
    masters, the head has one too: gradients of fp16 reach masters alone without their scale.

    Attributes:
        temperature: the divisor of all numbers in the folder that `save` writes.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        stop_ids: Sequence[int],
        *,
        masters: Mapping[str, Tensor] | None = None,
        version: int = 0,
    ) -> None:
        head = plain_head(module)
        super().__init__(module, head, tokenizer, stop_ids, masters=masters, version=version)
        self.temperature = 1.0

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that the body computes in."""
        return self.module.base_model.get_input_embeddings().weight.dtype

    @property
    def heads(self) -> frozenset[str]:
        """Names of the head's parameters, which begin anew and learn at a rate of their own."""
        own = {id(parameter) for parameter in self.head.parameters()}
        return frozenset(n for n, p in self.module.named_parameters() if id(p) in own)

    @property
    def saves_adapter(self) -> bool:
        """False: adapters without the head that learned beside them would give no number."""
        return False

    def values(self, rows: TokenRows, *, recompute: bool = False) -> Tensor:
        """[M] the number before every completion token, in fp32, with gradient: aligned with
        log-probabilities."""
        return self.head(self.states(rows, recompute=recompute))[:, 0]

    @torch.no_grad()
    def score_values(self, rows: TokenRows) -> Tensor:
        """[M] the number before every completion token, without gradient."""
        return self.values(rows)

    def ends(self, rows: TokenRows, *, recompute: bool = False) -> Tensor:
        """[B] the number behind the last token of every row, in fp32, with gradient.

        Layouts leave the last token out, because nothing is predicted from its state. Here it is
        the last but one: a token that nobody reads stands behind it.
        """
        unread = rows.prompts[0][0]
        longer = TokenRows(rows.prompts, tuple((*c, unread) for c in rows.completions))
        states_MD = self.states(longer, recompute=recompute)
        last_B = torch.tensor([len(c) for c in longer.completions]).cumsum(0) - 1
        return self.head(take_rows(states_MD, last_B.to(self.device)))[:, 0]

    @torch.no_grad()
    def score_ends(self, rows: TokenRows) -> Tensor:
        """[B] the number behind the last token of every row, without gradient."""
        return self.ends(rows)

    def fold_temperature(self, temperature: float) -> None:
        """Have every number of the head that is saved divided by a temperature. What trains stays
        as it is, and so does what a checkpoint holds. Raises: ValueError if it is not a number
        above 0."""
        if not 0 < temperature < math.inf:
            raise ValueError(f"A temperature is a number above 0, not {temperature}.")
        self.temperature = temperature

    def save(self, folder: Path) -> None:
        """Write a Hugging Face folder that AutoModelForSequenceClassification and `RewardModel`
        load. Adapters are merged into its weights.

        The body is written in its own dtype and the head in fp32. The config names fp32, because
        transformers would otherwise round the head as it loads it. It names a pad token that ends
        no answer: transformers reads a score at the last token that is not the pad token.

        Raises: OSError if the disk is full, or cannot be written.
        """
        state = merged_state(self.module) if self.adapted else None
        if self.temperature != 1.0:
            state = self._divided(state or self.module.state_dict())
        tokenizer, pad = copy.deepcopy(self.tokenizer), self._padding()
        if pad is not None:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad)
        with without_progress_bars(), telling_of_the_disk():
            self.module.save_pretrained(folder, state_dict=state)
            config = copy.deepcopy(self.module.config)
            config.dtype, config.get_text_config().pad_token_id = torch.float32, pad
            config.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    def _divided(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights with those of the head divided by the temperature."""
        return {
            name: weight / self.temperature if name in self.heads else weight
            for name, weight in state.items()
        }

    def _padding(self) -> int | None:
        """A token that ends no answer, to pad with: the tokenizer's own if it can be; None if there
        is none, so that rows are read one at a time."""
        own = self.tokenizer
        words = self.module.config.get_text_config().vocab_size
        choices = (own.pad_token_id, own.bos_token_id, *own.all_special_ids)
        fit = (c for c in choices if c is not None and c not in self.stop_ids and c < words)
        return next(fit, None)


class Critic(Scorer):
    """A scorer that is read before every token, and learns the value of that state."""

    def loss(
        self, loss: LossOfValues, micro: Micro, temperature: float = 1.0, scale: float = 1.0
    ) -> tuple[Tensor, Metrics]:
        """The micro-batch's share of a loss of values. Shares add up.

        Args:
            temperature: of no effect: it is for a policy's logits.
            scale: factor of the gradient, for dtypes that hold no small numbers.
        """
        value_BT = spread(self.values(micro.rows, recompute=micro.recompute), micro.rows)
        share, metrics = loss(value_BT, micro.tokens, micro.targets)
        return share * scale, metrics


class RewardScorer(Scorer):
    """A scorer that is read behind the last token, and learns which answers are better."""

    def loss(
        self, loss: LossOfEnds, micro: Micro, temperature: float = 1.0, scale: float = 1.0
    ) -> tuple[Tensor, Metrics]:
        """The micro-batch's share of a loss of scores. Shares add up.

        Args:
            temperature: of no effect: it is for a policy's logits.
            scale: factor of the gradient, for dtypes that hold no small numbers.
        """
        share, metrics = loss(self.ends(micro.rows, recompute=micro.recompute), micro.tokens)
        return share * scale, metrics


class SharedHead(Learned):
    """A critic without a body: a linear head of one number over the policy's own states, in fp32
    and 0 at the start. It has parameters, and so an optimizer and a rate, of its own.

    Attributes:
        layout: the policy's, in which the states are computed.
        version: number of optimizer steps that the head has seen.

    Example: value_M = head(policy.states(rows))
    """

    def __init__(self, policy: Policy, version: int = 0) -> None:
        width, device = policy.head.in_features, policy.device
        # Not nn.Linear's own numbers, which come from torch's generator.
        score: Any = nn.utils.skip_init(nn.Linear, width, 1, bias=False, device=device)
        nn.init.zeros_(score.weight)
        module = nn.Module()
        module.score = score.float()
        masters = None
        if policy.dtype == torch.float16:  # an optimizer takes the scale out on the way to masters
            masters = {n: p.detach().clone() for n, p in module.named_parameters()}
        super().__init__(module, masters)
        self.layout, self.version = policy.layout, version

    @property
    def device(self) -> torch.device:
        return self.module.score.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.module.score.weight.dtype

    @property
    def heads(self) -> frozenset[str]:
        """Names of all of its parameters."""
        return frozenset(self.trained())

    def __call__(self, states_MD: Tensor) -> Tensor:
        """[M] the number that each state gives, in fp32, with gradient to head and states; detached
        states leave the policy as it is."""
        return self.module.score(states_MD.float())[:, 0]
