"""The link between engine and verifiers: problems go in, completions with verdicts come out."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from ..engine import Engine, Request, Sampling
from ..model import Policy
from ..tasks import Task
from ..types import Completion, Problem, Prompt
from ..verify.calling.pool import VerifierPool
from ..verify.calling.reward_config import RewardConfig
from ..verify.calling.scoring import Answer


@dataclass(frozen=True, slots=True)
class JudgedCompletion:
    """A completion with its pending verdict."""

    completion: Completion
    future: "Future[Answer]"

    @property
    def answer(self) -> Answer:
        """The verdict, or the reason why there is none; waits for it."""
        return self.future.result()


class Rollouter:
    """Has problems answered by an engine, and each completion judged while others are sampled.

    Args:
        verifiers: workers that call the task's verifier; without them, it is called here.
    """

    def __init__(
        self, policy: Policy, engine: Engine, task: Task, verifiers: VerifierPool | None = None
    ) -> None:
        self.policy, self.engine, self.task = policy, engine, task
        self.verifiers = verifiers or VerifierPool(task.verifier, RewardConfig(workers=0))

    def prompt_of(self, problem: Problem) -> Prompt:
        """The problem rendered under the task's template and the model's chat template."""
        return self.policy.render(self.task.messages(problem))

    def fits(self, prompt: Prompt, max_tokens: int) -> bool:
        """True if a prompt and an answer of so many tokens fit into the model's context."""
        room = self.policy.context_length
        return room is None or len(prompt) + max_tokens <= room

    def request(self, prompt: Prompt, streams: Sequence[int]) -> Request:
        """The request to the engine: one completion for each of these random streams."""
        return Request(prompt, tuple(streams), opened=self.policy.opened(prompt))

    def answered(
        self,
        problems: Sequence[Problem],
        requests: Sequence[Request],
        sampling: Sampling,
        tick: Callable[[], None] = lambda: None,
    ) -> list[list[JudgedCompletion]]:
        """Completions of each problem, in the order of its streams, with pending verdicts.

        Args:
            tick: called for each completion as soon as it is finished: a sign of life.
        """
        asked: list[dict[int, Future[Answer]]] = [{} for _ in problems]

        def judge(i: int, place: int, completion: Completion) -> None:
            tick()
            asked[i][place] = self.verifiers.submit(problems[i], completion)

        completions = self.engine.generate(requests, sampling, judge)
        return [
            [
                JudgedCompletion(completion, futures[place])
                for place, completion in enumerate(of_problem)
            ]
            for of_problem, futures in zip(completions, asked, strict=True)
        ]

    def flush(self) -> None:
        """Have verdicts that wait for a batch to fill be computed now."""
        self.verifiers.flush()

    def shrink(self) -> str | None:
        """Sample fewer completions at once; None if the engine cannot."""
        return self.engine.shrink()
