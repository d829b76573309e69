"""The score of a reward model as the reward, and the task's own reward as the judge beside it."""

import pytest

from paceline import recipes
from paceline.analysis.audit.reward import probe_reward
from paceline.errors import ConfigError
from paceline.model.reward_model import RewardModel
from paceline.objective import named
from paceline.preflight.fingerprint import fingerprints
from paceline.preflight.load import load
from paceline.preflight.preflight import check
from paceline.preflight.rows import check_answers
from paceline.preflight.scored import scored
from paceline.run import train
from paceline.tasks import Arithmetic, Manners
from paceline.types import Completion
from paceline.verify import judge
from paceline.verify.calling.pool import VerifierPool
from tests.helpers.line_configs import small_reward_model


@pytest.fixture(scope="module")
def judged_by(tmp_path_factory):
    """The folder of a reward model that a run has trained."""
    out = tmp_path_factory.mktemp("runs") / "judge"
    return str(train(small_reward_model(out=str(out)), quiet=True).path / "model")


def test_the_score_is_the_reward_and_the_task_says_what_is_right(judged_by):
    task = Arithmetic(low=1, high=4).load()
    found, problem = scored(task, judged_by), task.heldout[0]
    for text, right in ((f"It is {problem.answer}.", True), ("It is 77.", False)):
        completion = Completion((5,), (0.0,), text, "stop")
        verdict = judge(found.verifier, problem, completion)
        (alone,) = RewardModel(judged_by).batch([problem], [completion])
        assert verdict.reward == pytest.approx(alone.reward) and verdict.solved is right
        assert verdict.parts == {"answer": float(right), "score": pytest.approx(alone.reward)}
    assert found.gold is task.gold and found.full < -1e9, "a score has no full marks"
    assert (found.train, found.heldout, found.judged) == (task.train, task.heldout, True)


def test_a_task_without_a_reward_is_judged_by_the_score(judged_by):
    task = Manners(pairs=4, heldout=4).load()
    assert not task.judged
    found = scored(task, judged_by)
    assert found.judged and found.verifier == RewardModel(judged_by)


def test_a_run_follows_the_score_and_its_accuracy_is_the_tasks(judged_by, tmp_path):
    config = recipes.tiny().with_(
        steps=2, out=str(tmp_path / "r"), objective=named.grpo(), **{"rewards.model": judged_by}
    )
    loaded = check(config, timed=False).loaded
    run = train(config, quiet=True)
    for record in run.records():
        assert record.reward != record.accuracy
    now = fingerprints(loaded)
    plain = fingerprints(load(recipes.tiny()))
    assert "judge" in now and "judge" not in plain
    assert now["test"] == plain["test"], "what is right is judged alike"
    assert run.config["fingerprints"]["judge"] == now["judge"]


def test_an_audit_asks_gold_answers_to_be_right_and_of_a_score_no_full_marks(judged_by):
    task = scored(Arithmetic(low=1, high=4).load(), judged_by)
    with VerifierPool(task.verifier) as verifiers:
        gold, *others = probe_reward(task, verifiers, seed=0).probes
    assert (gold.name, gold.good) == ("gold", True) and gold.right == gold.full == gold.asked
    assert any(probe.right == 0 for probe in others)


def test_a_path_with_nothing_behind_it_is_one_sentence():
    config = recipes.tiny().with_(**{"rewards.model": "./nothing"})
    with pytest.raises(ConfigError, match=r"There is no folder '\./nothing'"):
        check(config, timed=False)


def test_where_rows_bring_the_answers_there_is_nothing_to_score():
    config = small_reward_model().with_(**{"rewards.model": "x"})
    with pytest.raises(ConfigError, match=r"^rewards\.model is 'x', but with answers=given"):
        check_answers(config)
