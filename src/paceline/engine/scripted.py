"""An engine that answers from a script: for tests, and for supervised fine-tuning."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..model import Policy
from ..settings import Sampling
from ..types import Completion
from .engine import Finished, Request

Script = Callable[[tuple[int, ...], int], str]
"""A function that gives the answer's text: (prompt tokens, stream) -> text."""


class ScriptedEngine:
    """Answers with the script's text, tokenized, and a stop token behind it.

    A text of more than `sampling.max_tokens` tokens is cut like a sampled one. Log-probabilities
    are 0: a script is certain of what it says.
    """

    def __init__(self, script: Script, tokenizer: Any, stop_id: int) -> None:
        self.script, self.tokenizer, self.stop_id = script, tokenizer, stop_id
        self.version = 0

    def load(self, policy: Policy) -> None:
        """Take over this policy's version for later completions."""
        self.version = policy.version

    def shrink(self) -> str | None:
        """Return None, because a script needs no memory."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: the answers depend on the script and the requests alone."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore nothing."""

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        finished: Finished | None = None,
    ) -> list[list[Completion]]:
        """Answer with one list for each request, with one completion for each of its streams, in
        order."""
        answers: list[list[Completion]] = [[] for _ in requests]
        for i, request in enumerate(requests):
            limits = request.token_limits(sampling)
            for place, (stream, limit) in enumerate(zip(request.streams, limits, strict=True)):
                text = self.script(request.prompt.token_ids, stream)
                answer = self._answer(text, limit, request.opened)
                answers[i].append(answer)
                if finished is not None:
                    finished(i, place, answer)
        return answers

    def _answer(self, text: str, limit: int, opened: str) -> Completion:
        ids = [*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.stop_id]
        kept = tuple(ids[:limit])
        finish = "stop" if len(kept) == len(ids) else "length"
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        logprobs = (0.0,) * len(kept)
        return Completion(kept, logprobs, text, finish, self.version, opened=opened)
