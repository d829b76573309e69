"""The work of a run, counted by hand for the tiny model."""

import pytest
import torch

from paceline import recipes
from paceline.model import resolve
from paceline.model.model_size import ModelSize
from paceline.objective import named
from paceline.preflight.workload import Decoding, Pass, Workload
from paceline.training import GivenRows
from tests.helpers.given import brings
from tests.helpers.work import work_of


def test_the_work_of_a_round():
    config = recipes.tiny().with_(
        steps=5,
        rollouts={"problems": 2, "completions": 3, "max_tokens": 4},
        schedule={"minibatches": 2},
        evaluation={"problems": 130, "completions": 2, "every": 2},
        rows_at_once=4,
        tokens_per_forward=20,
    )
    work = work_of(config, [(1, 2, 3), (7,) * 5, (4,) * 9], heldout=200)
    # The two longest prompts, one in each part, and of each completion all but its last token.
    assert work.rows.prompts == ((4,) * 9,) * 3 + ((7,) * 5,) * 3
    assert work.passes == (
        Pass(3, 9 + 3 * 3, scored=12, recompute=False),
        Pass(3, 5 + 3 * 3, scored=12, recompute=False),
    )
    assert work.scored == 24
    # Six rows on four places: two turns of four tokens.
    assert work.sampling == Decoding(rows=6, places=4, prompts=2, longest=9, tokens=4, before=8)
    assert work.sampling.steps == 8
    assert [(d.rows, d.places) for d in work.evaluation] == [(128, 4), (256, 4), (2, 2), (4, 4)]
    assert (work.rounds, work.scorings, work.draws) == (3, 1, 1)  # the anchor's
    assert work.evaluations == 4  # before, after, and behind steps 2 and 4


def test_a_group_beyond_the_limit_is_computed_again():
    config = recipes.tiny().with_(tokens_per_forward=10, rollouts={"problems": 1, "completions": 3})
    assert work_of(config, [(1,) * 9]).passes == (Pass(3, 18, scored=12, recompute=True),)


def test_decode_steps_are_whole_turns_of_the_places():
    decoding = Decoding(rows=9, places=4, prompts=3, longest=5, tokens=10, before=15)
    assert decoding.steps == 3 * 10


def test_a_beginning_that_all_prompts_share_is_computed_once():
    config = recipes.tiny().with_(rollouts={"problems": 4, "completions": 2})
    # Two prompts are known of four that a round has: [1 2] once, and twice a token each, by two.
    assert work_of(config, [(1, 2, 3), (1, 2, 4)]).sampling.before == 2 * (2 + 1 + 1)


def test_without_problems_there_is_no_evaluation():
    none = recipes.tiny().with_(evaluation={"problems": 0, "every": 2})
    work = work_of(none, [(1, 2)] * 8)
    assert (work.evaluation, work.evaluations) == ((), 0)
    # As many as there are: ten of the twenty that the config asks for.
    some = recipes.tiny().with_(steps=4, evaluation={"problems": 20, "every": 2})
    work = work_of(some, [(1, 2)] * 8, heldout=10)
    assert work.evaluation[0].rows == 10
    assert work.evaluations == 3  # before, after, and behind step 2; that of step 4 is the last


def test_a_round_that_must_have_signal_may_be_sampled_several_times():
    config = recipes.tiny().with_(rollouts={"accept": "signal", "max_draws": 5})
    assert work_of(config, [(1, 2)] * 8).draws == 5


def test_a_round_is_scored_for_the_reference_and_for_the_anchor():
    def scorings(objective, **schedule):
        config = recipes.tiny().with_(objective=objective, schedule=schedule)
        return work_of(config, [(1, 2)] * 8).scorings

    assert scorings(named.grpo()) == 0  # one part a round: the anchor is in the update itself
    assert scorings(named.grpo(), epochs=2) == 1
    assert scorings(named.grpo(kl=0.1)) == 1
    assert scorings(named.grpo(kl=0.1), epochs=2) == 2


def test_a_last_round_may_be_used_in_part():
    config = recipes.tiny().with_(steps=7, schedule={"minibatches": 2, "epochs": 2})
    work = work_of(config, [(1, 2)] * 8)
    assert (work.steps, work.rounds, work.epochs, len(work.passes)) == (7, 2, 2, 2)


def test_the_work_of_rows_that_bring_their_completions():
    config = recipes.tiny().with_(
        answers="given", steps=10, rollouts={"problems": 2}, evaluation={"problems": 5, "every": 4}
    )
    given = GivenRows(
        tuple(brings([1] * prompt, [2] * answer) for prompt, answer in ((3, 2), (5, 4), (2, 9))),
        (brings([1] * 4, [2] * 6),),
    )
    size = ModelSize.of(resolve("tiny"), torch.float32, config.lora)
    work = Workload.of_rows(config, config.objective, size, given, [(1, 2)] * 4, judged=0)
    # The two longest rows, of 11 and 9 tokens: nothing is decoded, and nothing is guessed.
    assert [len(c) for c in work.rows.completions] == [9, 4]
    assert work.scored == 13 and sum(one.scored for one in work.passes) == 13
    assert work.sampling is None and work.decodings == () and work.evaluation == ()
    assert (work.rounds, work.draws, work.epochs, work.scorings) == (10, 1, 1, 0)
    # Before, after, and behind steps 4 and 8: of rows the likelihood, one pass over 4 + 6 - 1.
    assert (work.evaluations, work.likelihoods) == (4, 9)
    # A round has 2 · (5 + 9 + 11) / 3 tokens in the mean, and 20 at most.
    assert work.usual == pytest.approx(2 * 25 / 3 / 20)
