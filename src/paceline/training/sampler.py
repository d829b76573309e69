"""The sampler: takes problems from the stream and makes a round of groups of completions with
verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import rng
from ..engine import Engine
from ..errors import DataError, RewardError, SandboxError, UserError
from ..model import Policy
from ..settings import RolloutConfig
from ..tasks import Task
from ..types import Group, Problem, Prompt, Rollout, Round, Verdict
from ..verify.calling.pool import VerifierPool
from ..verify.calling.scoring import NoVerdict
from .clock import Clock
from .rollouter import JudgedCompletion, Rollouter
from .source import SampledRound
from .stream import Stream

MOST_LOST = 4
"""Multiple of a round's groups: a round that loses more groups than that to the verifier stops the
run."""
Draw = tuple[int, Problem, Prompt]
"""A problem of the stream, with its position there and its prompt's tokens."""


class Sampler:
    """Draws problems in an order that the seed alone decides, samples a group of completions for
    each, and has them judged. A `RoundSource`.

    Attributes:
        position: the next position in the stream of problems.
    """

    repeatable = False

    def __init__(
        self,
        policy: Policy,
        engine: Engine,
        task: Task,
        settings: RolloutConfig,
        seed: int,
        verifiers: VerifierPool | None = None,
    ) -> None:
        self.rollouter, self.task = Rollouter(policy, engine, task, verifiers), task
        self.settings, self.seed, self.position = settings, seed, 0
        self.stream = Stream(task.train, seed)

    @property
    def max_tokens(self) -> int:
        """The maximum number of tokens of a completion."""
        return self.settings.max_tokens

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        """Sample round number `index`, always of `problems` groups.

        With accept="signal", groups without signal are refused and replaced by others; when
        `max_draws` is used up, the last refused ones fill the round. Groups that the verifier loses
        are dropped and replaced.

        Raises: RewardError if the verifier raises, or loses MOST_LOST rounds' worth of groups;
            SandboxError if the sandbox does.
        """
        wanted, accepted, refused = self.settings.problems, [], []
        too_long, lost = 0, list[NoVerdict]()
        draws = self.settings.max_draws if self.settings.accept == "signal" else 1
        while len(accepted) < wanted and draws:
            drawn, skipped = self._next_problems(wanted - len(accepted))
            too_long += skipped
            groups, gone = self._groups(index, drawn, clock)
            for group in groups:
                takes = self.settings.accept == "all" or group.has_signal
                (accepted if takes else refused).append(group)
            lost += gone
            draws -= not gone
            if len(lost) > MOST_LOST * wanted:
                raise _too_many(lost)
        missing = wanted - len(accepted)
        aside, filling = refused[: len(refused) - missing], refused[len(refused) - missing :]
        groups = sorted([*accepted, *filling], key=lambda g: g.draw)
        right = [r.verdict.solved for group in aside for r in group.rollouts]
        return SampledRound(
            Round(index, tuple(groups)), len(aside), too_long, tuple(lost),
            sum(right) / len(right) if right else None,
        )  # fmt: skip

    def problem_at(self, position: int) -> Problem:
        """The problem at a position of the stream."""
        return self.stream.at(position)

    def shrink(self) -> str | None:
        """Sample fewer completions at once; None if the engine cannot."""
        return self.rollouter.shrink()

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream, under the name that checkpoints give it."""
        return {"draw": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.position = state["draw"]

    def _next_problems(self, count: int) -> tuple[list[Draw], int]:
        """The next problems of the stream that fit, and how many did not."""
        taken: list[Draw] = []
        skipped = 0
        while len(taken) < count:
            problem = self.problem_at(self.position)
            prompt = self.rollouter.prompt_of(problem)
            if self.rollouter.fits(prompt, self.max_tokens):
                taken.append((self.position, problem, prompt))
            else:
                skipped += 1
            self.position += 1
            if skipped > len(self.task.train):
                raise DataError(
                    f"No problem of task '{self.task.name}' fits into the model's context of "
                    f"{self.rollouter.policy.context_length} tokens beside answers of "
                    f"{self.max_tokens}; set rollouts.max_tokens lower."
                )
        return taken, skipped

    def _groups(
        self, index: int, drawn: Sequence[Draw], clock: Clock
    ) -> tuple[list[Group], list[NoVerdict]]:
        """A group for each problem, and the reasons why others were lost."""
        requests = [
            self.rollouter.request(
                prompt,
                [
                    # The 0 stands where the attempt did: with it, older runs go on as they began.
                    rng.key(self.seed, "sample", index, position, 0, completion)
                    for completion in range(self.settings.completions)
                ],
            )
            for position, _, prompt in drawn
        ]
        problems = [problem for _, problem, _ in drawn]
        with clock("sample"):
            sampling = self.settings.sampling
            judged = self.rollouter.answered(problems, requests, sampling, clock.tick)
        groups, lost = [], []
        with clock("verify"):
            self.rollouter.flush()
            for draw, of_problem in zip(drawn, judged, strict=True):
                group = self._group(draw, of_problem)
                clock.tick()
                (groups if isinstance(group, Group) else lost).append(group)
        return groups, lost

    def _group(self, draw: Draw, judged: Sequence[JudgedCompletion]) -> Group | NoVerdict:
        """The group, or the reason to drop it: one of its completions has no verdict."""
        position, problem, prompt = draw
        answers = [one.answer for one in judged]  # of all, as any of them may raise
        for answer in answers:
            if isinstance(answer, NoVerdict):
                return answer
        rollouts = tuple(
            Rollout(problem, one.completion, verdict, self._is_masked(one))
            for one, verdict in zip(judged, answers, strict=True)
            if isinstance(verdict, Verdict)
        )
        return Group(problem, prompt, rollouts, position)

    def _is_masked(self, judged: JudgedCompletion) -> bool:
        return self.settings.mask_cut and judged.completion.finish == "length"


def _too_many(lost: Sequence[NoVerdict]) -> UserError:
    last = lost[-1]
    said = f"{len(lost)} groups of one round were lost, the last because {last.because}; "
    if last.kind == "sandbox":
        return SandboxError(said + "see what `paceline sandbox test` says.")
    return RewardError(said + "fix the reward, or give it more time with rewards.seconds.")
