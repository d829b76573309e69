"""The nouns that every room shares. Standard library only, so that a verifier written against
them starts in milliseconds and can run in a process of its own.

All records are frozen and slotted; none is ever changed after it was made.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Message = Mapping[str, str]
"""One turn of a conversation, e.g. {"role": "user", "content": "What is 47 + 56?"}."""

TEXT = "text"
"""Role of the one turn of a plain text: no conversation and no template, and all of its tokens
train."""

Finish = Literal["stop", "length"]
"""The end of a completion: the model finished it ("stop"), or it was cut ("length")."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem whose answer can be checked.

    Example: Problem(id="3f9a…", prompt="What is 47 + 56?", answer="103", data={"a": 47, "b": 56})
    """

    id: str
    """Names the problem for good: a hash of its content unless the row brought a name."""
    prompt: str | tuple[Message, ...]
    """Plain text (one user turn), or the messages themselves."""
    answer: str = ""
    """The expected answer, as the verifier wants it."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The row's other columns, by name."""
    raw_answer: Any = None
    """The expected answer as its row has it, where that is no text: a number, a dictionary."""
    row: str = field(default="", compare=False)
    """The place where it was read, such as "row 17"; empty where no file has it."""

    @property
    def name(self) -> str:
        """The name that messages give it: its id, and its row where it has one.

        Example: 3f9a… (row 17)
        """
        return f"{self.id} ({self.row})" if self.row else self.id

    @property
    def text(self) -> str:
        """The whole prompt as text: its turns, one below the other."""
        if isinstance(self.prompt, str):
            return self.prompt
        return "\n".join(turn["content"] for turn in self.prompt)

    @property
    def question(self) -> str:
        """The last turn of the prompt as text, which is what was asked."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[-1]["content"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt, from which every completion of a problem goes on.

    Example: Prompt((1, 36, 47, 2))
    """

    token_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True, slots=True)
class Completion:
    """An engine's answer to one prompt.

    Example: Completion((36, 47, 2), (-0.1, -0.7, -0.01), "103", "stop", policy_version=7)
    """

    token_ids: Sequence[int]
    """All tokens, the stop token included where the model produced one."""
    logprobs: Sequence[float]
    """The engine's own log-probability of each token at sampling, of the distribution sampled
    from; empty where no engine sampled the tokens, as in a row of a data set."""
    text: str
    """The decoded tokens without special tokens."""
    finish: Finish
    policy_version: int = 0
    """The number of updates that the sampling weights had seen."""
    sampled: Sequence[bool] | None = None
    """True for each token that the model itself sampled; None means all of them."""
    opened: str | None = None
    """The tags that the prompt ended with, which the text goes on behind, such as "<think>\\n":
    templates of reasoning models open the reasoning themselves. Empty for none; None where the
    prompt is not known, as of a completion that was made by hand."""

    @property
    def turn(self) -> str:
        """The whole turn, for whoever asks for a form: what the prompt had opened, and the text."""
        return (self.opened or "") + self.text


@dataclass(frozen=True, slots=True)
class Given:
    """A completion that a row brings, instead of a model that samples it.

    Example: Given(({"role": "assistant", "content": "47 + 56 = 103"},))
    """

    turns: tuple[Message, ...]
    """All that follows the problem's prompt: the assistant's answer, or, of a conversation, turns
    of both sides, of which the assistant's train. The last one is the assistant's."""
    reward: float = 1.0
    """1 for a demonstration; of a pair 1 for the preferred completion and 0 for the other; of a
    ranking the row's own score."""
    margin: float = 0.0
    """Distance by which the preferred completion of a pair should be ahead of the other, where its
    row says so; it stands on the preferred one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verifier's judgement of one completion.

    Example: Verdict(1.2, {"answer": 1.0, "format": 0.2}, "103 is the expected answer")
    """

    reward: float
    parts: Mapping[str, float] = field(default_factory=dict)
    """The reward's named parts, before weighting; empty where there is only one."""
    reason: str = ""
    """One short sentence of why. Equal cases give equal sentences, so that they can be counted."""
    correct: bool | None = None
    """True if the answer was right; None means: right if the reward is at least 1."""

    @property
    def solved(self) -> bool:
        """True if this counts as solved in accuracy figures."""
        return self.reward >= 1.0 if self.correct is None else self.correct


@runtime_checkable
class Verifier(Protocol):
    """Scores one completion. Any function with this signature is one."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float: ...


@runtime_checkable
class BatchVerifier(Protocol):
    """Scores many completions at once, in the trainer's process: for a model that judges."""

    def batch(
        self, problems: Sequence[Problem], completions: Sequence[Completion]
    ) -> Sequence[Verdict | float]: ...


AnyVerifier = Verifier | BatchVerifier
Reward = AnyVerifier | Callable[..., Any]
"""A verifier, or a function of any signature that `verify.adapt` makes one of."""
Asking = Generator[AnyVerifier, Verdict, Verdict]
"""Yields a verifier, is sent its verdict, and in the end returns a verdict of its own; `Composed`
has an example."""


@runtime_checkable
class Composed(Protocol):
    """A verifier made of others. It says which ones to ask, and leaves to its caller how: at once,
    in another process, or about many completions together.

    Example, a mean of two, of which the second is asked only where the first is satisfied:

        def asking(self):
            first = yield self.first        # its caller asks it, and sends its verdict back
            if not first.solved:
                return first                # the second one is never asked
            second = yield self.second
            return Verdict((first.reward + second.reward) / 2)

        asking = verifier.asking()          # the caller's side, as `verify.judge` has it
        said = None                         # starts it
        while True:                         # ends with StopIteration, whose value is the verdict
            said = judge(asking.send(said), problem, completion)
    """

    @property
    def verifiers(self) -> tuple[AnyVerifier, ...]:
        """All verifiers that it may ask."""
        ...

    def asking(self) -> Asking:
        """Ask them about one completion."""
        ...


@dataclass(frozen=True, slots=True)
class Rollout:
    """One problem, one completion of it, and the verdict."""

    problem: Problem
    completion: Completion
    verdict: Verdict
    masked: bool = False
    """True: counts in its group's baseline and in B, but gives no gradient (overlong masking)."""


@dataclass(frozen=True, slots=True)
class Group:
    """All rollouts of one problem in one round."""

    problem: Problem
    prompt: Prompt
    """The rendered prompt, as every completion saw it."""
    rollouts: tuple[Rollout, ...]
    draw: int = 0
    """The place in the problem stream at which the problem was drawn."""

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """The tokens of the prompt."""
        return self.prompt.token_ids

    @property
    def rewards(self) -> tuple[float, ...]:
        return tuple(r.verdict.reward for r in self.rollouts)

    @property
    def has_signal(self) -> bool:
        """True if the rewards differ, so that a group-relative advantage is not zero."""
        return max(self.rewards) != min(self.rewards)


@dataclass(frozen=True, slots=True)
class Round:
    """One sampling: what the sampler hands over, and the columns that advantages are computed from.

    Rows are all rollouts of all groups, in order: B of them. The per-token columns hold one
    sequence of floats for each row, as long as its completion, or are None where nothing needs
    them.
    """

    index: int
    groups: tuple[Group, ...]
    anchor: tuple[Sequence[float], ...] | None = None
    """The trainer's own log-probabilities at the start of the round; nothing for a row without
    signal, which the updates drop."""
    ref: tuple[Sequence[float], ...] | None = None
    """The reference's log-probabilities."""
    values: tuple[Sequence[float], ...] | None = None
    """The critic's value before each token."""
    penalty: tuple[Sequence[float], ...] | None = None
    """The part that KL in the reward takes from each token's reward, never negative in
    expectation."""

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        return tuple(r for g in self.groups for r in g.rollouts)

    @property
    def given(self) -> bool:
        """True if rows brought the completions, and no engine sampled any of them."""
        return not any(r.completion.logprobs for r in self.rollouts)

    @property
    def rewards(self) -> tuple[float, ...]:
        """[B] what the verifier said."""
        return tuple(r.verdict.reward for r in self.rollouts)

    @property
    def returns(self) -> tuple[float, ...]:
        """[B] the reward less the row's whole penalty."""
        if self.penalty is None:
            return self.rewards
        return tuple(r - sum(p) for r, p in zip(self.rewards, self.penalty, strict=True))

    @property
    def group_of(self) -> tuple[int, ...]:
        """[B] the place of the row's group in `groups`."""
        return tuple(i for i, g in enumerate(self.groups) for _ in g.rollouts)

    @property
    def lengths(self) -> tuple[int, ...]:
        """[B] tokens of each completion."""
        return tuple(len(r.completion.token_ids) for r in self.rollouts)
