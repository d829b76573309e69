"""A neural reward: a model that was trained to score answers, asked about many at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch

from ..errors import ConfigError
from ..types import Completion, Problem, Verdict
from ..verify.own import OwnVerifier
from .load import best_dtype, load_classifier, locate

REASON = "scored by the reward model"
CUT_REASON = "scored by the reward model, the beginning cut off"


@dataclass(frozen=True, slots=True)
class RewardModel(OwnVerifier):
    """What a sequence-classification model of transformers says of a completion.

    The score is the one output of a model that was trained on preferences (Bradley and Terry 1952;
    Ouyang et al. 2022, arXiv 2203.02155), or, of a classifier with several labels, the probability
    of one. It sees the problem's own prompt, not the task's wording around it, and the completion
    as the assistant's turn.

    A score has no bounds and is easily gamed: make it a part of a `Weighted` beside what can be
    checked, and keep an eye on the answers.

    Example: Weighted((("answer", NumberIn("tag"), 1.0), ("style", RewardModel("./judge"), 0.1)))
    """

    path: str
    """A folder in Hugging Face layout, or a hub name."""
    label: str | None = None
    """Of a classifier with several labels: whose probability is the score."""
    layout: Literal["auto", "chat", "pair"] = "auto"
    """chat: by the tokenizer's chat template; pair: the prompt and the completion as the tokenizer
    joins two texts; auto: chat where there is a template."""
    right_from: float = 0.0
    """A score from here on counts as right in accuracy figures."""
    max_tokens: int | None = None
    """Of prompt and completion; what stands before is cut off. None: as many as the model takes."""
    device: str = "auto"
    """auto, cpu or cuda."""
    tokens_per_forward: int = 16384
    """At most so many tokens, padding included, go through the model at once."""

    def __post_init__(self) -> None:
        if self.layout not in ("auto", "chat", "pair"):
            raise ConfigError(f"A reward model's layout is auto, chat or pair, not {self.layout}.")
        if self.tokens_per_forward < 1 or (self.max_tokens or 1) < 1:
            raise ConfigError("A reward model's max_tokens and tokens_per_forward are above 0.")
        locate(self.path)

    def check(self) -> None:
        """Load the model. Raises: ConfigError where that fails, or the label is none of its."""
        _loaded(self)

    @torch.no_grad()
    def batch(
        self, problems: Sequence[Problem], completions: Sequence[Completion]
    ) -> list[Verdict]:
        """The verdicts on many completions, the longest first, so that little is padded."""
        loaded = _loaded(self)
        rows = [loaded.row(p, c.text) for p, c in zip(problems, completions, strict=True)]
        cut = [len(row) > loaded.room for row in rows]
        rows = [row[-loaded.room :] for row in rows]
        scores = [0.0] * len(rows)
        for chosen in self._parts([len(row) for row in rows]):
            for i, score in zip(chosen, loaded.scores([rows[i] for i in chosen]), strict=True):
                scores[i] = score
        return [
            Verdict(score, {}, CUT_REASON if short else REASON, score >= self.right_from)
            for score, short in zip(scores, cut, strict=True)
        ]

    def _parts(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Places of rows that go through the model together."""
        part: list[int] = []
        for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            if part and lengths[part[0]] * (len(part) + 1) > self.tokens_per_forward:
                yield part
                part = []
            part.append(i)
        if part:
            yield part


@dataclass(frozen=True, slots=True)
class _Loaded:
    module: Any
    tokenizer: Any
    chat: bool
    label: int | None
    room: int

    def row(self, problem: Problem, text: str) -> list[int]:
        """The tokens of a problem and its completion."""
        turns = problem.prompt
        if isinstance(turns, str):
            turns = ({"role": "user", "content": turns},)
        if self.chat:
            chat = [*map(dict, turns), {"role": "assistant", "content": text}]
            # As text first: how transformers returns tokens of a chat differs between versions.
            shown = self.tokenizer.apply_chat_template(chat, tokenize=False)
            return self.tokenizer(shown, add_special_tokens=False)["input_ids"]
        asked = "\n\n".join(turn["content"] for turn in turns)
        return self.tokenizer(asked, text)["input_ids"]

    def scores(self, rows: Sequence[list[int]]) -> list[float]:
        """The scores of rows that are padded to the longest."""
        # transformers reads a decoder's score behind the last token that is not its padding.
        pad, longest = self.module.config.get_text_config().pad_token_id, max(map(len, rows))
        device = self.module.device
        ids_BT = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=device)
        lengths_B = torch.tensor([len(row) for row in rows], device=device)
        mask_BT = torch.arange(longest, device=device) < lengths_B[:, None]
        logits_BC = self.module(input_ids=ids_BT, attention_mask=mask_BT.long()).logits.float()
        if self.label is None:
            return logits_BC[:, 0].tolist()
        return logits_BC.softmax(-1)[:, self.label].tolist()


@cache
def _loaded(settings: RewardModel) -> _Loaded:
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    source = locate(settings.path)
    module, tokenizer = load_classifier(source, dtype=best_dtype(device), device=device)
    if settings.layout == "chat" and not tokenizer.chat_template:
        raise ConfigError(f"'{source.name}' has no chat template; use layout=pair.")
    chat = bool(tokenizer.chat_template) and settings.layout != "pair"
    room = getattr(module.config.get_text_config(), "max_position_embeddings", None) or 2**20
    room = min(room, settings.max_tokens or room)
    return _Loaded(module, tokenizer, chat, _label(module.config, settings), room)


def _label(config: Any, settings: RewardModel) -> int | None:
    """The place of the label that was asked for; None of a model with one output."""
    names = [str(config.id2label[i]) for i in range(config.num_labels)]
    if config.num_labels == 1 and settings.label is None:
        return None
    if settings.label not in names or config.num_labels == 1:
        asked = f"no label '{settings.label}'" if settings.label else "several labels"
        raise ConfigError(
            f"The reward model '{settings.path}' has {asked}; it has [{', '.join(names)}]: name "
            "one as RewardModel(path, label=…), or none where there is only one."
        )
    return names.index(settings.label)
