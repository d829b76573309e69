"""Reward functions of other shapes as verifiers: the signatures that users bring."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from ..errors import ConfigError, RewardError
from ..types import AnyVerifier, BatchVerifier, Completion, Problem, Verdict
from .verifier import Adapted, name_of


@dataclass(frozen=True, slots=True)
class FromColumns(Adapted):
    """A verifier from `(completions, prompts=…, **columns) -> list[float]`, as in TRL.

    The function is called with lists of one. It gets what its parameters name, or everything
    where it takes **kwargs: `prompts`, `completions`, `completion_ids`, the row's columns by
    their own names, and `answer`. Where the prompt is messages, so is the completion:
    [{"role": "assistant", "content": text}].

    Raises: RewardError where a parameter names no column, or the answer is no list of one.
    """

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        prompt: str | list[dict[str, str]]
        said: str | list[dict[str, str]]
        if isinstance(problem.prompt, str):
            prompt, said = problem.prompt, completion.text
        else:
            prompt = [dict(message) for message in problem.prompt]
            said = [{"role": "assistant", "content": completion.text}]
        known: dict[str, list[Any]] = {
            **{name: [value] for name, value in {"answer": problem.answer, **problem.data}.items()},
            "prompts": [prompt],
            "completions": [said],
            "completion_ids": [list(completion.token_ids)],
        }
        answer: Any = self.called(**self._wanted(known, problem))
        listed = isinstance(answer, Collection) and not isinstance(answer, str | bytes | Mapping)
        if not listed or len(answer) != 1:
            raise RewardError(
                f"The reward {name_of(self)} must return a list with one number for each "
                f"completion; for one of problem {problem.name} it returned {_shape(answer)}."
            )
        one: list[Any] = list(answer)
        return one[0]

    def _wanted(self, known: dict[str, list[Any]], problem: Problem) -> dict[str, list[Any]]:
        parameters = inspect.signature(self.function).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            known = dict(known)
        else:
            names = {p.name for p in parameters}
            known = {name: value for name, value in known.items() if name in names}
        for p in parameters:
            needed = p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
            if needed and p.name not in known:
                raise RewardError(
                    f"The reward {name_of(self)} wants the column '{p.name}', but problem "
                    f"{problem.name} has [{', '.join(['answer', *problem.data])}]."
                )
        return known


@dataclass(frozen=True, slots=True)
class FromScore(Adapted):
    """A verifier from `(data_source, solution_str, ground_truth, extra_info)`, as in verl.

    `data_source` and `extra_info` are the row's columns of those names ("" and all columns where
    it has none), `ground_truth` is the problem's answer as its column has it: a
    text, a number, a dictionary. A dictionary in return has its reward
    under "score"; its other numbers become the parts, and "acc" says whether it was right.
    """

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        answer = self.called(
            data_source=problem.data.get("data_source", ""),
            solution_str=completion.text,
            ground_truth=problem.answer if problem.raw_answer is None else problem.raw_answer,
            extra_info=problem.data.get("extra_info", dict(problem.data)),
        )
        if not isinstance(answer, Mapping):
            return answer
        if "score" not in answer:
            raise RewardError(
                f"The reward {name_of(self)} returned a dictionary without 'score' for problem "
                f"{problem.name}; it has [{', '.join(map(str, answer))}]."
            )
        parts = {k: float(v) for k, v in answer.items() if k != "score" and isinstance(v, Real)}
        return Verdict(answer["score"], parts, "", bool(answer["acc"]) if "acc" in answer else None)


@dataclass(frozen=True, slots=True)
class FromLists(Adapted):
    """A verifier from a function of lists of texts, called with lists of one.

    Two orders are known: `(queries, prompts, labels)`, as OpenRLHF calls a reward function, where a
    query is the prompt with its completion; and `(prompt, responses, answer)`, where the answer is
    one and the responses are many. The result is a number, a list or a tensor of one, or a mapping
    with "rewards".
    """

    order: Literal["queries", "responses"]

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        prompt = _as_text(problem.prompt)
        if self.order == "queries":
            answer = self.called([prompt + completion.text], [prompt], [problem.answer])
        else:
            answer = self.called(prompt, [completion.text], problem.answer)
        if isinstance(answer, Mapping):
            answer = answer.get("rewards")
        to_list = getattr(answer, "tolist", None)
        if to_list is not None:
            answer = to_list()
        if isinstance(answer, list | tuple):
            if len(answer) != 1:
                raise RewardError(
                    f"The reward {name_of(self)} must return one number for each completion; for "
                    f"one of problem {problem.name} it returned {_shape(answer)}."
                )
            answer = answer[0]
        return answer  # type: ignore[return-value]  # whatever it is, `checked` looks at it


def _as_text(prompt: str | Sequence[Mapping[str, str]]) -> str:
    """A prompt as the text that functions of texts expect: the turns, one below the other."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(turn["content"] for turn in prompt)


@dataclass(frozen=True, slots=True)
class FromAsync(Adapted):
    """A verifier from an `async def` of (problem, completion), each call in a loop of its own."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        return self.called(problem, completion)


@dataclass(frozen=True, slots=True)
class FromBatch(Adapted):
    """A BatchVerifier from a function of (problems, completions), or an `async def` of them."""

    def batch(
        self, problems: Sequence[Problem], completions: Sequence[Completion]
    ) -> Sequence[Verdict | float]:
        return self.called(problems, completions)


def _shape(answer: Any) -> str:
    kind = type(answer).__name__
    return f"a {kind} of {len(answer)}" if isinstance(answer, Collection) else f"one {kind}"


def adapt(function: Callable[..., Any]) -> AnyVerifier:
    """A verifier from a function, by the names of its parameters; this is the one place that
    looks.

    (problems, completions) is a function of many at once; `completions` alone makes it a
    FromColumns, `solution_str` a FromScore, `queries` or `responses` a FromLists, `async def` a
    FromAsync; anything that two arguments can call is a verifier as it is.

    Raises: ConfigError for any other signature.
    """
    if inspect.isclass(function):
        raise ConfigError(
            f"The reward '{function.__name__}' is a class; name a function or an instance of it."
        )
    if isinstance(function, BatchVerifier):
        return function
    try:
        signature = inspect.signature(function)
    except ValueError:  # Some functions written in C do not say what they take.
        return function
    names = list(signature.parameters)
    if names[:2] == ["problems", "completions"]:
        return FromBatch(function)
    if "completions" in names:
        return FromColumns(function)
    if "solution_str" in names:
        return FromScore(function)
    if "queries" in names:
        return FromLists(function, "queries")
    if "responses" in names:
        return FromLists(function, "responses")
    try:
        signature.bind(None, None)
    except TypeError:
        raise ConfigError(
            f"The reward {name_of(function)} takes ({', '.join(names)}); a reward takes (problem, "
            "completion), (problems, completions), (completions, prompts=…, **columns), "
            "(data_source, solution_str, ground_truth, extra_info), (queries, prompts, labels) or "
            "(prompt, responses, answer)."
        ) from None
    later = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
    return FromAsync(function) if later else function
