"""Reward functions of other shapes as verifiers: the signatures that users bring.

The names of the parameters decide how a function is called, never their order: `adapt` says what
each name gets, and refuses a function that asks for anything else.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, cast, get_origin

from ..errors import ConfigError, RewardError
from ..types import AnyVerifier, BatchVerifier, Completion, Composed, Problem, Verdict
from .own import OwnVerifier
from .verifier import Adapted, as_number, name_of

SIGNATURES = (
    "(problem, completion)",
    "(problems, completions)",
    "(completions, prompts=…, **columns)",
    "(data_source, solution_str, ground_truth, extra_info)",
    "(queries, prompts, labels)",
    "(prompt, responses, answer)",
)
"""How a reward may be called; all but the columns' names are fixed."""
NAMES = {
    "solution_str": ("data_source", "solution_str", "ground_truth", "extra_info"),
    "queries": ("queries", "prompts", "labels"),
    "responses": ("prompt", "responses", "answer"),
}
"""All that a function can be given which asks for the first of these."""
PAIR = {"problem": Problem, "completion": Completion}
SHORT = {"p": "problem", "c": "completion"}
"""What a lambda calls them."""
VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


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
        for p in parameters_of(self.function):
            if _needed(p) and p.name not in known:
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

    `data_source` and `extra_info` are the row's columns of those names ("" and all columns where
    it has none), `ground_truth` is the problem's answer as its column has it: a text, a number, a
    dictionary. A function that takes only some of them gets these. A dictionary in return has its
    reward under "score"; its other numbers become the parts, and "acc" says whether it was right.
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
        prompt = _as_text(problem.prompt)
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


def _as_text(prompt: str | Sequence[Mapping[str, str]]) -> str:
    """A prompt as the text that functions of texts expect: the turns, one below the other."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(turn["content"] for turn in prompt)


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
    """What the function answers, given what its parameters name of what is known, or all of that
    where it takes **kwargs."""
    parameters = parameters_of(adapted.function)
    takes = {p.name: p.kind for p in parameters}
    rest = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    placed = [n for n, kind in takes.items() if kind is Parameter.POSITIONAL_ONLY and n in known]
    named = [n for n in known if n not in placed and (rest or n in takes)]
    return adapted.called(*(known[n] for n in placed), **{n: known[n] for n in named})


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    return list(inspect.signature(function).parameters.values())


def names_of(function: Callable[..., Any]) -> set[str]:
    """The names of the parameters, but for *args and **kwargs."""
    return {p.name for p in parameters_of(function) if p.kind not in VARIABLE}


def _needed(parameter: Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in VARIABLE


def adapt(function: Any) -> AnyVerifier:
    """A verifier from a function, by the names of its parameters; this is the one place that
    looks.

    `problems` and `completions` make it a function of many at once; `completions` alone a
    FromColumns, `solution_str` a FromScore, `queries` or `responses` a FromLists; `problem` and
    `completion` (or p and c, or what is annotated with their types) a verifier. Each may be
    `async def`, and has a default for whatever else it takes. A verifier is one as it is.

    Raises: ConfigError for any other signature.
    """
    if inspect.isclass(function):
        raise ConfigError(
            f"The reward '{function.__name__}' is a class; name a function or an instance of it."
        )
    if isinstance(function, OwnVerifier | BatchVerifier | Composed):
        return cast(AnyVerifier, function)
    if not callable(function):
        raise ConfigError(f"A reward is a function or a verifier, not {_value(function)}.")
    try:
        parameters = parameters_of(function)
    except (ValueError, TypeError):  # some functions written in C do not say what they take
        raise ConfigError(
            f"The reward {name_of(function)} does not say what it takes; call it in a function of "
            "(problem, completion)."
        ) from None
    names = names_of(function)
    needed = {p.name for p in parameters if _needed(p)}
    if {"problems", "completions"} <= names and needed <= {"problems", "completions"}:
        return FromBatch(function)
    if "completions" in names:
        return FromColumns(function)
    for name in names & NAMES.keys():
        if unknown := sorted(needed - set(NAMES[name])):
            raise ConfigError(
                f"{_told(function, parameters)}, and nothing is known by the name '{unknown[0]}' "
                f"beside '{name}'; give it a default, or take what there is: "
                f"{', '.join(NAMES[name])}."
            )
        return FromScore(function) if name == "solution_str" else FromLists(function)
    places = pair_of(parameters)
    if places is None:
        raise ConfigError(_refusal(function, parameters))
    straight = list(places.items()) == [(p.name, r) for p, r in zip(parameters, PAIR, strict=False)]
    by_place = all(p.kind is not Parameter.KEYWORD_ONLY for p in parameters[:2])
    return cast(AnyVerifier, function) if straight and by_place else FromPair(function)


def pair_of(parameters: Sequence[Parameter]) -> dict[str, str] | None:
    """Parameter -> problem or completion, where both have a place and nothing else is asked for.

    Annotations and full names count first; then, where there is no default, p and c; then what is
    called _ gets what is left.
    """
    found: dict[str, str] = {}
    takes = [p for p in parameters if p.kind not in VARIABLE]
    for known in (_by_annotation, _by_name, _by_letter, _by_rest):
        for p in takes:
            left = [role for role in PAIR if role not in found.values()]
            role = known(p, left)
            if p.name not in found and role in left:
                found[p.name] = role
    if len(found) < len(PAIR) or any(_needed(p) and p.name not in found for p in takes):
        return None
    if any(_is_plain(p.annotation) for p in takes if p.name in found):
        return None
    return {p.name: found[p.name] for p in takes if p.name in found}


def _by_annotation(p: Parameter, left: Sequence[str]) -> str | None:
    said = p.annotation
    name = said.rpartition(".")[2] if isinstance(said, str) else ""
    return next((r for r, kind in PAIR.items() if said is kind or name == kind.__name__), None)


def _by_name(p: Parameter, left: Sequence[str]) -> str | None:
    return p.name.lstrip("_")


def _by_letter(p: Parameter, left: Sequence[str]) -> str | None:
    return SHORT.get(p.name.lstrip("_")) if _needed(p) else None


def _by_rest(p: Parameter, left: Sequence[str]) -> str | None:
    return next(iter(left), None) if _needed(p) and not p.name.strip("_") else None


def _is_plain(annotation: Any) -> bool:
    """Whether a parameter is said to be a text, a list or a dictionary, which ours are not."""
    if isinstance(annotation, str):
        return annotation.partition("[")[0] in ("str", "list", "dict")
    return (get_origin(annotation) or annotation) in (str, list, dict)


def _told(function: Callable[..., Any], parameters: Sequence[Parameter]) -> str:
    stars = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
    takes = ", ".join(stars.get(p.kind, "") + p.name for p in parameters)
    return f"The reward {name_of(function)} takes ({takes})"


def _refusal(function: Callable[..., Any], parameters: Sequence[Parameter]) -> str:
    told = _told(function, parameters)
    plain = [p for p in parameters if p.name in PAIR and _is_plain(p.annotation)]
    if plain and pair_of([p.replace(annotation=p.empty) for p in parameters]):
        name, kind = plain[0].name, inspect.formatannotation(plain[0].annotation).strip("'")
        text = "completion.text" if name == "completion" else "problem.prompt"
        return f"{told}, but '{name}' is no {kind}: a {PAIR[name].__name__}, with its {text}."
    hint = "" if names_of(function) else " A wrapper keeps its function's names by functools.wraps."
    return (
        f"{told}, and the names decide how it is called; a reward takes "
        f"{', '.join(SIGNATURES[:-1])} or {SIGNATURES[-1]}.{hint}"
    )


def _value(thing: Any) -> str:
    return "None" if thing is None else f"a value of type {type(thing).__name__}"
