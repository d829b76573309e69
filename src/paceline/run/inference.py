"""The use of a trained model: evaluated on a task, or asked one question."""

from .. import rng
from ..config import Config, from_json
from ..engine import Request
from ..errors import ConfigError
from ..preflight.load import evaluation_sampling, load
from ..preflight.preflight import load_checked
from ..settings import LoraConfig
from ..store.records import Measured
from ..store.run import Run
from ..training import Evaluation
from ..types import Problem
from ..verify.calling.pool import VerifierPool
from . import build
from .evaluation import evaluation_of
from .screen import Screen, printable


def evaluate_model(config: Config, *, quiet: bool = False) -> Evaluation:
    """Measure the accuracy of `config.model` on the held-out problems of `config.task`.

    Raises: ConfigError if the config evaluates on no problem.
    """
    if not config.evaluation.problems:
        raise ConfigError("evaluation.problems is 0; set a number to evaluate on, such as 500.")
    screen = Screen(0, quiet=quiet)
    loaded = load_checked(config)
    with screen.busy(f"loading {config.model.path}"):
        policy = build.policy_of(loaded, train=False)
    verifiers = VerifierPool(loaded.task.verifier, config.rewards)
    with verifiers, screen.busy(f"evaluating on {loaded.task.name}"):
        engine = build.engine_of(loaded, policy)
        evaluation = evaluation_of(loaded, policy, engine, verifiers, screen, screen.say_once)
    measured = Measured.of(evaluation)
    screen.evaluated(config.model.path, measured)
    screen.remark_on(config.model.path, measured)
    return evaluation


def config_of_model(run: Run) -> Config:
    """The config under which a run's model is used: the run's own, with the model that it left. The
    run's adapters are merged into that already, and it is one of 16 or 32 bits.

    Raises: ConfigError for a run without a model.
    """
    if not run.model.is_dir():
        raise ConfigError(
            f"The run '{run.path}' has no model yet: it was stopped, or is still training; wait "
            f"for its end, or resume it with `paceline resume {run.path}`."
        )
    model = {"path": str(run.model), "quantisation": "none"}
    stored = from_json(run.description.config)
    if stored.objective.of_scores:
        raise ConfigError(
            f"The run '{run.path}' trained a reward model, which gives a score and cannot write an "
            f"answer; use it in a reward, as RewardModel('{run.model}')."
        )
    return stored.with_(out=None, model=model, lora=LoraConfig())


def answers(config: Config, prompt: str, count: int, *, greedy: bool) -> list[str]:
    """The model's answers to one user turn, `count` of them, under the task's template."""
    loaded = load(config, reward=False)
    policy = build.policy_of(loaded, train=False)
    rendered = policy.render(loaded.task.messages(Problem("prompt", prompt)))
    sampling = evaluation_sampling(config)
    streams = tuple(rng.key(config.seed, "sample-command", prompt, i) for i in range(count))
    completions = build.engine_of(loaded, policy).generate(
        [Request(rendered, streams)], sampling.as_greedy() if greedy else sampling
    )
    return [printable(c.text) for c in completions[0]]
