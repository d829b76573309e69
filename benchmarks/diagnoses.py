"""What a run says of itself where something is known to be wrong with it, and where nothing is.

    python benchmarks/diagnoses.py --json diagnoses.json
    python benchmarks/diagnoses.py --only penalty

Trainings of the recipe `tiny`, a few seconds each: settings that go wrong in a known way, rewards
that pay for something else than the answer, and settings that should go well. The table of
docs/diagnostics.md has what this prints.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paceline import train
from paceline.config import Config
from paceline.diagnostics import diagnoses
from paceline.objective import Objective, named
from paceline.recipes import tiny
from paceline.tasks import Arithmetic, Task
from paceline.types import Completion, Problem, Verdict
from paceline.verify import judge


@dataclass(frozen=True, kw_only=True)
class Paid(Arithmetic):
    """Sums whose answers pay half a point more for something that is not asked for."""

    what: str
    """brevity, length, or letters: up to three of them beside the answer."""
    most: int
    """Tokens of the longest answer."""

    def load(self) -> Task:
        """The task of sums, with another verifier."""
        task = super().load()

        def verifier(problem: Problem, completion: Completion) -> Verdict:
            verdict = judge(task.verifier, problem, completion)
            length = len(completion.token_ids) / self.most
            share = {
                "brevity": 1 - length,
                "length": length,
                "letters": len(set("abc") & set(completion.text.lower())) / 3,
            }[self.what]
            return replace(verdict, reward=verdict.reward + share / 2, correct=verdict.solved)

        return replace(task, verifier=verifier)


def paid(what: str, most: int = 4, **options: Any) -> Config:
    """tiny, with that reward, judged in this process."""
    task = Paid(what=what, most=most, operators=("+",), allow_cut=True, **options)
    return tiny().with_(task=task, rewards={"workers": 0}, rollouts={"max_tokens": most})


def penalised(kl: float, **changes: Any) -> Config:
    return tiny().with_(objective=named.grpo(kl=kl), **changes)


def several(objective: Objective, **changes: Any) -> Config:
    """Eight updates a round."""
    eight = {"schedule.minibatches": 8, "steps": 320}
    return tiny().with_(objective=objective, **eight, **changes)


def trainings() -> Iterator[tuple[str, Config]]:
    """In words, and as they are made."""
    yield "as it is", tiny()
    sixteen = {"schedule.minibatches": 4, "schedule.epochs": 4, "steps": 320}
    yield "learning rate 0.1, 16 updates a round", tiny().with_(**sixteen, **{"optimizer.lr": 0.1})
    for objective in (named.cispo, named.gspo):
        words = f"{objective.__name__}, learning rate 0.1, eight updates a round"
        yield words, several(objective(), **{"optimizer.lr": 0.1})
    yield "gspo, eight updates a round", several(named.gspo())
    yield "an entropy bonus of −0.2", tiny().with_(objective=replace(named.grpo(), entropy=-0.2))
    yield "KL penalty 0.001, learning rate 0.05", penalised(0.001, **{"optimizer.lr": 0.05})
    yield "KL penalty 0.05", penalised(0.05)
    yield "KL penalty 0.5", penalised(0.5)
    yield "paid for brevity", paid("brevity", low=0, high=4, heldout=10)
    # Slowly: else it is done before there are rounds to measure it against.
    slowly = {"optimizer.lr": 5e-4, "steps": 30}
    length = paid("length", 256, low=0, high=4, heldout=10)
    yield "paid for length, up to 256 tokens, learning rate 5e-4", length.with_(**slowly)
    many = {"evaluation.problems": 300, "evaluation.every": 5, "optimizer.lr": 5e-3}
    letters = paid("letters", low=0, high=24, heldout=300)
    yield "paid for three letters beside the answer, learning rate 5e-3", letters.with_(**many)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="those whose description has this text")
    parser.add_argument("--json", type=Path, help="write what was found here")
    options = parser.parse_args()
    every: dict[str, list[dict[str, Any]]] = {}
    print("| `tiny` | what it says |\n|---|---|")
    for words, config in trainings():
        if options.only not in words:
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = train(config.with_(out=str(Path(folder) / "run")), quiet=True)
            summary = run.outcome
            assert summary is not None
            found = diagnoses(run.records(), summary.before, summary.after)
        told = ", ".join(f"{d.name} (step {d.first})" for d in found)
        print(f"| {words} | {told or 'nothing'} |", flush=True)
        every[words] = [{"name": d.name, "first": d.first, "finding": d.finding} for d in found]
    if options.json:
        options.json.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
