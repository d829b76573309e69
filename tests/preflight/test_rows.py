"""Rows that bring their completions, before the model is loaded."""

from dataclasses import dataclass, replace

import pytest

from paceline import recipes
from paceline.errors import ConfigError, DataError
from paceline.objective import Center, Objective, Truncate, named
from paceline.preflight.load import load
from paceline.preflight.preflight import check
from paceline.preflight.rows import check_answers, read_in_all, with_rows
from paceline.tasks import Arithmetic, Task, TaskSource
from paceline.types import Given
from tests.helpers.given import Worked, assistant


def config(**changes):
    start = recipes.tiny().with_(
        task=Worked(), answers="given", objective=named.sft(), steps=4,
        rollouts={"problems": 4, "completions": 8, "max_tokens": 24},
    )  # fmt: skip
    return start.with_(**changes)


def test_rows_are_read_and_steps_decide():
    loaded = with_rows(load(config()))
    assert loaded.rows is not None and len(loaded.rows.train) == 12
    assert loaded.config.steps == 4 and read_in_all(loaded) is None


def test_epochs_decide_the_steps():
    loaded = with_rows(load(config(epochs=2, rollouts={"problems": 5})))
    # 24 rows by fives: four steps of five rows, and one of four.
    assert loaded.config.steps == 5 and read_in_all(loaded) == 24


def test_a_step_needs_its_rows():
    with pytest.raises(DataError, match="12 rows to learn from, but a step takes 13"):
        with_rows(load(config(rollouts={"problems": 13})))


def test_an_objective_that_compares_needs_something_to_compare_with():
    with pytest.raises(ConfigError, match=r"Center\(\).* compares .* take objective=sft"):
        with_rows(load(config(objective=Objective(advantage=Center()))))
    corrected = Objective(advantage=named.sft().advantage, correction=Truncate())
    with pytest.raises(ConfigError, match=r"correction=.* leave it out"):
        with_rows(load(config(objective=corrected)))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answers": "sampled", "epochs": 1}, "epochs is 1, but the model's own answers"),
        ({"rollouts": {"completions": 4}}, "rollouts.completions is 4, but with answers=given"),
        ({"rollouts": {"temperature": 0.7}}, "rollouts.temperature is 0.7"),
        ({"rollouts": {"accept": "signal"}}, "rollouts.accept is signal"),
        ({"rollouts": {"mask_cut": True}}, "rollouts.mask_cut is True"),
        ({"schedule": {"epochs": 2}}, "epochs the passes over all of them"),
        ({"schedule": {"minibatches": 2}}, "rollouts.problems is the number of rows of a step"),
    ],
)
def test_a_setting_that_would_change_nothing_is_told(changes, told):
    with pytest.raises(ConfigError, match=told):
        check_answers(config(**changes))
    check_answers(config())


def test_a_task_without_a_reward_is_not_sampled_for():
    with pytest.raises(ConfigError, match="Task 'worked' has no reward, and answers that"):
        check(recipes.tiny().with_(task=Worked()), timed=False)


def test_what_was_left_out_is_a_note(tmp_path):
    preflight = check(config(task=Worked(long=2)), path=tmp_path / "r", timed=False)
    assert any("2 training rows left out" in note for note in preflight.notes)
    assert preflight.tried.paid == () and preflight.estimate.disk.rollouts == 0


@dataclass(frozen=True)
class Compared(TaskSource):
    """Sums of which every row brings as many answers as it has rewards."""

    rewards: tuple[float, ...] = (1.0, 0.0)
    margin: float = 0.0
    judged: bool = False

    def load(self) -> Task:
        made = Worked().load()
        given = tuple(
            Given((assistant(str(i)),), reward, self.margin if reward == 1.0 else 0.0)
            for i, reward in enumerate(self.rewards)
        )
        verifier = Arithmetic().load().verifier if self.judged else made.verifier
        return replace(made, given=lambda _: given, judged=self.judged, verifier=verifier)


@pytest.mark.parametrize("objective", [named.dpo(), named.bradley_terry(), named.simpo()])
def test_pairs_fit_losses_of_pairs(objective):
    loaded = with_rows(load(config(task=Compared(), objective=objective)))
    assert loaded.rows is not None and len(loaded.rows.train[0].rollouts) == 2


def test_a_loss_of_pairs_needs_pairs():
    single = config(objective=named.dpo())
    with pytest.raises(ConfigError, match="compares completions of one prompt, and each row"):
        with_rows(load(single))
    with pytest.raises(ConfigError, match="learns from completions one by one, and a row brings"):
        with_rows(load(config(task=Compared())))


def test_a_ranking_is_no_pair():
    ranked = config(task=Compared((0.1, 0.7, 0.4)), objective=named.dpo())
    with pytest.raises(DataError, match=r"problem s\d+ brings 3 completions, .*bradley_terry"):
        with_rows(load(ranked))
    assert with_rows(load(ranked.with_(objective=named.bradley_terry()))).rows is not None


@pytest.mark.parametrize("objective", [named.dpo(), named.bradley_terry()])
def test_equal_rewards_prefer_nothing(objective):
    with pytest.raises(DataError, match=r"have equal rewards \(0.5, 0.5\), so none of them"):
        with_rows(load(config(task=Compared((0.5, 0.5)), objective=objective)))


def test_a_margin_that_no_number_holds_is_told():
    wide = config(task=Compared(margin=5000.0), objective=named.bradley_terry())
    with pytest.raises(DataError, match=r"margins from 0 to 1000, but .* Change that row"):
        with_rows(load(wide))


def test_a_reward_model_answers_nothing_that_could_be_judged():
    for objective, judged in ((named.dpo(), True), (named.bradley_terry(), False)):
        loaded = with_rows(load(config(task=Compared(judged=True), objective=objective)))
        assert loaded.task.judged is judged


def test_a_rate_of_a_head_needs_a_head():
    with pytest.raises(ConfigError, match=r"optimizer\.head_lr is 0.01, but the objective"):
        check_answers(config(optimizer={"head_lr": 1e-2}))
    check_answers(config(optimizer={"head_lr": 1e-2}, objective=named.bradley_terry()))


def test_an_advantage_of_the_reference_is_not_tried_before_there_is_one():
    pulled = config(objective=named.reinforce(kl=0.05))
    assert with_rows(load(pulled)).rows is not None


@dataclass(frozen=True)
class OfARun(TaskSource):
    """Pairs of which the held-out ones have one completion each, as a run's own problems do."""

    def load(self) -> Task:
        made = Compared().load()
        held = {problem.id for problem in made.heldout}
        return replace(made, given=lambda p: made.brought(p)[: 1 if p.id in held else 2])


def test_margins_that_no_loss_reads_and_pairs_that_are_missing_are_told():
    found = with_rows(load(config(task=OfARun(), objective=named.bradley_terry()))).rows
    assert any("no held-out problem brings several completions" in note for note in found.notes)

    @dataclass(frozen=True)
    class ByMuch(TaskSource):
        def load(self) -> Task:
            made = Compared().load()
            return replace(
                made,
                given=lambda p: tuple(
                    replace(one, margin=0.5 if one.reward else 0.0) for one in made.brought(p)
                ),
            )

    for objective, told in ((named.dpo(), True), (named.bradley_terry(), False)):
        notes = with_rows(load(config(task=ByMuch(), objective=objective))).rows.notes
        assert any("the rows bring margins" in note for note in notes) is told


def test_a_line_search_needs_samples():
    trust = {"trust": 0.01}
    with pytest.raises(ConfigError, match=r"^optimizer\.trust is 0\.01, but the KL that it bounds"):
        check_answers(config(optimizer=trust))
    check_answers(recipes.tiny().with_(optimizer=trust))


def test_held_out_rows_that_are_no_pairs_are_judged_and_not_compared():
    for objective in (named.dpo(), named.bradley_terry()):
        loaded = with_rows(load(config(task=OfARun(), objective=objective)))
        assert loaded.rows is not None
        assert (len(loaded.rows.train), loaded.rows.heldout) == (12, ())
