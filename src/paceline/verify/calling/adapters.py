"""Adapters of reward functions of other shapes: each calls its function and reads the answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from .parameters import is_needed, names_of, pair_of, parameters_of
from .verifier import Adapted, as_number, name_of


@dataclass(frozen=True, slots=True)
class FromColumns(Adapted):
    """A verifier from `(completions, prompts=…, **columns) -> list[float]`, as in TRL.

    The function is called with lists of one. It gets the values that its parameters name, or
    everything if it takes **kwargs: `prompts`, `completions`, `completion_ids`, the row's columns
    by their own names, and `answer`. If the prompt is messages, so is the completion: [{"role":
    "assistant", "content": text}].

    Raises: RewardError if a parameter names no column, or the answer is not a list of one.
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
        for p in parameters_of(self.function):
            if is_needed(p) and p.name not in known:
                raise RewardError(
                    f"The reward {name_of(self)} wants the column '{p.name}', but problem "
                    f"{problem.name} has [{', '.join(dict.fromkeys(['answer', *problem.data]))}]."
                )
        answer: Any = called_by_names(self, known)
        listed = isinstance(answer, Collection) and not isinstance(answer, str | bytes | Mapping)
        if not listed or len(answer) != 1:
            raise RewardError(
                f"The reward {name_of(self)} must return a list with one number for each "
                f"completion; for one of problem {problem.name} it returned {_shape(answer)}."
            )
        one: list[Any] = list(answer)
        return one[0]


@dataclass(frozen=True, slots=True)
class FromScore(Adapted):
    """A verifier from `(data_source, solution_str, ground_truth, extra_info)`, as in verl.

    `data_source` and `extra_info` are the row's columns of those names ("" and all columns where it
    has none), `ground_truth` is the problem's answer as its column has it: a text, a number, a
    dictionary. A function that takes only some of them gets these. A returned dictionary has its
    reward under "score"; its other numbers become the parts, and "acc" tells whether it was right.
    """

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        known = {
            "data_source": problem.data.get("data_source", ""),
            "solution_str": completion.text,
            "ground_truth": problem.answer if problem.raw_answer is None else problem.raw_answer,
            "extra_info": problem.data.get("extra_info", dict(problem.data)),
        }
        answer = called_by_names(self, known)
        if not isinstance(answer, Mapping):
            return answer
        if "score" not in answer:
            raise RewardError(
                f"The reward {name_of(self)} returned a dictionary without 'score' for problem "
                f"{problem.name}; it has [{', '.join(map(str, answer))}]."
            )
        numbers = {k: as_number(v) for k, v in answer.items() if k != "score"}
        parts = {k: v for k, v in numbers.items() if v is not None}
        return Verdict(answer["score"], parts, "", bool(answer["acc"]) if "acc" in answer else None)


@dataclass(frozen=True, slots=True)
class FromLists(Adapted):
    """A verifier from a function of lists of texts, called with lists of one.

    Two such are known: `(queries, prompts, labels)`, as OpenRLHF calls a reward function, where a
    query is the prompt with its completion; and `(prompt, responses, answer)`, where the answer is
    one and the responses are many. The result is a number, a list or a tensor of one, or a mapping
    with "rewards".
    """

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        prompt = problem.text
        if "queries" in names_of(self.function):
            known: dict[str, Any] = {
                "queries": [prompt + completion.text],
                "prompts": [prompt],
                "labels": [problem.answer],
            }
        else:
            known = {"prompt": prompt, "responses": [completion.text], "answer": problem.answer}
        answer = called_by_names(self, known)
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


@dataclass(frozen=True, slots=True)
class FromPair(Adapted):
    """A verifier from a function of a problem and a completion in any order, by name or
    annotation."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict | float:
        given = {"problem": problem, "completion": completion}
        places = pair_of(parameters_of(self.function)) or {}
        return called_by_names(self, {name: given[role] for name, role in places.items()})


@dataclass(frozen=True, slots=True)
class FromBatch(Adapted):
    """A BatchVerifier from a function of (problems, completions), or an `async def` of them."""

    def batch(
        self, problems: Sequence[Problem], completions: Sequence[Completion]
    ) -> Sequence[Verdict | float]:
        return called_by_names(self, {"problems": problems, "completions": completions})


def _shape(answer: Any) -> str:
    kind = type(answer).__name__
    return f"a {kind} of {len(answer)}" if isinstance(answer, Collection) else f"one {kind}"


def called_by_names(adapted: Adapted, known: Mapping[str, Any]) -> Any:
    """The function's answer, given the known values that its parameters name, or all of them if it
    takes **kwargs."""
    parameters = parameters_of(adapted.function)
    takes = {p.name: p.kind for p in parameters}
    rest = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    placed = [n for n, kind in takes.items() if kind is Parameter.POSITIONAL_ONLY and n in known]
    named = [n for n in known if n not in placed and (rest or n in takes)]
    return adapted.called(*(known[n] for n in placed), **{n: known[n] for n in named})
