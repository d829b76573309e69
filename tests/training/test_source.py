"""Rounds from a sampler, or stored ones: a trainer cannot tell them apart."""

import json

import pytest
import torch

from paceline.training import RoundSource, SampledRound, StoredRounds
from paceline.training.clock import Clock
from paceline.types import Round
from paceline.verify.calling.scoring import NoVerdict
from tests.helpers.rounds import ragged_round
from tests.helpers.trainers import PROBLEMS, trainer_of, weights


def stored(read=lambda index: Round(index, ())) -> StoredRounds:
    return StoredRounds(read, 5, PROBLEMS.__getitem__)


def test_counts_of_a_sampling_go_through_json():
    lost = NoVerdict("the time limit of 5 s", "slow", "p3")
    round = ragged_round()
    sampled = SampledRound(round, 4, 2, (lost,), 0.25)
    counts = json.loads(json.dumps(sampled.counts()))
    assert counts == {
        "refused": 4, "too_long": 2, "refused_accuracy": 0.25,
        "lost": [{"reason": "the time limit of 5 s", "kind": "slow", "detail": "p3"}],
    }  # fmt: skip
    again = SampledRound.of(round, counts)
    assert again == sampled and (again.lost[0].kind, again.lost[0].detail) == ("slow", "p3")


def test_counts_of_an_older_checkpoint_lack_an_accuracy():
    counts = {"refused": 1, "too_long": 0, "lost": []}
    assert SampledRound.of(Round(3, ()), counts) == SampledRound(Round(3, ()), 1)


def test_a_stored_round_is_read_by_its_number():
    clock = Clock()
    source = stored()
    assert source.next_round(7, clock) == SampledRound(Round(7, ()))
    assert list(clock.seconds) == ["sample"]
    assert source.position == 0 and source.shrink() is None
    assert source.problem_at(2) is PROBLEMS[2] and source.max_tokens == 5


def test_sampler_and_stored_rounds_are_sources():
    promised = {name for name in vars(RoundSource) if not name.startswith("_")} | {"position"}
    assert promised > {"max_tokens", "next_round", "problem_at", "shrink", "state_dict"}
    for source in (trainer_of().source, stored()):
        assert promised <= set(dir(source))
        source.load_state_dict({"draw": 17, "step": 3})
        assert source.position == 17 and source.state_dict() == {"draw": 17}


def test_from_stored_rounds_a_trainer_learns_the_same():
    live, again = trainer_of(), trainer_of()
    rounds = [live.step().sampled.round for _ in range(3)]
    again.source = stored(rounds.__getitem__)
    reports = [again.step() for _ in range(3)]
    assert [r.sampled.round for r in reports] == rounds
    assert all(torch.equal(a, b) for a, b in zip(weights(live), weights(again), strict=True))


class Counting:
    """A source whose position does not say it all: it also counts the rounds that it gave."""

    def __init__(self, inner):
        self.inner, self.given, self.max_tokens = inner, 0, inner.max_tokens
        self.fails = False

    def next_round(self, index, clock):
        self.given += 1
        sampled = self.inner.next_round(index, clock)
        if self.fails:
            raise KeyboardInterrupt
        return sampled

    def state_dict(self):
        return {**self.inner.state_dict(), "given": self.given}

    def load_state_dict(self, state):
        self.inner.load_state_dict(state)
        self.given = state["given"]


def test_a_round_that_is_broken_off_leaves_the_whole_state_of_the_source_as_it_was():
    trainer = trainer_of()
    trainer.source = source = Counting(trainer.source)
    trainer.step()
    before, source.fails = source.state_dict(), True
    with pytest.raises(KeyboardInterrupt):
        trainer.step()
    assert source.state_dict() == before and before["given"] == 1
    source.fails = False
    trainer.step()
    assert trainer.state_dict()["given"] == 2
