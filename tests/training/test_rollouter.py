"""Problems in, completions with verdicts out, with an engine that answers from a script."""

import pytest

from paceline.engine import LocalEngine, Sampling, ScriptedEngine
from paceline.errors import RewardError
from paceline.tasks import Task, Template
from paceline.training import Rollouter
from paceline.types import Problem, Prompt, Verdict
from paceline.verify import LastNumber

PROBLEMS = tuple(Problem(f"p{i}", f"say {i}", str(i)) for i in range(3))
TASK = Task("say", PROBLEMS, (), Template(user="Please, {prompt}"), LastNumber())


def rollouter(policy, script, task=TASK) -> Rollouter:
    return Rollouter(policy, ScriptedEngine(script, policy.tokenizer, 2), task)


def answered(made: Rollouter, streams, tick=lambda: None):
    requests = [made.request(made.prompt_of(p), streams) for p in PROBLEMS]
    found = made.answered(PROBLEMS, requests, Sampling(8), tick)
    made.flush()
    return found


def test_a_problem_is_rendered_under_both_templates(policy):
    prompt = rollouter(policy, lambda *_: "").prompt_of(PROBLEMS[1])
    assert prompt == policy.render([{"role": "user", "content": "Please, say 1"}])


def test_prompt_and_answer_have_to_fit_together(policy):
    made, room = rollouter(policy, lambda *_: ""), policy.context_length
    prompt = Prompt((5,) * 20)
    assert made.fits(prompt, room - 20) and not made.fits(prompt, room - 19)


def test_a_request_asks_for_one_completion_a_stream(policy):
    made = rollouter(policy, lambda *_: "")
    prompt = made.prompt_of(PROBLEMS[0])
    request = made.request(prompt, [7, 8])
    assert (request.prompt, request.streams) == (prompt, (7, 8))
    assert request.opened == policy.opened(prompt)


def test_completions_come_by_problem_and_stream_each_with_its_verdict(policy):
    def script(prompt_ids, stream):
        return str(stream)

    ticks = []
    found = answered(rollouter(policy, script), (0, 1, 2), lambda: ticks.append(1))
    assert [[one.completion.text for one in row] for row in found] == [["0", "1", "2"]] * 3
    # Problem i asks for i: only the answer in place i is right.
    assert [[one.answer.reward for one in row] for row in found] == [
        [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0],
    ]  # fmt: skip
    assert len(ticks) == 9, "a sign of life for each completion"


def test_a_verifier_that_breaks_says_so_at_its_answer(policy):
    def breaks(problem, completion):
        if problem.id == "p1":
            raise KeyError("row")
        return Verdict(1.0)

    task = Task("say", PROBLEMS, (), Template(), breaks)
    found = answered(rollouter(policy, lambda *_: "x", task), (0,))
    assert found[0][0].answer.reward == found[2][0].answer.reward == 1.0
    with pytest.raises(RewardError, match="breaks"):
        _ = found[1][0].answer


def test_memory_is_saved_by_the_engine_alone(policy):
    assert rollouter(policy, lambda *_: "").shrink() is None, "a script has no rows to halve"
    made = Rollouter(policy, LocalEngine(policy), TASK)
    before = made.engine.rows_at_once
    assert made.shrink() == "half as many completions are sampled at once now"
    assert made.engine.rows_at_once == before // 2
