"""An engine that answers from a script: for tests, and for supervised fine-tuning."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..model import Policy
from ..settings import Sampling
from ..types import Completion
from .engine import Finished, Request
from .rows import rows_of

Script = Callable[[tuple[int, ...], int], str]
"""(prompt tokens, stream) -> the answer's text."""


class ScriptedEngine:
    """Answers with the script's text, tokenized, and a stop token behind it.

    A text of more than `sampling.max_tokens` tokens is cut like a sampled one. Log-probabilities
    are 0: a script is certain of what it says.
    """

    def __init__(self, script: Script, tokenizer: Any, stop_id: int) -> None:
        self.script, self.tokenizer, self.stop_id = script, tokenizer, stop_id
        self.version, self.rows_at_once = 0, 0

    def load(self, policy: Policy) -> None:
        self.version = policy.version

    def shrink(self) -> bool:
        return False

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        finished: Finished | None = None,
    ) -> list[list[Completion]]:
        answers: list[list[Completion]] = [[] for _ in requests]
        for row in rows_of(requests, sampling):
            text = self.script(requests[row.request].prompt_ids, row.stream)
            answer = self._answer(text, row.limit, row.opened)
            answers[row.request].append(answer)
            if finished is not None:
                finished(row.request, row.place, answer)
        return answers

    def _answer(self, text: str, limit: int, opened: str) -> Completion:
        ids = [*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.stop_id]
        kept = tuple(ids[:limit])
        finish = "stop" if len(kept) == len(ids) else "length"
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        logprobs = (0.0,) * len(kept)
        return Completion(kept, logprobs, text, finish, self.version, opened=opened)
