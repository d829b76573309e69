"""The model card of a run: how the model was trained, what it reached, and what was verified."""

import re
from pathlib import PurePosixPath
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ..model.source import HUB_NAME
from ..objective import NAMES
from ..store.description import RunDescription
from ..store.exports import Exported, Reading
from ..store.records import Measured, Share
from ..store.run import Run
from ..text import THIN, counted, percent, percent_range

LIBRARIES = {"folder": "transformers", "adapter": "peft", "gguf": "gguf", "ollama": "gguf"}
"""The library of the hub that reads each form."""
MARK = "paceline_run"
"""Key of a card's metadata with the identity of the run: a repository with another one is another
model's."""
_ABSOLUTE = re.compile(r"(?<![\w.:/])(?:~|/)[^\s'\",;]*/([^\s'\",;/]+)")
"""A path of the machine that trained: only its last part is told."""


def card_of(run: Run, exported: Exported, repository: str) -> str:
    """The card, README.md of a repository: metadata, then Markdown.

    Args:
        exported: the form that is pushed.
        repository: the repository's name, such as user/name.
    """
    about, summary = run.description, run.outcome
    before, after = (summary.before, summary.after) if summary else (None, None)
    name = repository.rpartition("/")[2]
    base = str(about.config["model"]["path"])
    marked: Any = {MARK: about.id}
    # Their own dump writes a block of YAML with all that it was given.
    data = ModelCardData(
        base_model=base if HUB_NAME.fullmatch(base) else None,
        library_name=LIBRARIES[exported.to],
        pipeline_tag="text-generation",
        tags=["paceline", "reinforcement-learning", "rlvr", _algorithm(about)],
        model_name=name,
        eval_results=_results(after) if after else None,
        **marked,
    )
    parts = [
        f"---\n{data}\n---",
        f"# {name}",
        f"`{_shown(base)}`, trained by reinforcement learning with verifiable rewards on the task "
        f"`{_task(about)}`: {counted(run.steps, 'step')} with paceline {about.paceline}.",
        _accuracies(before, after),
        _use(exported, repository, base),
        _training(about),
        _verified(exported),
        "The licence of the base model, and what it says about its use, hold for this model too.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _shown(text: str) -> str:
    """Text without the folders of the machine that it was made on."""
    return _ABSOLUTE.sub(r"\1", text)


def _task(about: RunDescription) -> str:
    task = about.config.get("task") or {}
    return PurePosixPath(str(task.get("type", "")).replace(":", "/")).name or "rows"


def _algorithm(about: RunDescription) -> str:
    """The objective's name, if it is a named one as it stands."""
    limit = about.config["rollouts"]["max_tokens"]
    named = (
        name for name, make in NAMES.items() if repr(make().resolved(limit)) == about.objective
    )
    return next(named, "own-objective")


def _results(after: Measured) -> list[EvalResult]:
    """The accuracies as the hub shows them beside a model."""
    common: dict[str, Any] = {
        "task_type": "text-generation", "dataset_type": after.task, "dataset_name": after.task,
        "metric_type": "accuracy", "task_name": "Text generation",
    }  # fmt: skip
    kinds = (
        ("sampled accuracy", after.sampled_accuracy),
        ("greedy accuracy", after.greedy_accuracy),
    )
    return [
        EvalResult(
            **common, metric_name=f"{name}, {after.n} problems", metric_value=round(value, 4)
        )
        for name, value in kinds
        if value is not None
    ]


def _accuracies(before: Measured | None, after: Measured | None) -> str:
    if after is None or after.sampled is None:
        return _likelihood(before, after)
    rows = ["| | sampled answers | greedy answers |", "|---|---|---|"]
    for title, one in (("before", before), ("after", after)):
        if one and one.sampled and one.greedy:
            rows.append(f"| {title} | {_share(one.sampled)} | {_share(one.greedy)} |")
    return "\n".join([
        "## Accuracy", "",
        f"On {counted(after.n, 'held-out problem')} of `{after.task}`, with 95 % intervals.", "",
        *rows,
    ])  # fmt: skip


def _likelihood(before: Measured | None, after: Measured | None) -> str:
    """What is known of a model whose answers nobody judged."""
    if after is not None and after.ordered is not None:
        return (
            f"## Preferences\n\nOf {counted(after.pairs or after.n, 'held-out pair')} of "
            f"`{after.task}`, {_share(after.ordered)} are in order: the model finds the preferred "
            "completion better than the other, as its training loss measures it."
        )
    if after is None or after.nll is None:
        return "Its accuracy on held-out problems was not measured."
    began = f", {before.nll:.4f} before training" if before and before.nll is not None else ""
    return (
        "## Likelihood\n\nMean negative log-likelihood of a token on "
        f"{counted(after.n, 'held-out row')} of `{after.task}`: {after.nll:.4f} nats{began}."
    )


def _share(share: Share) -> str:
    if share.interval is None:
        return percent(share.value, 1)
    return f"{percent(share.value, 1)} [{percent_range(*share.interval)}]".replace(THIN, " ")


def _use(exported: Exported, repository: str, base: str) -> str:
    code = {
        "folder": (
            "from transformers import pipeline\n\n"
            f'ask = pipeline("text-generation", "{repository}")\n'
            'ask([{"role": "user", "content": "…"}])'
        ),
        "adapter": (
            "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n"
            f'model = AutoModelForCausalLM.from_pretrained("{_shown(base)}")\n'
            f'model = PeftModel.from_pretrained(model, "{repository}")'
        ),
    }
    if exported.to in code:
        return f"## Use\n\n```python\n{code[exported.to]}\n```"
    server = "llama-server -hf " if exported.to == "gguf" else "ollama run hf.co/"
    command = f"{server}{repository}"
    return f"## Use\n\n```bash\n{command}\n```"


def _training(about: RunDescription) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about.versions.items())
    lines = ["## Training", "", "```text"]
    if about.command:
        lines.append(_shown(about.command))
    lines += [_shown(about.objective), f"seed {about.config['seed']}", "```", "", f"{versions}."]
    return "\n".join(lines)


def _verified(exported: Exported) -> str:
    rows = [
        "| read by | prompts rendered as in training | answers as in training |",
        "|---|---|---|",
    ]
    rows += [_row(reading) for reading in exported.verified]
    return "\n".join([
        "## Verified", "",
        "These programs read the files by themselves and answered held-out problems greedily; "
        "their answers were held against those of the trained model.", "", *rows,
    ])  # fmt: skip


def _row(reading: Reading) -> str:
    ties = f", {reading.near_ties} more up to a near tie" if reading.near_ties else ""
    return (
        f"| {reading.by} {reading.version} | {reading.same_prompts} of {reading.prompts} | "
        f"{reading.equal} of {reading.prompts}{ties} |"
    )
