"""What the benchmarks share: records of what a side has to do and of what it measured, the rate of
matrix products, peak memory, and the clock.

Torch and the standard library only: the interpreter of a trainer compared with need not have
paceline.
"""

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).resolve().parent
WINDOW = 3
"""Rounds whose mean reward has to reach the goal: one round alone can be luck."""


@dataclass(frozen=True, slots=True)
class Forced:
    """A round whose work is prescribed: one entry for each problem."""

    prompts: list[list[int]]
    """Token ids."""
    lengths: list[list[int]]
    """Tokens of each completion."""
    rewards: list[list[float]]
    """Of each completion, whatever it says."""

    @property
    def sampled(self) -> int:
        """Completion tokens of the round."""
        return sum(map(sum, self.lengths))

    @property
    def tokens(self) -> int:
        """Tokens that an update cannot do without: every prompt once and every completion."""
        return sum(map(len, self.prompts)) + self.sampled


@dataclass(frozen=True, slots=True)
class Asked:
    """A round of real problems."""

    prompts: list[list[int]]
    answers: list[str]


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything that both sides have to do alike."""

    model: str
    """A folder in Hugging Face layout, or a hub name."""
    dtype: str
    """bf16 or fp32: of the weights."""
    device: str
    lr: float
    decay: str
    """constant, or linear to 0 over `schedule` steps."""
    schedule: int
    problems: int
    completions: int
    max_tokens: int
    rounds: list[Any]
    """Forced or Asked, one for each optimizer step."""
    goal: float = 1.0
    """Of Asked rounds: stop when the mean of the last WINDOW rewards reaches it."""
    seed: int = 0
    """Of the sampling."""
    trl: dict[str, Any] = field(default_factory=dict)
    """Settings of the one side; see trl_side.py."""
    paceline: dict[str, Any] = field(default_factory=dict)
    """Settings of the other: changes to the library's default config."""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Spec":
        found = json.loads(path.read_text(encoding="utf-8"))
        kind = Forced if "lengths" in found["rounds"][0] else Asked
        return cls(**{**found, "rounds": [kind(**round) for round in found["rounds"]]})


@dataclass(frozen=True, slots=True)
class Timed:
    """The seconds of one step. What is not rollout is update, the optimizer included."""

    step: float
    rollout: float
    update: float
    sampled: int
    """Completion tokens."""
    updated: int
    """Tokens that the update was about, as `Forced.tokens` counts them, on both sides."""

    @classmethod
    def of(cls, round: Forced, step: float, rollout: float) -> "Timed":
        return cls(step, rollout, step - rollout, round.sampled, round.tokens)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Matrices:
    """How many numbers a token is multiplied with."""

    layers: int
    layers_trained: int
    """Those that get a gradient of their own: all, or an adapter's factors."""
    head: int
    """The output layer: sampled tokens only."""
    head_trained: int

    @classmethod
    def of(cls, policy: Any) -> "Matrices":
        """Of a paceline policy: embeddings are looked up, not multiplied."""
        embeddings = policy.module.get_input_embeddings().weight
        layers = [p for p in policy.backbone.parameters() if p.ndim > 1 and p is not embeddings]
        head = [policy.head.weight]
        return cls(_numbers(layers), _trained(layers), _numbers(head), _trained(head))

    def update_flops(self, prompts: int, sampled: int) -> int:
        """Of the useful work, attention aside: every prompt token and every sampled token once,
        forward, backward to the inputs, and to the weights that are trained. What a low-rank
        adapter spends on forming the weight it stands for is overhead."""
        a_layer_token = 4 * self.layers + 2 * self.layers_trained
        a_head_token = 4 * self.head + 2 * self.head_trained
        return a_layer_token * (prompts + sampled) + a_head_token * sampled


def _numbers(weights: Sequence[torch.Tensor]) -> int:
    return sum(w.numel() for w in weights)


def _trained(weights: Sequence[torch.Tensor]) -> int:
    return sum(w.numel() for w in weights if w.requires_grad)


class Diary:
    """What one process measured, written down at its end."""

    def __init__(self, device: torch.device, dtype: str) -> None:
        self.device, self.dtype = device, torch.bfloat16 if dtype == "bf16" else torch.float32
        self.steps: list[dict[str, Any]] = []
        self.gemm = [gemm_rate(self.dtype, device)]

    def add(self, entry: dict[str, Any]) -> None:
        """A step's entry, and the machine's rate just behind it."""
        self.steps.append(entry)
        self.gemm.append(gemm_rate(self.dtype, self.device, 0.5))
        told = ", ".join(f"{k} {v:.2f}" for k, v in entry.items() if isinstance(v, float))
        print(f"    step {len(self.steps)}: {told}", flush=True)

    def write(self, path: Path, **more: Any) -> None:
        record = {
            "steps": self.steps,
            "peak_bytes": peak_bytes(self.device),
            "gemm_flops": self.gemm,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            **more,
        }
        path.write_text(json.dumps(record), encoding="utf-8")


def gemm_rate(dtype: torch.dtype, device: torch.device, seconds: float = 1.0) -> float:
    """FLOP/s of a matrix product of the update's shape."""
    a = torch.randn(2048, 576, dtype=dtype, device=device)
    b = torch.randn(1536, 576, dtype=dtype, device=device)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        float(torch.nn.functional.linear(a, b)[0, 0])
        done += 1
    return done * 2 * 2048 * 576 * 1536 / (time.perf_counter() - started)


def now(device: torch.device) -> float:
    """The time, when all work begun on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_bytes(device: torch.device) -> int:
    """The most memory so far: of the GPU what torch had allocated, else what was resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux getrusage's figure begins at the parent's peak; this one is the process's own.
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reached(rewards: Sequence[float], goal: float) -> bool:
    """Whether the mean of the last WINDOW rewards is at the goal."""
    return len(rewards) >= WINDOW and sum(rewards[-WINDOW:]) / WINDOW >= goal
