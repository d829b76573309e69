"""A reward of your own: a plain function.

It is called with the problem and one completion, and answers with a number, or with a Verdict
where the reason should be counted and shown. The problem's other columns are in `problem.data`.

    python examples/my_reward.py            # trains the tiny model for a few seconds
    paceline train tiny task=rows task.path=examples/questions.jsonl \
        task.reward=examples/my_reward.py:short_and_right
"""

from pathlib import Path

import paceline
from paceline import Completion, Problem, Verdict
from paceline.tasks import Rows


def short_and_right(problem: Problem, completion: Completion) -> Verdict:
    """1 for the right answer, 0.1 for digits alone, nothing else."""
    text = completion.text.strip()
    if text == problem.answer:
        return Verdict(1.0, reason="right")
    if text.isdigit():
        return Verdict(0.1, reason="a number, but not the right one")
    return Verdict(0.0, reason="not a number")


def main(out: str | None = None) -> None:
    questions = Path(__file__).with_name("questions.jsonl")
    task = Rows(path=str(questions), heldout=0.2, reward=f"{__file__}:short_and_right")
    paceline.train(paceline.recipes.tiny().with_(name="my-reward", task=task, steps=60, out=out))


if __name__ == "__main__":
    main()
