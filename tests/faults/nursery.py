"""A process that forks runs which can be killed: everything is imported once, so that a run of the
tiny model starts in a moment.

Reads one JSON object a line from stdin and answers with two: the child's pid, then its exit code
(negative for a signal). Nothing is computed before the fork: no thread of torch's is lost by it.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import pyarrow.parquet  # noqa: F401
import transformers.models.llama.modeling_llama  # noqa: F401

from paceline import recipes, tasks
from paceline.errors import Interrupted, UserError
from paceline.objective import named
from paceline.run import resume, train
from paceline.run import session as _session  # noqa: F401
from tests.faults import deadly, meddle

CHANGES = {
    "steps": 10,
    "save_every": 3,
    "objective": named.grpo(kl=0.1),
    "reference": {"alpha": 0.5, "every": 3},
    "schedule": {"minibatches": 2},
    "rollouts": {"problems": 4, "completions": 6, "max_tokens": 4, "accept": "signal"},
    "evaluation": {"problems": 4, "completions": 2, "every": 4},
    "show_every": 0,
}
"""Everything that is state: a round that serves two updates, so that saves fall into the middle of
one; a reference that follows; dynamic sampling; an evaluation on the way."""


STAGES = {
    "sft": {
        "answers": "given",
        "objective": named.sft(),
        "steps": 7,
        "save_every": 2,
        "rollouts": {"problems": 4, "completions": 8, "max_tokens": 24},
        "evaluation": {"problems": 4, "completions": 2, "every": 3},
        "show_every": 0,
    },
    "dpo": {
        "task": tasks.Manners(pairs=12, heldout=6, low=10, high=20),
        "answers": "given",
        "objective": named.dpo(),
        "steps": 7,
        "save_every": 2,
        "rollouts": {"problems": 4, "completions": 8, "max_tokens": 60},
        "evaluation": {"problems": 6, "every": 3},
        "show_every": 0,
    },
    "reward_model": {
        "task": tasks.Manners(pairs=12, heldout=6, low=10, high=20),
        "answers": "given",
        "objective": named.bradley_terry(centre=0.01),
        "model": {"layers": 1},
        "optimizer": {"lr": 1e-3, "head_lr": 1e-1},
        "steps": 7,
        "save_every": 2,
        "rollouts": {"problems": 4, "completions": 8, "max_tokens": 60},
        "evaluation": {"problems": 6, "every": 3},
        "show_every": 0,
    },
    "ppo": {
        "objective": named.ppo(kl=0.05),
        "critic": {"body": "own", "layers": 1, "warmup": 1, "clip": 0.5},
        "steps": 9,
        "save_every": 2,
        "schedule": {"minibatches": 2},
        "rollouts": {"problems": 4, "completions": 4, "max_tokens": 4},
        "evaluation": {"problems": 4, "completions": 2, "every": 4},
        "show_every": 0,
    },
    "ppo_shared": {
        "objective": named.ppo(),
        "model": {"dtype": "bf16"},
        "steps": 9,
        "save_every": 2,
        "schedule": {"minibatches": 2},
        "rollouts": {"problems": 4, "completions": 4, "max_tokens": 4},
        "evaluation": {"problems": 4, "completions": 2, "every": 4},
        "show_every": 0,
    },
}
"""Changes of `tiny` that make it another stage of the line, by name."""


def run(job: dict) -> int:
    """One run, or its resume; returns what the command line would."""
    out = Path(job["out"])
    try:
        deadly.arm(out, job.get("die_at"), power=job.get("power", False), record=job.get("record"))
        for name, argument in job.get("meddle", {}).items():
            getattr(meddle, name)(argument)
        recipe = job.get("recipe", "tiny")
        usual = STAGES[job["stage"]] if "stage" in job else CHANGES
        changes = (usual if recipe == "tiny" else {}) | job.get("changes", {})
        start = recipes.by_name(recipe)
        if "task" in job:
            start = start.with_(task=tasks.by_name(job["task"])())
        config = start.with_(**changes, out=str(out))
        if (out / "config.json").is_file():
            resume(out, quiet=job.get("quiet", True))
        else:
            train(config, quiet=job.get("quiet", True))
    except UserError as error:
        print(f"paceline: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except Interrupted as stop:
        return stop.exit_code
    except BaseException:
        traceback.print_exc()
        return 99
    return 0


def main() -> None:
    # What is started in the background ignores Ctrl-C, or under nohup a hang-up; so would its runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            if log := job.get("log"):
                file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(file, 1)
                os.dup2(file, 2)
            else:
                os.dup2(2, 1)
            code = 98
            try:
                code = run(job)
                sys.stdout.flush()
            finally:
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        status = os.waitpid(pid, 0)[1]
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
