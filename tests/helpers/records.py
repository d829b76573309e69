"""Records as a run writes them, for whoever reads them."""

from collections.abc import Mapping
from typing import Any

from paceline.store.records import SOMETIMES, Measured, StepRecord, Summary

OF_PAIRS = frozenset({
    "pairs", "pair_accuracy", "pair_margin", "longer_wins", "length_correlation",
    "calibration_error", "temperature", "calibration_error_before", "right_from", "reliability",
})  # fmt: skip
"""Keys of a measurement that is of pairs."""
OF_ANSWERS = frozenset({"greedy_accuracy", "sampled_accuracy", "pass_at", "cut", "lost"})
"""Keys of a measurement that is of answers."""

PLAIN: dict[str, Any] = {
    "step": 1, "round": 0, "part": 0, "reward": 0.5, "accuracy": 0.5, "completions": 64,
    "completion_tokens": 100.0, "cut": 0.0, "empty": 0.0, "stop_reasons": {"stop": 64, "length": 0},
    "reasons": {"right": 32, "wrong": 32}, "repeated_mistakes": 0.0, "groups": 8,
    "groups_without_signal": 2, "groups_refused": 0, "accuracy_refused": None, "groups_lost": 0,
    "prompts_too_long": 0, "rows": 64, "rows_trained": 48, "grad_norm": 1.0, "skipped": False,
    "lr": 1e-5, "entropy": 1.0, "kl": 0.1, "ratio_max": 1.5, "clip_fraction": 0.01,
    "mismatch": 0.001, "tokens_per_second": 500.0, "memory_gb": 2.5, "seconds": 6.9,
    "phases": {"sample": 3.0, "update": 3.9},
}  # fmt: skip
"""A step of a run in which nothing happens, as its line has it."""


def a_step(**changes: Any) -> StepRecord:
    """That step, with other figures; measured after it where they have an evaluation."""
    absent = frozenset({"evaluation", *SOMETIMES} - changes.keys())
    return StepRecord(**{"absent": absent, **PLAIN, **changes})


def a_measurement(accuracy: float, n: int = 500, **changes: Any) -> Measured:
    """A measurement on held-out problems with this accuracy, greedy and sampled."""
    either = {"sampled_accuracy": accuracy, "greedy_accuracy": accuracy}
    intervals = {name: [max(0.0, accuracy - 0.04), accuracy + 0.04] for name in either}
    made = {"task": "sums", "n": n, "intervals": intervals, **either, **changes}
    absent = {"rows", "nll", "token_accuracy", "end_probability", *OF_PAIRS} - changes.keys()
    return Measured(**made, absent=frozenset(absent))


def a_likelihood(nll: float, n: int = 500, **changes: Any) -> Measured:
    """A measurement of the likelihood of held-out rows, where no answer was judged."""
    made = {
        "task": "rows", "n": n, "rows": n, "nll": nll, "token_accuracy": 0.9,
        "end_probability": 0.99, "intervals": {"nll": [nll - 0.01, nll + 0.01]}, **changes,
    }  # fmt: skip
    absent = {*OF_ANSWERS, *OF_PAIRS} - changes.keys()
    return Measured(**made, absent=frozenset(absent))


def some_pairs(accuracy: float, n: int = 300, **changes: Any) -> Measured:
    """A measurement of the order of held-out pairs, where no answer was judged."""
    made = {
        "task": "pairs", "n": n, "pairs": n, "pair_accuracy": accuracy, "pair_margin": 0.5,
        "longer_wins": 0.6, "intervals": {"pair_accuracy": [accuracy - 0.05, accuracy + 0.05]},
        **changes,
    }  # fmt: skip
    absent = {*OF_ANSWERS, *OF_PAIRS, "rows", "nll", "token_accuracy", "end_probability"}
    return Measured(**made, absent=frozenset(absent - made.keys()))


def a_given_step(**changes: Any) -> StepRecord:
    """A step on rows that brought their completions."""
    made = {
        **PLAIN, "reward": None, "accuracy": None, "reasons": {}, "repeated_mistakes": None,
        "groups_without_signal": 0, "rows_trained": 64, "kl": None, "ratio_max": None,
        "clip_fraction": None, "mismatch": None, "nll": 0.25, "end_probability": 0.9,
        "phases": {"read": 0.1, "update": 6.8}, **changes,
    }  # fmt: skip
    absent = {"evaluation", *SOMETIMES} - made.keys()
    return StepRecord(**made, absent=frozenset(absent))


def a_pair_step(**changes: Any) -> StepRecord:
    """A step on pairs, of a policy, or with nll=None of a reward model."""
    pairs = {
        "pair_loss": 0.6, "pair_accuracy": 0.75, "chosen_reward": -0.1, "rejected_reward": -0.4,
        "pair_margin": 0.3, "end_probability": None,
    }  # fmt: skip
    return a_given_step(**{**pairs, **changes})


def a_summary(**changes: Any) -> Summary:
    """A run of one step that came to its end and was not measured, with other figures."""
    return Summary(**{"finished": True, "steps": 1, "rounds": 1, "seconds": 6.9, **changes})


TIMED_KEYS = ("seconds", "phases", "tokens_per_second", "memory_gb")
"""Keys that are measured on the machine, and so differ between two equal runs."""


def untimed(line: Mapping[str, Any]) -> dict[str, Any]:
    """A step's line without the keys that no run repeats."""
    kept = {key: value for key, value in line.items() if key not in TIMED_KEYS}
    if kept.get("evaluation"):
        kept["evaluation"] = {k: v for k, v in kept["evaluation"].items() if k not in TIMED_KEYS}
    return kept
