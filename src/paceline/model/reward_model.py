"""A neural reward: a model that was trained to score answers, asked about many at once.

Legend: B completions, T tokens of the longest of them, C classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, get_args

import torch

from ..errors import ConfigError
from ..types import Completion, Problem, Verdict
from ..verify.calling.base import VerifierBase
from .control import special_of
from .load import best_dtype, load_classifier
from .source import resolve

SCORED = "scored by the reward model"
"""Reason of a verdict."""
SCORED_WITHOUT_BEGINNING = "scored by the reward model, the beginning cut off"
"""Reason of a verdict on a completion that was too long."""
InputFormat = Literal["auto", "chat", "pair"]
Device = Literal["auto", "cpu", "cuda"]
Encoding = Mapping[str, list[int]]
"""A row's input_ids, and token_type_ids if the tokenizer gives them: one number a token."""


@dataclass(frozen=True, slots=True)
class RewardModel(VerifierBase):
    """The score that a sequence-classification model of transformers gives a completion.

    The score is the one output of a model that was trained on preferences (Bradley and Terry 1952;
    Ouyang et al. 2022, arXiv 2203.02155), or, of a classifier with several labels, the probability
    of one. It sees the problem's own prompt, not the task's wording around it, and the completion
    as the assistant's turn, one that was cut as it stands.

    A score has no bounds and is easily gamed: make it a part of a `Weighted` beside what can be
    checked, and look at the answers.

    Example: Weighted((("answer", NumberIn("tag"), 1.0), ("style", RewardModel("./judge"), 0.1)))
    """

    loads_model: ClassVar[bool] = True
    path: str
    """A folder in Hugging Face layout, or a hub name."""
    label: str | None = None
    """The label whose probability is the score, for a classifier with several labels."""
    layout: InputFormat = "auto"
    """The layout of the model's input: chat uses the tokenizer's chat template; pair gives the
    prompt and the completion as two texts; auto takes chat if there is a template."""
    right_from: float | None = None
    """The score from which on an answer counts as right in accuracy figures; None: 0, or a
    probability of a half."""
    max_tokens: int | None = None
    """The most tokens of prompt and completion; longer ones lose their beginning. None: as many as
    the model takes."""
    device: Device = "auto"
    """The device: auto, cpu or cuda."""
    tokens_per_forward: int = 16384
    """The most tokens, padding included, that go through the model at once."""

    def __post_init__(self) -> None:
        if self.layout not in get_args(InputFormat) or self.device not in get_args(Device):
            raise ConfigError(
                "A reward model's layout is auto, chat or pair, and its device auto, cpu or cuda, "
                f"not '{self.layout}' and '{self.device}'."
            )
        if self.tokens_per_forward < 1 or (self.max_tokens or 1) < 1:
            raise ConfigError("A reward model's max_tokens and tokens_per_forward are above 0.")
        resolve(self.path)

    def check(self) -> None:
        """Load the model. Raises: ConfigError if that fails, or if it has no such label."""
        _judge_of(self)

    @torch.no_grad()
    def batch(
        self, problems: Sequence[Problem], completions: Sequence[Completion]
    ) -> list[Verdict]:
        """[B] verdicts, computed with the longest completion first, so that there is little
        padding."""
        judge = _judge_of(self)
        read = [judge.row(p, c.turn) for p, c in zip(problems, completions, strict=True)]
        scores = [0.0] * len(read)
        for chosen in self._parts([len(row["input_ids"]) for row, _ in read]):
            part = judge.scores([read[i][0] for i in chosen])
            for i, score in zip(chosen, part, strict=True):
                scores[i] = score
        right_from = self.right_from
        if right_from is None:
            right_from = 0.0 if judge.label is None else 0.5
        return [
            Verdict(score, {}, SCORED_WITHOUT_BEGINNING if cut else SCORED, score >= right_from)
            for score, (_, cut) in zip(scores, read, strict=True)
        ]

    def _parts(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices of rows that go through the model together."""
        part: list[int] = []
        for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            if part and lengths[part[0]] * (len(part) + 1) > self.tokens_per_forward:
                yield part
                part = []
            part.append(i)
        if part:
            yield part


@dataclass(frozen=True, slots=True)
class _Judge:
    """A loaded model with the settings that decide a score."""

    module: Any
    tokenizer: Any
    chat: bool
    label: int | None
    room: int
    """The most tokens that the model takes."""
    own_padding: bool
    """True if the model says what it is padded with."""

    def row(self, problem: Problem, text: str) -> tuple[Encoding, bool]:
        """The tokens of a problem and its completion, and True if some were cut off."""
        turns = problem.prompt
        if isinstance(turns, str):
            turns = ({"role": "user", "content": turns},)
        turns = [{**turn, "content": self._plain(turn["content"])} for turn in turns]
        answer = self._plain(text)
        if self.chat:
            chat = [*turns, {"role": "assistant", "content": answer}]
            # As text first: how transformers returns tokens of a chat differs between versions.
            shown = self.tokenizer.apply_chat_template(chat, tokenize=False)
            ids = self.tokenizer(shown, add_special_tokens=False)["input_ids"]
            return {"input_ids": ids[-self.room :]}, len(ids) > self.room
        asked = "\n\n".join(turn["content"] for turn in turns)
        # The tokenizer cuts between its own marks: encoders read their score at the first one.
        row = self.tokenizer(asked, answer, truncation="longest_first", max_length=self.room)
        whole = len(self.tokenizer(asked, answer)["input_ids"])
        return {k: row[k] for k in ("input_ids", "token_type_ids") if k in row}, whole > self.room

    def _plain(self, text: str) -> str:
        """A text without the judge's own marks: a completion that spells the end of its turn must
        not be able to continue as another speaker."""
        text = text.encode("utf-8", "replace").decode()
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special and token.content in text:
                text = text.replace(token.content, f"{token.content[0]} {token.content[1:]}")
        special = special_of(self.tokenizer)  # in other letters the tokenizer may know it still
        return special.broken(text) if special.spelled_in(text) else text

    def scores(self, rows: Sequence[Encoding]) -> list[float]:
        """[B] scores of rows, which are padded to the longest."""
        device, longest = self.module.device, max(len(row["input_ids"]) for row in rows)
        pad = self._padding([row["input_ids"][-1] for row in rows])

        def filled(name: str, instead: int) -> torch.Tensor:
            padded = [[*row[name], *[instead] * (longest - len(row[name]))] for row in rows]
            return torch.tensor(padded, device=device)

        lengths_B = torch.tensor([len(row["input_ids"]) for row in rows], device=device)
        given = {
            "input_ids": filled("input_ids", pad),
            "attention_mask": (torch.arange(longest, device=device) < lengths_B[:, None]).long(),
        }
        if "token_type_ids" in rows[0]:
            given["token_type_ids"] = filled("token_type_ids", 0)
        logits_BC = self.module(**given).logits.float()
        if self.label is None:
            return logits_BC[:, 0].tolist()
        return logits_BC.softmax(-1)[:, self.label].tolist()

    def _padding(self, last: Sequence[int]) -> int:
        """The token to pad with. transformers reads a decoder's score at the last token that is not
        this one; a model without one was trained without it, so it must not end a row."""
        config = self.module.config.get_text_config()
        if self.own_padding:
            return config.pad_token_id
        config.pad_token_id = min(set(range(len(last) + 1)) - set(last))
        return config.pad_token_id


@cache
def _loaded(path: str, device: str) -> tuple[Any, Any, bool]:
    """The model, its tokenizer, and True if it says what it is padded with; loaded once for all
    verifiers that ask it."""
    module, tokenizer = load_classifier(resolve(path), dtype=best_dtype(device), device=device)
    return module, tokenizer, module.config.get_text_config().pad_token_id is not None


@cache
def _judge_of(settings: RewardModel) -> _Judge:
    gpu = torch.cuda.is_available()
    if settings.device == "cuda" and not gpu:
        raise ConfigError("A reward model's device is cuda, but torch sees no GPU; use auto.")
    device = ("cuda" if gpu else "cpu") if settings.device == "auto" else settings.device
    module, tokenizer, own_padding = _loaded(settings.path, device)
    if settings.layout == "chat" and not tokenizer.chat_template:
        raise ConfigError(f"'{settings.path}' has no chat template; use layout=pair.")
    tokenizer.truncation_side = "left"
    takes = min(_positions(module), tokenizer.model_max_length)
    return _Judge(
        module,
        tokenizer,
        chat=bool(tokenizer.chat_template) and settings.layout != "pair",
        label=_label(module.config, settings),
        room=min(takes, settings.max_tokens or takes),
        own_padding=own_padding,
    )


def _positions(module: Any) -> int:
    """Number of tokens for which a model has positions; some models (RoBERTa) keep the first ones
    for their padding."""
    count = getattr(module.config.get_text_config(), "max_position_embeddings", None) or 2**20
    kept = (
        one.padding_idx + 1
        for one in module.modules()
        if isinstance(one, torch.nn.Embedding)
        and one.num_embeddings == count
        and one.padding_idx is not None
    )
    return count - max(kept, default=0)


def _label(config: Any, settings: RewardModel) -> int | None:
    """The index of the requested label; None for a model with one output."""
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
