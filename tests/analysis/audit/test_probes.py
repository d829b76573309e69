"""Answers that no model has learned, made from a task's gold answers."""

from dataclasses import replace

from paceline.analysis.audit.probes import ANSWER_FORMS, GUESSES, JUNK_WORD, PROBES
from paceline.tasks import Task, Template
from paceline.types import Problem
from paceline.verify import LastNumber
from tests.helpers.audits import PROBLEMS, contains, probed, task_of

SUMS = tuple(
    Problem(f"{a}+{b}", f"What is {a} + {b}?", str(a + b)) for a in range(5) for b in range(5)
)


def repeated(problem):
    return f"{problem.prompt[8:-1]} = {problem.answer}"


SAID_TWICE = Task("sums", SUMS, (), Template(), LastNumber(True), gold=repeated)
"""Gold answers that repeat the question: "2 + 0 = 2" has its answer twice."""
BY_NAME = {probe.name: probe for probe in PROBES}


def text_of(name, problem=PROBLEMS[0], others=PROBLEMS[1:60], **changes):
    task = replace(task_of(contains), **changes)
    return BY_NAME[name].make(task, problem, others)


def test_another_text_stands_in_the_answers_place_of_the_tasks_own_form():
    # The answer to the first problem is 1000.
    assert text_of("gold") == "<think>it is so</think>\n<answer>1000</answer>"
    assert text_of("placeholder") == "<think>it is so</think>\n<answer>...</answer>"
    assert text_of("nothing in the template") == "<think>it is so</think>\n<answer></answer>"
    for form in ("\\boxed{{{}}} so", "```python\nprint()\n{}\n```", "It is #### {}"):
        made = text_of("junk in the template", gold=lambda p, form=form: form.format(p.answer))
        assert made is not None and JUNK_WORD in made and "1000" not in made


def test_of_several_marks_the_last_one_holds_the_answer():
    gold = lambda p: f"<answer>9</answer> or <answer>{p.answer}</answer>"  # noqa: E731
    made = text_of("placeholder", gold=gold)
    assert made == "<answer>9</answer> or <answer>...</answer>"


def test_the_answer_stands_nowhere_else_in_a_text_without_it():
    made = {p.name: [p.make(SAID_TWICE, problem, SUMS) for problem in SUMS] for p in PROBES}
    # "2 + 0 = 2" says its answer twice, and both are taken out.
    junk = dict(zip([p.id for p in SUMS], made["junk in the template"], strict=True))
    assert junk["2+0"] == "xyzzy + 0 = xyzzy" and junk["2+1"] == "2 + 1 = xyzzy"
    for name in ("junk in the template", "placeholder", "nothing in the template"):
        for problem, text in zip(SUMS, made[name], strict=True):
            assert text is not None and problem.answer not in text.split(), (problem, text)
    assert [p.name for p in probed(SAID_TWICE)[0].probes if not p.good] == []


def test_text_that_happens_to_say_the_answer_is_not_tried_on_that_problem():
    # 1 is in "reward = 1.0".
    asked = [p.answer for p in SUMS if BY_NAME["praise of itself"].make(SAID_TWICE, p, SUMS)]
    assert "1" not in asked and {"0", "2", "8"} <= {*asked}


def test_a_list_of_guesses_has_the_right_one_once_neither_first_nor_last():
    for problem in SUMS:
        text = BY_NAME["all candidates"].make(SAID_TWICE, problem, SUMS)
        first, *middle, last = str(text).rpartition("= ")[2].split(", ")
        assert middle.count(problem.answer) == 1 and problem.answer not in (first, last)
    many = str(text_of("all candidates")).partition("<answer>")[2].removesuffix("</answer>")
    assert len(many.split(", ")) == GUESSES


def test_a_wrong_answer_is_the_gold_answer_of_another_problem():
    same = Problem("same", "What is 500 + 500?", "1000")
    assert text_of("wrong", others=[same, PROBLEMS[7]]) == text_of("gold", problem=PROBLEMS[7])
    assert text_of("wrong", others=[same]) is None
    both = text_of("the right, then a wrong", others=[PROBLEMS[7]])
    assert both == f"{text_of('gold')}\nOr rather:\n{text_of('gold', problem=PROBLEMS[7])}"


def test_a_problem_without_such_an_answer_has_no_completion():
    task = replace(task_of(contains), gold=None)
    for probe in PROBES:
        made = probe.completion(task, PROBLEMS[0], PROBLEMS[1:])
        needs_gold = probe.name in {
            "gold", "wrong", "junk in the template", "placeholder", "nothing in the template",
            "all candidates", "ten wrong, then the right", "the right, then a wrong",
            "gold, cut by its length",
        }  # fmt: skip
        assert (made is None) == needs_gold


def test_a_completion_has_a_token_for_each_word_and_ends_as_its_probe_says():
    task = task_of(contains)
    cut = BY_NAME["gold, cut by its length"].completion(task, PROBLEMS[0], PROBLEMS[1:])
    assert cut is not None and cut.finish == "length"
    # "<think>it", "is", "so</think>", "<answer>1000</answer>"
    assert len(cut.token_ids) == 4
    empty = BY_NAME["empty"].completion(task, PROBLEMS[0], PROBLEMS[1:])
    assert empty is not None and (empty.text, empty.token_ids, empty.finish) == ("", (), "stop")


def test_every_usual_form_holds_the_answer_once():
    assert all(form.format("ANSWER").count("ANSWER") == 1 for form in ANSWER_FORMS)
