"""The estimate of a run's needs: memory, disk and time, before the model is loaded.

All figures are upper bounds: they take every completion to be as long as allowed, and every group
to be trained on. `benchmarks/estimate.py` compares them with measured runs.
"""

from dataclasses import asdict, astuple, dataclass

import psutil
import torch

from ..config import Config
from ..engine.local.kv_cache import FIRST_WIDTH
from ..model.head import BLOCK_LOGITS, CHUNK_LOGITS
from ..model.model_size import ModelSize
from ..objective.named import Named
from .calibrate import Throughput
from .held import ALONE, FP32_BYTES, MOMENT_BYTES, Beside, Held, held_by
from .resources import Resources
from .workload import Decoding, Pass, Workload

GAP_SHARE = 0.3
"""On the CPU, the gaps between the memory of an update and of the sampling, as a share of both:
freed blocks that no later tensor fits. Measured between 0.15 and 0.6, with glibc."""
LATER_LIBRARY_BYTES = 80_000_000
"""Bytes of libraries that are loaded only during a run: for rounds on disk, and for the report."""
ROUND_FILE_BYTES, ROW_BYTES, TOKEN_BYTES = 10_000, 60, 14
"""Bytes of a round's file, of a completion in it and of a token, the reference's and the anchor's
log-probabilities aside: numbers that are hardly compressed, and text that is."""
WRITTEN_BYTES_PER_SECOND = 3e8
"""Assumed speed of writing and hashing checkpoints; it is not measured."""


@dataclass(frozen=True, slots=True)
class Memory(Held):
    """Bytes by use, while the run is at its largest: what is held throughout, and more."""

    program: int
    """Bytes of the process as it is now, and of the libraries and problems it will load. 0 on a
    GPU."""
    activations: int
    """Bytes that the largest pass of an update keeps for its backward pass."""
    head: int
    """Bytes of the output layer's gradient and a block of logits."""
    decoding: int
    """Bytes of keys and values, packed or merged weights and logits while completions are
    sampled."""
    gaps: int
    """Bytes between all of these, if the system's own allocator is in use."""

    @property
    def total(self) -> int:
        """Bytes on the device that computes."""
        return sum(astuple(self)) - self.host

    @classmethod
    def of(
        cls, config: Config, objective: Named, model_size: ModelSize, work: Workload,
        dtype: torch.dtype, device: torch.device, beside: Beside = ALONE,
    ) -> "Memory":  # fmt: skip
        """The memory of a run."""
        size, cpu = dtype.itemsize, device.type == "cpu"
        # A critic's pass begins where the policy's ended.
        learning = [one for one in (model_size, beside.critic) if one is not None]
        activations = max(_activations(p, one, size) for p in work.passes for one in learning)
        head = max(_head(one.scored, model_size, size, cpu=cpu) for one in work.passes)
        if objective.needs_values:  # its states in fp32, and their gradient
            width = (beside.critic or model_size).width
            head += max(2 * one.scored * width * FP32_BYTES for one in work.passes)
        decoding = max((_decoding(d, model_size, size) for d in work.decodings), default=0)
        if work.decodings:
            decoding += _copies(config, model_size, packed=cpu and dtype == torch.bfloat16) * size
        held = held_by(
            config, model_size, dtype, reference=objective.needs_reference, beside=beside
        )
        passing = activations + head + decoding
        return cls(
            program=psutil.Process().memory_info().rss + LATER_LIBRARY_BYTES if cpu else 0,
            **asdict(held),
            activations=activations,
            head=head,
            decoding=decoding,
            gaps=int(GAP_SHARE * passing) if cpu else 0,
        )


def _copies(config: Config, model_size: ModelSize, *, packed: bool) -> int:
    """Number of weights that there are twice while completions are sampled: those merged, and, on a
    processor, those packed for it, which are all that are not quantised."""
    merged = model_size.adapted if config.lora.merge != "no" else 0
    plain = model_size.linear - model_size.adapted
    if config.model.quantisation != "none":
        plain = model_size.words * model_size.width
    return merged + (plain if packed else 0)


def _activations(one: Pass, model_size: ModelSize, size: int) -> int:
    if not one.recompute:
        return one.tokens * model_size.activation_bytes
    # Each layer's input, and one layer whole at a time.
    return one.tokens * (
        model_size.layers * model_size.width * size
        + model_size.activation_bytes // model_size.layers
    )


def _head(scored: int, model_size: ModelSize, size: int, *, cpu: bool) -> int:
    block = min(scored * model_size.words, max(model_size.words, BLOCK_LOGITS))
    # Logits, probabilities and their product with the slope, in fp32.
    chunk = min(block, max(model_size.words, CHUNK_LOGITS)) if cpu else block
    # The layer's gradient, a block's and the sum; under adapters it has none.
    layer = 0 if model_size.adapters else model_size.words * model_size.width
    hidden = 2 * scored * model_size.width * size
    return layer * (FP32_BYTES + size) + block * size + 3 * chunk * FP32_BYTES + hidden


def _decoding(d: Decoding, model_size: ModelSize, size: int) -> int:
    width = FIRST_WIDTH
    while width < d.tokens:
        width *= 2
    tokens = d.prompts * d.longest + d.places * width
    if not model_size.packed:  # a cache of rectangles, the prompt in each row
        tokens = d.places * (d.longest + d.tokens)
    return tokens * model_size.cache * size + d.places * model_size.words * (size + 3 * FP32_BYTES)


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes that the run will have written at its largest. Metrics, the report and the tokenizer's
    files, some megabytes, are left out."""

    checkpoints: int
    """Bytes of the checkpoints that are kept, and of the next one while it is written."""
    model: int
    """Bytes of the final model, and of its adapters beside it."""
    rollouts: int
    """Bytes of all rounds."""
    checkpoint: int
    """Bytes of one checkpoint."""

    @property
    def total(self) -> int:
        return self.checkpoints + self.model + self.rollouts

    @classmethod
    def of(
        cls,
        config: Config,
        objective: Named,
        model_size: ModelSize,
        work: Workload,
        dtype: torch.dtype,
        beside: Beside = ALONE,
    ) -> "Disk":
        trained, every, keep = model_size.trained, config.save_every, config.save_keep
        # What learns, exactly, and two moments.
        each = FP32_BYTES + 2 * MOMENT_BYTES[config.optimizer.moments]
        one = int(trained * each)
        if objective.needs_values:
            critic = model_size.width if beside.critic is None else beside.critic.trained
            one += int(critic * each)
        if objective.needs_reference and config.reference.every > 0:
            one += trained * (FP32_BYTES if config.reference.alpha < 1 else dtype.itemsize)
        # Without any there is one still, where the run is stopped.
        count = -(-config.steps // every) if every else 1
        round = (
            ROUND_FILE_BYTES
            + ROW_BYTES * len(work.rows)
            + (TOKEN_BYTES + FP32_BYTES * work.scorings) * work.scored
        )
        if work.sampling is None:  # what rows bring is not written again
            round = 0
        return cls(
            checkpoints=one * (min(count, keep + 1) if keep else count),
            model=(model_size.parameters + model_size.adapters) * dtype.itemsize,
            rollouts=work.rounds * round,
            checkpoint=one,
        )


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds of the whole run, by kind of work. Verifiers are assumed to keep pace with the
    sampling."""

    sampling: float
    update: float
    """Seconds of the updates, without the optimizer's own step, a few per cent of it."""
    scoring: float
    """Seconds of the reference's, the anchor's and the critic's passes without gradient."""
    evaluation: float
    checkpoints: float
    """Seconds of writing checkpoints, as if nothing else went on meanwhile."""
    step: float
    """Seconds of one step: its share of sampling, scoring and update."""

    @property
    def total(self) -> float:
        return self.sampling + self.update + self.scoring + self.evaluation + self.checkpoints

    @classmethod
    def of(
        cls,
        config: Config,
        work: Workload,
        rates: Throughput,
        disk: Disk,
        critic: float = 0.0,
        teacher: float = 1.0,
    ) -> "Seconds":
        """The time that a run takes.

        Args:
            critic: size of a critic's own body as a share of the policy's, and so of its passes.
            teacher: that of a reference which is a model of its own.
        """
        tokens, scored = (
            work.usual * x for x in (sum(one.tokens for one in work.passes), work.scored)
        )
        update = tokens * rates.update * (1 + critic) + scored * rates.head_gradient
        scoring = tokens * rates.forward + scored * rates.score
        sampling = 0.0
        if work.sampling is not None:
            sampling = _sampling(work.sampling, work, rates) * work.draws * work.rounds
        # With several parts a round serves several steps; the last round may serve fewer.
        parts = config.schedule.parts
        updates = update * work.epochs * work.steps / parts
        # The reference's pass is among the scorings as if it were of the policy's size.
        scorings = scoring * (work.scorings + work.searches + teacher - 1) * work.rounds
        every = config.save_every
        saved = (-(-work.steps // every) if every else 0) * disk.checkpoint + disk.model
        return cls(
            sampling=sampling,
            update=updates,
            scoring=scorings,
            evaluation=work.evaluations
            * (
                sum(_sampling(d, work, rates) for d in work.evaluation)
                + work.likelihoods * rates.forward
            ),
            checkpoints=saved / WRITTEN_BYTES_PER_SECOND,
            step=(sampling + updates + scorings) / max(1, work.steps),
        )


def _sampling(d: Decoding, work: Workload, rates: Throughput) -> float:
    """Seconds of a decode step: proportionally longer with more rows than were measured, never
    shorter with fewer."""
    step = rates.step * max(1.0, d.places / work.decodings[0].places)
    return d.steps * step + d.before * rates.forward


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated needs of a run."""

    model_size: ModelSize
    memory: Memory
    disk: Disk
    seconds: Seconds | None
    """Seconds by kind of work; None for a model whose rows are padded, or that cannot be cut into
    pieces to measure."""
    room: Resources
    """Memory and disk that are available."""
