"""From a checkpoint back into a trainer."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import CheckpointError, DataError
from ..training import Drawn, Sampler, Trainer
from ..types import Problem, Round
from ..verify.calling.scoring import NoVerdict
from .checkpoint import OPTIMIZER, POLICY, REFERENCE, State, follows
from .rollouts import read_round
from .tensors import Tensors


def restore(folder: Path, state: State, trainer: Trainer, round_file: Path) -> None:
    """Take a verified checkpoint over into a trainer.

    Tensors are copied into the memory that a fresh start allocates: where values lie decides how
    some products round.

    Args:
        round_file: of the round in use; whole, as its hash is in the state.

    Raises: CheckpointError where it does not fit the trainer.
    """
    parts = trainer.schedule.parts
    if not 0 <= state.part <= parts:
        raise CheckpointError(f"it is at part {state.part} of a round, which has only {parts}")
    trainer.policy.restore(_fitting(folder / POLICY, trainer.policy.exact_parameters()))
    trainer.optimizer.restore(_fitting(folder / OPTIMIZER, trainer.optimizer.moments()))
    if trainer.reference is not None and follows(trainer.reference):
        kept = _fitting(folder / REFERENCE, trainer.reference.exact_parameters())
        trainer.reference.restore(kept)
    trainer.steps, trainer.rounds, trainer.part = state.step, state.rounds, state.part
    trainer.sampler.draw, trainer.policy.version = state.draw, state.version
    trainer.drawn = None if state.round is None else _drawn(state, trainer, round_file)
    trainer.tokens_per_forward = state.tokens_per_forward
    trainer.engine.rows_at_once = state.rows_at_once
    trainer.engine.load(trainer.policy)


def _fitting(path: Path, fresh: Tensors) -> Tensors:
    """A file's tensors, if it has all that are wanted, in their shapes."""
    try:
        tensors = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be read ({error})") from None
    for name, tensor in fresh.items():
        if name not in tensors:
            raise CheckpointError(f"{path.name} lacks '{name}'")
        found = tensors[name].shape
        if found != tensor.shape:
            raise CheckpointError(
                f"{path.name} has '{name}' in shape {tuple(found)}, the model in "
                f"{tuple(tensor.shape)}"
            )
    return tensors


def _drawn(state: State, trainer: Trainer, path: Path) -> Drawn:
    """The round in use, from its file, and what was counted beside it."""
    assert state.drawn is not None
    lost = tuple(NoVerdict(**lost) for lost in state.drawn["lost"])
    try:
        round = stored_round(path, trainer.sampler)
    except DataError as error:
        raise CheckpointError(f"its round cannot be had: {str(error).rstrip('.')}") from error
    right = state.drawn.get("refused_accuracy")  # which older checkpoints did not count
    own = state.drawn.get("at_reference", False)  # nor did they know this
    return Drawn(round, state.drawn["refused"], state.drawn["too_long"], lost, right, own)


def stored_round(path: Path, sampler: Sampler) -> Round:
    """A round from its file, of the problems that a sampler draws.

    Raises: DataError where it asked problems that the task does not have.
    """

    def problem_at(draw: int, id: str) -> Problem:
        problem = sampler.problem_at(draw)
        if problem.id != id:
            raise DataError(
                f"'{path}' asked problem {id} at place {draw}, where the task has "
                f"{problem.name} now; put the old problems back."
            )
        return problem

    return read_round(path, problem_at)
