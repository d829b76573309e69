"""reasoning-gym: any data set by name, with its own scorer."""

import pytest

from paceline.errors import ConfigError
from paceline.tasks import ReasoningGym
from paceline.tasks.gym import names
from paceline.types import Completion
from paceline.verify import judge

pytest.importorskip("reasoning_gym")


@pytest.mark.parametrize("name", ["basic_arithmetic", "leg_counting", "spell_backward", "gcd"])
def test_gold_answers_score_and_others_do_not(name):
    task = ReasoningGym(dataset=name, problems=20, heldout=10).load()
    assert task.name == name and len(task.train) > 10 and len(task.heldout) > 5
    for problem in task.train[:10]:
        right = judge(task.verifier, problem, Completion((), (), task.gold(problem), "stop"))
        assert (right.reward, right.correct) == (1.0, True)
        other = "<think>hm</think><answer>no such answer</answer>"
        assert judge(task.verifier, problem, Completion((), (), other, "stop")).reward == 0.0


def test_training_and_held_out_problems_differ_and_the_seed_decides():
    tasks = [ReasoningGym(problems=30, heldout=20, seed=s).load() for s in (0, 0, 1)]
    assert tasks[0].train == tasks[1].train != tasks[2].train
    assert not {p.prompt for p in tasks[0].train} & {p.prompt for p in tasks[0].heldout}
    # reasoning-gym's own seeds 0 and 1 share all entries but one.
    assert len({p.id for p in tasks[0].train} & {p.id for p in tasks[2].train}) < 5
    assert len(tasks[0].heldout) == 20


def test_options_reach_the_data_set():
    easy = ReasoningGym("spell_backward", '{"min_word_len": 3, "max_word_len": 3}', 20, 5).load()
    assert all(len(p.answer) == 3 for p in easy.train)


def test_what_there_is_not_is_told():
    assert len(names()) > 80
    with pytest.raises(ConfigError, match="Did you mean 'leg_counting'"):
        ReasoningGym(dataset="leg_countin").load()
    with pytest.raises(ConfigError, match="JSON object"):
        ReasoningGym(config="min=3").load()
    with pytest.raises(ConfigError, match="does not fit"):
        ReasoningGym(config='{"no_such": 3}').load()


def test_a_scorer_that_evaluates_what_the_model_wrote_is_refused():
    # Through sympy's parse_expr an answer would run with the trainer's rights.
    for name in ("countdown", "puzzle24"):
        with pytest.raises(ConfigError, match="evaluates the answer as code"):
            ReasoningGym(dataset=name).load()


@pytest.mark.parametrize("form", ["tag", "text", "boxed", "hashes", "last_number"])
def test_gold_scores_in_every_form(form):
    options = '{"min_digits": 1, "max_digits": 2}'
    task = ReasoningGym("products", options, problems=20, heldout=5, form=form).load()
    for problem in task.train[:5]:
        gold = task.gold(problem)
        assert judge(task.verifier, problem, Completion((), (), gold, "stop")).reward == 1.0
        cut = judge(task.verifier, problem, Completion((), (), gold, "length"))
        none = judge(task.verifier, problem, Completion((), (), "I do not know.", "stop"))
        assert cut.reward == none.reward == 0.0


def test_the_last_number_is_the_answer_where_that_is_asked_for():
    task = ReasoningGym("products", problems=20, heldout=5, form="last_number").load()
    problem = task.train[0]
    text = f"{problem.prompt} First 17. So it is {problem.answer}"
    assert judge(task.verifier, problem, Completion((), (), text, "stop")).solved
    assert not judge(task.verifier, problem, Completion((), (), text + " or 9", "stop")).solved
    with pytest.raises(ConfigError, match=r"task\.form is 'number'"):
        ReasoningGym("products", form="number").load()  # type: ignore[arg-type]
