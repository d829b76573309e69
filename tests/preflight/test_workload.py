"""The work of a run, counted by hand for the tiny model."""

from paceline import recipes
from paceline.objective import named
from paceline.preflight.workload import Decoding, Pass
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
    assert work.passes == (Pass(3, 9 + 3 * 3, recompute=False), Pass(3, 5 + 3 * 3, recompute=False))
    assert work.scored == 24
    # Six rows on four places: two turns of four tokens.
    assert work.sampling == Decoding(rows=6, places=4, prompts=2, longest=9, tokens=4, before=8)
    assert work.sampling.steps == 8
    assert [(d.rows, d.places) for d in work.evaluation] == [(128, 4), (256, 4), (2, 2), (4, 4)]
    assert (work.rounds, work.scorings, work.draws) == (3, 1, 1)  # the anchor's
    assert work.evaluations == 4  # before, after, and behind steps 2 and 4


def test_a_group_beyond_the_limit_is_computed_again():
    config = recipes.tiny().with_(tokens_per_forward=10, rollouts={"problems": 1, "completions": 3})
    assert work_of(config, [(1,) * 9]).passes == (Pass(3, 18, recompute=True),)


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
