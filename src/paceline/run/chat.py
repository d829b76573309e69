"""A conversation with a model: its own engine, the task's template, and the verifier's verdict on
answers to problems that it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import rng
from ..engine import Engine, Sampling
from ..errors import ConfigError, UserError
from ..model import Policy
from ..preflight.load import Loaded
from ..tasks import Task
from ..tasks.split import prompt_key
from ..training.rollouter import Rollouter
from ..types import Completion, Message, Problem, Verdict
from ..verify.calling.pool import VerifierPool


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer to one turn.

    Example: Reply("5", cut=False, verdict=Verdict(1.0, reason="equals the expected answer"))
    """

    text: str
    cut: bool
    """True if it met the limit of tokens."""
    verdict: Verdict | None = None
    """The verifier's verdict; None for a question that is no problem of the task."""
    not_judged: str = ""
    """The reason why there is no verdict on a problem's answer, as where the reward raised."""


class Chat:
    """A conversation.

    Attributes:
        turns: what was said so far, without the system message.
        system: the system message; at first the task's own.
        sampling: the sampling of the answers.

    Args:
        verifiers: the workers that judge; None never judges.
    """

    def __init__(
        self,
        loaded: Loaded,
        policy: Policy,
        engine: Engine,
        sampling: Sampling,
        verifiers: VerifierPool | None = None,
    ) -> None:
        self.loaded, self.sampling, self.verifiers = loaded, sampling, verifiers
        self.rollouter = Rollouter(policy, engine, loaded.task)
        self.system = loaded.task.template.system
        self.turns: list[Message] = []
        self._problems = _by_text(loaded.task)
        self._posed, self._asked = 0, 0

    def restart(self) -> None:
        """Forget what was said; the system message stays."""
        self.turns = []

    def next_problem(self) -> Problem:
        """The next held-out problem of the task, or training problem if none is held out."""
        problems = self.loaded.task.heldout or self.loaded.task.train
        self._posed += 1
        return problems[(self._posed - 1) % len(problems)]

    def pose(self, problem: Problem) -> Reply:
        """Ask a problem as in training: in a conversation of its own, with the task's system
        message."""
        turns = self.loaded.task.messages(problem)
        systems = [turn["content"] for turn in turns if turn["role"] == "system"]
        self.system = systems[0] if systems else None
        self.restart()
        return self._ask(_talk(turns), problem)

    def say(self, text: str) -> Reply:
        """Take the user's next turn. One that is a problem's text is asked as the task asks it.

        Raises: ConfigError if the conversation has grown beyond the model's context.
        """
        problem = self._problems.get(prompt_key(text))
        return self._ask(_talk(self.loaded.task.messages(Problem("chat", text))), problem)

    def _ask(self, added: Sequence[Message], problem: Problem | None) -> Reply:
        """Ask what was said so far with some turns behind it."""
        opening = [{"role": "system", "content": self.system}] if self.system else []
        prompt = self.rollouter.policy.render([*opening, *self.turns, *added])
        if not self.rollouter.fits(prompt, self.sampling.max_tokens):
            raise ConfigError(
                f"The conversation has {len(prompt)} tokens, and with an answer of "
                f"{self.sampling.max_tokens} does not fit into the model's context of "
                f"{self.rollouter.policy.context_length}; begin another."
            )
        stream = rng.key(self.loaded.config.seed, "chat", self._asked)
        self._asked += 1
        request = self.rollouter.request(prompt, [stream])
        ((completion,),) = self.rollouter.engine.generate([request], self.sampling)
        self.turns += [*added, {"role": "assistant", "content": completion.text}]
        cut = completion.finish == "length"
        if problem is None or self.verifiers is None:
            return Reply(completion.text, cut)
        try:
            verdict = self._judge(self.verifiers, problem, completion)
        except UserError as error:  # the answer and the conversation stay
            return Reply(completion.text, cut, not_judged=str(error))
        return Reply(completion.text, cut, verdict)

    def _judge(
        self, verifiers: VerifierPool, problem: Problem, completion: Completion
    ) -> Verdict | None:
        pending = verifiers.submit(problem, completion)
        verifiers.flush()
        answer = pending.result()
        return answer if isinstance(answer, Verdict) else None


def _talk(turns: Sequence[Message]) -> list[Message]:
    """Turns without the system message."""
    return [turn for turn in turns if turn["role"] != "system"]


def _by_text(task: Task) -> dict[str, Problem]:
    """The problems of a task by what they ask."""
    return {prompt_key(one.prompt): one for one in (*task.train, *task.heldout)}
