"""Completions in the making."""

import torch

from paceline.engine import Request, Sampling
from paceline.engine.local.sequence import append, completions_of, report_finished, sequences_of
from paceline.types import Prompt

REQUESTS = [
    Request(Prompt((5, 6)), (1, 2), limits=(1, 3)),
    Request(Prompt((7,)), (3,), opened="<think>"),
]


def test_a_sequence_for_each_stream_with_its_own_limit():
    made = [(s.request, s.place, s.stream, s.limit, s.opened)
            for s in sequences_of(REQUESTS, Sampling(9))]  # fmt: skip
    assert made == [(0, 0, 1, 1, ""), (0, 1, 2, 3, ""), (1, 0, 3, 9, "<think>")]


def test_each_is_reported_once_when_it_ends(policy):
    sequences, told = list(sequences_of(REQUESTS, Sampling(9))), []

    def finished(request, place, completion):
        told.append((request, place, completion.token_ids, completion.finish))

    for token_R in ([11, 12, 13], [14, 15, 2], [16, 17, 18]):
        append(sequences, torch.tensor(token_R), torch.full((3,), -0.5), stop_ids=(2,))
        report_finished(sequences, policy, finished)
    # The first is cut after one token, the third stops at its second, and nothing is added then.
    assert told == [
        (0, 0, (11,), "length"), (1, 0, (13, 2), "stop"), (0, 1, (12, 15, 17), "length"),
    ]  # fmt: skip
    (cut, long), (stopped,) = completions_of(sequences, REQUESTS)
    assert (
        cut.logprobs == (-0.5,) and len(long.token_ids) == 3 and stopped.turn.startswith("<think>")
    )
