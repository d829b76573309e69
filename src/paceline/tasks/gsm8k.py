"""GSM8K: 7,473 grade-school problems to train on and 1,319 held out (Cobbe et al. 2021), in English
and in Chinese, answered in one of three styles."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..errors import ConfigError, DataError
from ..types import Problem, Verifier
from ..verify.answers.form import Tags
from ..verify.answers.math import NumberIn
from ..verify.shaping.compose import Weighted
from ..verify.shaping.presets import program_of_thought
from .column_names import MissingColumnError
from .rows import Rows
from .task import Task

Style = Literal["hashes", "tags", "program"]
Language = Literal["en", "zh"]

COLUMNS: dict[Language, tuple[str, str]] = {
    "en": ("question", "answer"),
    "zh": ("question_zh-cn", "answer_only"),
}
"""The columns of questions and of answers in each language."""
USER_TURNS: dict[tuple[Language, Style], str] = {
    ("en", "hashes"): (
        "{prompt}\n\nReason step by step. Then write the final answer on the last line, "
        "as #### and the number alone."
    ),
    ("en", "tags"): (
        "{prompt}\n\nReason step by step between <reasoning> and </reasoning>. Then write the "
        "final answer, the number alone, between <answer> and </answer>."
    ),
    ("en", "program"): (
        "{prompt}\n\nReason briefly between <reasoning> and </reasoning>. Then write a Python "
        "program between <answer> and </answer> that prints the final answer, the number alone."
    ),
    ("zh", "hashes"): "{prompt}\n\n请一步一步推理，最后一行写出最终答案：先写 ####，再写数字本身。",
    ("zh", "tags"): (
        "{prompt}\n\n请在 <reasoning> 和 </reasoning> 之间一步一步推理，"
        "然后在 <answer> 和 </answer> 之间只写最终答案的数字。"
    ),
    ("zh", "program"): (
        "{prompt}\n\n请在 <reasoning> 和 </reasoning> 之间简要推理，然后在 <answer> 和 </answer> "
        "之间写一段 Python 程序，只打印最终答案的数字。"
    ),
}
"""The user's turn in each language and style."""

_CALCULATION = re.compile(r"<<([^<>=]*)=([^<>]*)>>")
_PLAIN_SUM = re.compile(r"[\d\s.+*/()-]+")


@dataclass(frozen=True, slots=True)
class Gsm8k:
    """Word problems whose answer is a whole number.

    Three styles of answering: a worked solution that ends in "#### 1,234"; <reasoning> and <answer>
    tags; tags with a Python program as the answer, which is run in the sandbox. The rows may be in
    English (`question`, `answer` behind ####, as in openai/gsm8k) or in Chinese (`question_zh-cn`,
    `answer_only`, as in swulling/gsm8k_chinese). A worked solution stays in the problem's data.
    """

    data: str | None = None
    """Rows: a folder with train.jsonl and test.jsonl, or a hub name; None takes the language's own
    hub name."""
    language: Language = "en"
    """Language of the questions and of what is asked for: en or zh."""
    style: Style = "hashes"
    """Form of the answer: hashes (#### and the number), tags, or program (tags with a Python
    program)."""
    subset: str | None = None
    """Configuration of the hub data set or of a copy of it; None takes the language's own."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str | None = None
    """The user's turn, with {prompt} where the question goes; None takes the style's own."""
    units: tuple[str, ...] = ("$", "%")
    """Units that may stand before or behind the number."""
    allow_cut: bool = False
    """Also pay completions that were cut by their length."""
    limit: int | None = None
    """Most training rows to read, from the start; None reads all."""

    def load(self) -> Task:
        """The task; the test rows are held out.

        Raises: DataError where the rows cannot be read; ConfigError for an unknown style.
        """
        for name, value, known in (
            ("language", self.language, get_args(Language)),
            ("style", self.style, get_args(Style)),
        ):
            if value not in known:
                raise ConfigError(f"task.{name} is '{value}'; it is {' or '.join(known)}.")
        try:
            task = self._rows().load()
        except MissingColumnError as missing:
            other: Language = "zh" if self.language == "en" else "en"
            raise DataError(
                f"{missing.found}; rename yours, or set task.language={other} for rows with "
                f"{' and '.join(COLUMNS[other])}."
            ) from None
        return replace(
            task,
            name="gsm8k" if self.language == "en" else "gsm8k_zh",
            train=tuple(map(_without_commas, task.train)),
            heldout=tuple(map(_without_commas, task.heldout)),
            verifier=self._verifier(),
            gold=GOLD_ANSWERS[self.style],
            full=1.0 if self.style == "hashes" else 1.2,
        )

    def _rows(self) -> Rows:
        english = self.language == "en"
        prompt, answer = COLUMNS[self.language]
        return Rows(
            path=self.data or ("openai/gsm8k" if english else "swulling/gsm8k_chinese"),
            prompt=prompt,
            answer=answer,
            subset=self.subset or ("main" if english else None),
            heldout_split="test",
            answer_after="####" if english else None,
            reward="hashes",
            system=self.system,
            user=self.user or USER_TURNS[self.language, self.style],
            limit=self.limit,
        )

    def _verifier(self) -> Verifier:
        if self.style == "hashes":
            return NumberIn("hashes", units=self.units, allow_cut=self.allow_cut)
        if self.style == "program":
            return program_of_thought("tag", allow_cut=self.allow_cut)
        answer = NumberIn("tag", units=self.units, allow_cut=self.allow_cut)
        tags = Tags(("reasoning", "answer"), strict=True, allow_cut=self.allow_cut)
        return Weighted((("accuracy", answer, 1.0), ("format", tags, 0.2)))


def _without_commas(problem: Problem) -> Problem:
    return replace(problem, answer=problem.answer.replace(",", ""))


def _solution(problem: Problem) -> str:
    """The row's own reasoning, without the marks of its calculator."""
    worked = str(problem.data.get("answer") or "")
    return _CALCULATION.sub("", worked.rpartition("####")[0]).strip() or f"= {problem.answer}"


def _hashed(problem: Problem) -> str:
    return f"{_solution(problem)}\n#### {problem.answer}"


def _tagged(problem: Problem) -> str:
    return f"<reasoning>\n{_solution(problem)}\n</reasoning>\n<answer>{problem.answer}</answer>"


def _program(problem: Problem) -> str:
    """The solution's last computation as a program, where it gives the answer; else the answer."""
    computed = _CALCULATION.findall(str(problem.data.get("answer") or ""))
    last = problem.answer
    if computed and computed[-1][1] == problem.answer and _PLAIN_SUM.fullmatch(computed[-1][0]):
        last = re.sub(r"(?<![\d.])0+(?=\d)", "", computed[-1][0].strip())
    return (
        f"<reasoning>\n{_solution(problem)}\n</reasoning>\n"
        f"<answer>\nvalue = {last}\nprint(round(value, 6))\n</answer>"
    )


GOLD_ANSWERS: dict[Style, Callable[[Problem], str]] = {
    "hashes": _hashed,
    "tags": _tagged,
    "program": _program,
}
"""Makers of gold answers, by style."""
