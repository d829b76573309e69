"""From the stream of problems to a scored Round."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from .. import rng
from ..engine import Engine, Request
from ..errors import DataError, RewardError, SandboxError, UserError
from ..model import Policy
from ..settings import Rollouts
from ..tasks import Task
from ..types import Completion, Group, Problem, Rollout, Round, Verdict
from ..verify.judges import Answer, Judges, Lost, Rewards
from .clock import Clock

MOST_LOST = 4
"""A round that loses more than so many times its groups to the verifier stops the run."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sampled round, and what belongs to no round but is counted."""

    round: Round
    refused: int
    """Groups that dynamic sampling set aside."""
    too_long: int
    """Problems whose prompt and answer do not fit into the model's context."""
    lost: tuple[Lost, ...] = ()
    """Why groups were dropped because the verifier gave no verdict, one each."""
    refused_accuracy: float | None = None
    """The share of right answers in the groups that were set aside; None where there are none."""
    at_reference: bool = False
    """Whether the policy still is, weight for weight, the reference that scored the round."""


class Sampler:
    """Draws problems in an order that the seed alone decides, samples a group of each, has it
    scored."""

    def __init__(
        self,
        policy: Policy,
        engine: Engine,
        task: Task,
        settings: Rollouts,
        seed: int,
        judges: Judges | None = None,
    ) -> None:
        self.policy, self.engine, self.task = policy, engine, task
        self.judges = judges or Judges(task.verifier, Rewards(workers=0))
        self.settings, self.seed, self.draw = settings, seed, 0
        self._order: tuple[int, list[int]] = (-1, [])

    def sample(self, index: int, clock: Clock) -> Drawn:
        """Round number `index`, always of `problems` groups.

        With accept="signal", groups without signal are refused and others drawn in their place;
        when `max_draws` is used up, the last refused ones fill the round. Groups that the verifier
        loses are dropped, and others drawn in their place.

        Raises: RewardError where the verifier raises, or loses MOST_LOST rounds' worth of groups;
            SandboxError where the sandbox does.
        """
        wanted, accepted, refused = self.settings.problems, [], []
        too_long, lost = 0, list[Lost]()
        draws = self.settings.max_draws if self.settings.accept == "signal" else 1
        while len(accepted) < wanted and draws:
            problems, skipped = self._next_problems(wanted - len(accepted))
            too_long += skipped
            groups, gone = self._groups(index, problems, clock)
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
        return Drawn(
            Round(index, tuple(groups)), len(aside), too_long, tuple(lost),
            sum(right) / len(right) if right else None,
        )  # fmt: skip

    def _next_problems(self, count: int) -> tuple[list[tuple[int, Problem, tuple[int, ...]]], int]:
        """The next problems of the stream that fit: (draw, problem, prompt tokens), and how many
        did not."""
        room = self.policy.context_length
        taken: list[tuple[int, Problem, tuple[int, ...]]] = []
        skipped = 0
        while len(taken) < count:
            problem = self.problem_at(self.draw)
            prompt_ids = self.policy.render(self.task.messages(problem))
            if room is None or len(prompt_ids) + self.settings.max_tokens <= room:
                taken.append((self.draw, problem, prompt_ids))
            else:
                skipped += 1
            self.draw += 1
            if skipped > len(self.task.train):
                raise DataError(
                    f"No problem of task '{self.task.name}' fits into the model's context of "
                    f"{room} tokens beside answers of {self.settings.max_tokens}; set "
                    "rollouts.max_tokens lower."
                )
        return taken, skipped

    def problem_at(self, draw: int) -> Problem:
        """The problem at a place of the stream. They come in epochs, each a permutation hashed from
        (seed, "order", epoch)."""
        epoch, place = divmod(draw, len(self.task.train))
        if self._order[0] != epoch:
            stream = rng.key(self.seed, "order", epoch)
            self._order = epoch, rng.permutation(stream, len(self.task.train))
        return self.task.train[self._order[1][place]]

    def _groups(
        self, index: int, drawn: Sequence[tuple[int, Problem, tuple[int, ...]]], clock: Clock
    ) -> tuple[list[Group], list[Lost]]:
        """A group of each problem, and why others were lost."""
        requests = [
            Request(
                prompt_ids,
                tuple(
                    rng.key(self.seed, "sample", index, draw, 0, completion)
                    for completion in range(self.settings.completions)
                ),
                opened=self.policy.opened(prompt_ids),
            )
            for draw, _, prompt_ids in drawn
        ]
        asked: list[dict[int, Future[Answer]]] = [{} for _ in drawn]

        def judge(i: int, place: int, completion: Completion) -> None:
            """While the others are still being sampled."""
            clock.tick()
            asked[i][place] = self.judges.ask(drawn[i][1], completion)

        with clock("sample"):
            answers = self.engine.generate(requests, self.settings.sampling, judge)
        groups, lost = [], []
        with clock("verify"):
            self.judges.settle()
            for i, (draw, problem, prompt_ids) in enumerate(drawn):
                verdicts = [asked[i][place].result() for place in range(len(answers[i]))]
                clock.tick()
                gone = [verdict for verdict in verdicts if isinstance(verdict, Lost)]
                if gone:
                    lost.append(gone[0])
                    continue
                rollouts = tuple(
                    Rollout(problem, completion, verdict, self._masks(completion))
                    for completion, verdict in zip(answers[i], verdicts, strict=True)
                    if isinstance(verdict, Verdict)
                )
                groups.append(Group(problem, prompt_ids, rollouts, draw))
        return groups, lost

    def _masks(self, completion: Completion) -> bool:
        return self.settings.mask_cut and completion.finish == "length"


def _too_many(lost: Sequence[Lost]) -> UserError:
    last = lost[-1]
    why = f"{last.reason} ({last.detail.rstrip('.')})" if last.detail else last.reason
    said = f"{len(lost)} groups of one round were lost, the last because {why}; "
    if last.kind == "sandbox":
        return SandboxError(said + "see what `paceline sandbox test` says.")
    return RewardError(said + "mend the reward, or give it more time with rewards.seconds.")


def reasons(round: Round) -> dict[str, int]:
    """How often each verdict's reason was given, most frequent first."""
    return dict(Counter(r.verdict.reason for r in round.rollouts if r.verdict.reason).most_common())
