"""Programs as answers, in the real sandbox."""

import pytest

from paceline.errors import ConfigError, RewardError, SandboxError
from paceline.types import Completion, Problem
from paceline.verify import judge
from paceline.verify.answers.form import CUT, EMPTY, MISSING, SEVERAL
from paceline.verify.programs.asserts import Asserts
from paceline.verify.programs.code import (
    NO_OUTPUT,
    NOT_A_NUMBER,
    RIGHT,
    SEVERAL_LINES,
    WRONG,
    Cases,
    PrintedAnswer,
)
from paceline.verify.programs.program import Block, Running, blocks_in, program_in
from paceline.verify.programs.sandbox import Result, Sandbox
from paceline.verify.shaping.partial_credit import NumberPrinted, ProgramFailed, TagCount
from paceline.verify.shaping.presets import program_of_thought


def fenced(code):
    return f"Here it is:\n```python\n{code}\n```\nDone."


def judged(verifier, text, answer="42", finish="stop", **data):
    return judge(verifier, Problem("p", "?", answer, data), Completion((), (), text, finish))


def test_where_a_program_stands():
    assert program_in(fenced("x = 1"), "fence") == ("x = 1\n", "")
    assert program_in("<think>```\nno\n```</think>" + fenced("x = 1"), "fence")[0] == "x = 1\n"
    assert program_in("```js\nx\n```", "fence") == (None, MISSING)
    assert program_in(fenced("1") + fenced("2"), "fence") == (None, SEVERAL)
    assert program_in("no program", "fence") == (None, MISSING)
    assert program_in("print(1)", "text") == ("print(1)", "")
    assert program_in("<answer>print(1)</answer>", "tag") == ("print(1)", "")
    assert program_in("<answer>\n```python\nprint(1)\n```\n</answer>", "tag")[0] == "print(1)\n"


OWN_KIND = "the program raised an error that is not one of Python's own"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("~~~python\nprint(5)\n~~~\n", "print(5)\n"),
        ("~~~~ py\n~~~\n~~~~~", "~~~\n"),
        ("```py3\nprint(5)\n```", "print(5)\n"),
        ("```Python3.12\nprint(5)\n```", "print(5)\n"),
        ("```{.python .numberLines}\nprint(5)\n```", "print(5)\n"),
        ('```python title="a.py"\nprint(5)\n```', "print(5)\n"),
        ("```python:main.py\r\nprint(5)\r\n```", "print(5)\n"),
        # Never closed, at the end of the text or of the list item.
        ("So:\n```python\nprint(5)", "print(5)\n"),
        ("- ```python\n  print(5)\n\nSo it is.", "print(5)\n\n"),
        # In lists, and indented; what stands deeper inside stays deeper.
        ("1. Do:\n\n   ```python\n   if x:\n       y\n   ```\n", "if x:\n    y\n"),
        ("- a\n  - b\n\n    ```python\n    print(5)\n    ```", "print(5)\n"),
        ("1. Do:\n```python\nprint(5)\n```", "print(5)\n"),
        ("    ```python\n    print(5)\n    ```", "print(5)\n"),
        ("```python\n\tif x:\n\t\ty\n```", "\tif x:\n\t\ty\n"),
        # A fence is closed by one of its own kind that is as long.
        ("````python\n# a\n```\n# b\n````", "# a\n```\n# b\n"),
        ("```python\n~~~\n````", "~~~\n"),
        ("```python\nx\n``` y\n```", "x\n``` y\n"),
        ("````markdown\n```python\nprint(5)\n```\n````", None),
        ("```python print(5)```", None),
        ("> ```python\n> print(5)\n> ```", None),
        ("```pycon\n>>> print(5)\n```", None),
        ("<p>\n```python\nprint(5)\n```\n</p>", "print(5)\n"),
    ],
)
def test_fences_are_those_of_commonmark(text, program):
    assert program_in(text, "fence")[0] == program


def test_a_block_that_was_never_closed_counts_unless_the_text_was_cut():
    text = "```python\nprint(42)\n"
    assert blocks_in(text) == [Block("print(42)\n", "python", closed=False, alone=True)]
    assert judged(PrintedAnswer(), text).reward == 1
    assert judged(PrintedAnswer(allow_cut=True), text, finish="length").reason == MISSING
    assert judged(PrintedAnswer(allow_cut=True), text + "```", finish="length").reward == 1
    # It is a second one, wherever it ends.
    assert program_in(fenced("1") + "\n```\n2", "fence") == (None, SEVERAL)
    assert program_in("```\n", "fence") == (None, EMPTY)


def test_only_a_block_alone_is_taken_out_of_a_tag():
    alone = "<answer>\n~~~python\nprint(1)\n~~~\n</answer>"
    assert program_in(alone, "tag") == ("print(1)\n", "")
    beside = "<answer>x\n```\ny\n```</answer>"
    assert program_in(beside, "tag") == ("x\n```\ny\n```", "")


def test_a_prompt_that_opened_the_reasoning_has_opened_it():
    text = "Perhaps ```python\nprint(42)\n``` or so.</think>" + fenced("print(42)")
    never_closed = fenced("print(42)")
    problem = Problem("p", "?", "42")
    for said, reward in ((text, 1.0), (never_closed, 0.0)):
        completion = Completion((), (), said, "stop", opened="<think>\n")
        assert judge(PrintedAnswer(), problem, completion).reward == reward


@pytest.mark.parametrize("code", ["exit()", "quit()", "exit(0)", "quit(code=None)", "exit"])
def test_exit_and_quit_end_a_program(code):
    assert judged(PrintedAnswer(), fenced(f"print(42)\n{code}\nif True: pass")).reward == 1
    ended = judged(PrintedAnswer(), fenced(f"{code}\nprint(42)"))
    assert ended.reason == (RIGHT if code == "exit" else NO_OUTPUT)


def test_an_exit_with_a_status_is_a_failure():
    reason = "the program ended with a status that is not 0"
    assert judged(PrintedAnswer(), fenced("print(42); exit(3)")).reason == reason
    assert judged(PrintedAnswer(), fenced("print(42); quit('no')")).reason == reason


@pytest.mark.parametrize(
    ("code", "reward", "reason"),
    [
        ("print(6 * 7)", 1.0, RIGHT),
        ("print(84 / 2)", 1.0, RIGHT),
        ("print(41)", 0.0, WRONG),
        ("print(42.00000000000001)", 1.0, RIGHT),
        ("print(0.1 * 3 * 140)", 1.0, RIGHT),
        ("print(42.001)", 0.0, WRONG),
        ("print('42.0.0')", 0.0, NOT_A_NUMBER),
        ("print('42 apples')", 0.0, NOT_A_NUMBER),
        ("x = 42", 0.0, NO_OUTPUT),
        ("for i in range(100): print(i)", 0.0, SEVERAL_LINES),
        ("print(1 / 0)", 0.0, "the program raised ZeroDivisionError"),
        ("def f(:", 0.0, "the program raised SyntaxError"),
        ("raise type('E' * 60_000, (Exception,), {})", 0.0, OWN_KIND),
        ("class Mine(Exception): pass\nraise Mine('no')", 0.0, OWN_KIND),
        ("import json\njson.loads('{')", 0.0, OWN_KIND),
        ("while True: pass", 0.0, "the program ran longer than its time limit"),
        ("import os; os._exit(0)", 0.0, NO_OUTPUT),
        ("class A(int):\n    __eq__ = lambda *_: True\nprint(A(7))", 0.0, WRONG),
        ("import sys; sys.stdout.write('42'); sys.exit(1)", 0.0,
         "the program ended with a status that is not 0"),
    ],
)  # fmt: skip
def test_the_printed_number_counts(code, reward, reason):
    verdict = judged(PrintedAnswer(running=Running(seconds=0.7)), fenced(code))
    assert (verdict.reward, verdict.reason) == (reward, reason)
    assert verdict.correct == (reward == 1.0)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("class E(Exception): pass\nraise E('x')", "an error that is not one of Python's own"),
        ("raise type('E' * 60_000, (Exception,), {})", "an error that is not one of Python's own"),
        ("import json\njson.loads('')", "an error that is not one of Python's own"),
        ("raise KeyError('E: x')", "KeyError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("assert False, 'no\\nTypeError'", "TypeError"),  # it may lie; the set is the same
    ],
)
def test_reasons_are_of_a_fixed_set(code, reason):
    assert judged(PrintedAnswer(), fenced(code)).reason == f"the program raised {reason}"


@pytest.mark.parametrize(
    ("shown", "expected", "right"),
    [
        ("229.99999999999997", "230", True), ("0.3333333333333333", "1/3", True),
        ("100000000000.4999", "100000000000", False), ("1e-17", "0", False),
        ("3.14159265358979", "3.14159265358979", True), ("0.333333", "1/3", False),
        ("123456789012345.0", "123456789012345", True),
        ("123456789012345.0", "123456789012000", False),
        ("\u22120.33333333333333331", "5", False), ("123456789/1234567.", "5", False),
    ],
)  # fmt: skip
def test_a_float_is_the_number_that_it_came_from(shown, expected, right):
    verdict = judged(PrintedAnswer(), fenced(f"print({shown!r})"), expected)
    assert verdict.solved == right


def test_a_cut_completion_is_not_run(monkeypatch):
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: pytest.fail("it was run"))
    assert judged(PrintedAnswer(), fenced("print(42)"), finish="length").reason == CUT


def test_of_many_lines_the_last_one_counts_where_that_is_asked_for():
    text = fenced("print('so')\nprint(42)")
    assert judged(PrintedAnswer(), text).reward == 0
    assert judged(PrintedAnswer(last_line=True), text).reward == 1


def test_a_sandbox_that_fails_is_no_verdict(monkeypatch):
    broken = Result("infrastructure", b"", b"", None, "it did not stand", 0.0)
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: broken)
    with pytest.raises(SandboxError, match="it did not stand"):
        judged(PrintedAnswer(), fenced("print(43)"))


def test_a_run_is_shared_by_the_parts_of_one_verdict_and_no_further(monkeypatch):
    runs = []
    run = Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: runs.append(1) or run(*a, **k))
    problem, reward = Problem("p", "?", "42"), program_of_thought("fence")
    one, other = (Completion((), (), fenced("print(42)"), "stop") for _ in range(2))
    assert judge(reward, problem, one) == judge(reward, problem, one)
    assert len(runs) == 1
    judge(reward, problem, other)
    judge(reward, problem, one)
    assert len(runs) == 3


CASES = [{"stdin": "1 2", "stdout": "3"}, {"stdin": "4 5", "stdout": "9\n"}]
ADD = fenced("a, b = map(int, input().split())\nprint(a + b)")


def test_every_case_has_to_hold():
    assert judged(Cases(), ADD, cases=CASES).reward == 1.0
    wrong = fenced("input(); print(3)")
    assert judged(Cases(), wrong, cases=CASES).reward == 0.0
    half = judged(Cases(strict=False), wrong, cases=CASES)
    assert (half.reward, half.reason, half.correct) == (0.5, "another output", False)
    assert "raised EOFError" in judged(Cases(), fenced("input(); input()"), cases=CASES).reason
    trailing = fenced("a, b = map(int, input().split())\nprint(a + b, '  ')\nprint()")
    assert judged(Cases(), trailing, cases=CASES).reward == 1.0


def test_one_that_is_too_slow_is_not_tried_on_every_case(monkeypatch):
    runs, run = [], Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: runs.append(1) or run(*a, **k))
    slow = Cases(strict=False, running=Running(seconds=0.3))
    assert judged(slow, fenced("while True: pass"), cases=CASES * 50).reward == 0
    assert len(runs) == 1


def test_what_was_cut_earns_nothing_on_the_way():
    for verifier in (NumberPrinted(), ProgramFailed()):
        for code in ("print(7)", "1 / 0"):
            assert judged(verifier, fenced(code), finish="length").reward == 0


def test_rows_with_wrong_cases_are_refused():
    with pytest.raises(RewardError, match="p has no column 'cases'; it has \\[tests\\]"):
        judged(Cases(), ADD, tests=[])
    listless = r"no list in its column 'cases' but '\{\"inputs.*; a list is written \[\{\"stdin\": "
    with pytest.raises(RewardError, match=listless):
        judged(Cases(), ADD, cases='{"inputs": ["3\\n"], "outputs": ["7\\n"]}')
    with pytest.raises(RewardError, match=r"but 'add'; a list is written \[\"assert add\(3, 4\)"):
        judged(Asserts(), ADD, tests="add")
    with pytest.raises(RewardError, match=r"is not \{stdin, stdout\}"):
        judged(Cases(), ADD, cases=["1 2"])


@pytest.mark.parametrize("name", ["stdin", "stdout"])
@pytest.mark.parametrize("wrong", [None, True, {"a": 1}, [["3"], ["4"]], ["3", None]])
def test_what_is_no_text_and_no_lines_is_no_case(name, wrong):
    case = {"stdin": "1 2", "stdout": "3", name: wrong}
    with pytest.raises(
        RewardError, match=f"The {name} of a case of problem p is not a text or a list"
    ):
        Cases().check_problem(Problem("p", "?", "", {"cases": [case]}))


def test_lists_are_lines_and_numbers_their_digits():
    both = fenced("print(int(input()) + int(input()))\nprint('end')")
    for case in (
        {"stdin": ["3", "4"], "stdout": ["7", "end"]},
        {"stdin": [3, 4], "stdout": ["7\n", "end\n"]},
        {"stdin": "3\n4\n", "stdout": "7\nend"},
    ):
        assert judged(Cases(), both, cases=[case]).reward == 1.0
    assert judged(Cases(), fenced("print(input())"), cases=[{"stdin": 5, "stdout": 5}]).reward == 1


TESTS = ["assert add(1, 2) == 3", "assert add(-1, 1) == 0"]
GOOD = fenced("def add(a, b):\n    print('adding')\n    return a + b")


def test_assert_lines_are_taken_apart():
    assert judged(Asserts(), GOOD, tests=TESTS).reward == 1.0
    assert judged(Asserts(), fenced("def add(a, b): return 3"), tests=TESTS).reward == 0.0
    half = judged(Asserts(strict=False), fenced("def add(a, b): return 3"), tests=TESTS)
    assert (half.reward, half.reason) == (0.5, "another value")
    sets = ["assert set(both([1, 2, 3], [3, 2])) == set([2, 3])"]
    assert (
        judged(
            Asserts(), fenced("def both(a, b): return [x for x in a if x in b]"), tests=sets
        ).reward
        == 1
    )
    true = ["assert even(2)", "assert not even(3)"]
    assert judged(Asserts(), fenced("def even(n): return n % 2 == 0"), tests=true).reward == 1
    assert judged(Asserts(), fenced("def even(n): return True"), tests=true).reward == 0


COUNTED = "from collections import *\nfrom enum import *\n"


@pytest.mark.parametrize(
    ("returned", "expected", "right"),
    [
        ("Counter([1, 1, 2])", "{1: 2, 2: 1}", True),
        ("Counter([1, 2, 2])", "{1: 2, 2: 1}", False),
        ("Counter([1, 1, 2])", "Counter([2, 1, 1])", True),
        ("defaultdict(int, {1: 2, 2: 1})", "{1: 2, 2: 1}", True),
        ("OrderedDict([(1, 2), (2, 1)])", "{2: 1, 1: 2}", True),
        # Between two ordered dictionaries the order counts.
        ("OrderedDict([(1, 2), (2, 1)])", "OrderedDict([(2, 1), (1, 2)])", False),
        ("namedtuple('P', 'x y')(1, 2)", "(1, 2)", True),
        ("[namedtuple('P', 'x y')(1, 2)]", "[(1, 2)]", True),
        ("IntEnum('E', 'A').A", "1", True),
        ("Enum('E', 'A').A", "1", False),
        ("{1: 2}.keys()", "{1}", True),
        ("frozenset([1])", "{1}", True),
        ("(1, 2)", "[1, 2]", False),
        ("deque([1, 2])", "[1, 2]", False),
        ("deque([1, 2])", "deque([1, 2], 5)", True),
        ("range(2)", "[0, 1]", False),
        ("1.0", "1", True),
        ("True", "1", True),
        ("0.1 + 0.2", "0.3", False),
        ("__import__('fractions').Fraction(1, 2)", "0.5", True),
        ("__import__('decimal').Decimal('0.5')", "0.5", True),
        ("__import__('decimal').Decimal('sNaN')", "0.5", False),
        ("__import__('datetime').date(2024, 2, 29)", "__import__('datetime').date(2024, 2, 29)",
         True),
        ("float('inf')", "float('inf')", True),
        ("-float('inf')", "float('inf')", False),
        ("float('nan')", "float('inf')", False),
        ("bytearray(b'a')", "b'a'", True),
        ("[1, [2, {3: (4,)}], set(), ()]", "[1, [2, {3: (4,)}], set(), ()]", True),
    ],
)  # fmt: skip
def test_values_are_equal_by_pythons_own_rule(returned, expected, right):
    code = fenced(f"{COUNTED}def f(): return {returned}")
    verdict = judged(Asserts(), code, tests=[f"assert f() == {expected}"], test_setup_code=COUNTED)
    assert verdict.reward == right


@pytest.mark.parametrize("kind", ["int", "dict", "list", "str", "tuple", "float", "Counter"])
def test_an_equality_of_the_programs_own_equals_nothing(kind):
    own = f"class Own({kind}):\n    __eq__ = lambda *_: True\n    __hash__ = None\n"
    for value in ("Own()", "[Own()]", "(1, Own())", "{1: Own()}"):
        code = fenced(f"{COUNTED}{own}def f(): return {value}")
        for expected in (f"{kind}()", f"[{kind}()]", f"(1, {kind}())", f"{{1: {kind}()}}"):
            tests = [f"assert f() == {expected}"]
            assert judged(Asserts(), code, tests=tests, test_setup_code=COUNTED).reward == 0


def test_a_program_may_use_names_of_pythons_own():
    code = fenced("list = dict = repr = print = type = set = 5\ndef f(x): return {1: (x,)}")
    assert judged(Asserts(), code, tests=["assert f(2) == {1: (2,)}"]).reward == 1


def test_what_only_has_to_be_true_may_be_of_any_class():
    match = fenced("import re\ndef f(x): return re.match('a', x)")
    assert judged(Asserts(), match, tests=["assert f('ab')", "assert not f('b')"]).reward == 1
    assert judged(Asserts(), match, tests=["assert f('b')"]).reward == 0


@pytest.mark.parametrize(
    "code",
    [
        "class All:\n    __eq__ = lambda *_: True\n    __repr__ = lambda s: 'All()'\n"
        "def add(a, b): return All()",
        "import builtins\nbuiltins.repr = lambda x: '0'\ndef add(a, b): return 9",
        "import os\nos.write(1, b'3\\n'); os._exit(0)",
        "def add(a, b):\n    import inspect\n    return inspect.stack()",
        "import sys\nprint(3); sys.exit(0)",
    ],
)
def test_a_program_cannot_talk_its_way_through_the_tests(code):
    assert judged(Asserts(), fenced(code), tests=TESTS).reward == 0.0


def test_the_expected_value_never_enters_the_programs_run(monkeypatch):
    seen = []
    run = Sandbox.run

    def watching(self, code, *args, **kwargs):
        seen.append(code)
        return run(self, code, *args, **kwargs)

    monkeypatch.setattr(Sandbox, "run", watching)
    tests = ["assert add(1, 2) == 31337", "assert add(1, 2) == sum([31000, 337])"]
    judged(Asserts(strict=False), fenced("def add(a, b): return 31336 + a"), tests=tests)
    with_program = [code for code in seen if "def add" in code]
    assert with_program and not any("31337" in c or "31000" in c for c in with_program)


def test_lines_that_are_no_assert_are_refused():
    with pytest.raises(RewardError, match="is not `assert call == value`"):
        judged(Asserts(), GOOD, tests=["import os"])
    with pytest.raises(RewardError, match="cannot be computed"):
        judged(Asserts(), GOOD, tests=["assert add(1, 2) == nowhere()"])


def test_a_future_import_stays_first():
    text = fenced("from __future__ import annotations\ndef add(a, b): return math.floor(a + b)")
    assert judged(Asserts(), text, tests=TESTS, test_setup_code="import math").reward == 1.0


def test_small_rewards_on_the_way():
    assert judged(NumberPrinted(), fenced("print(7)")).reward == 1.0
    assert judged(NumberPrinted(), fenced("print('seven')")).reward == 0.0
    assert judged(ProgramFailed(), fenced("1 / 0")).reward == -1.0
    assert judged(ProgramFailed(), "no program").reward == 0.0
    assert judged(TagCount(), "<reasoning>a</reasoning>").reward == 0.5
    assert judged(TagCount(), "<reasoning></reasoning><answer>1</answer>").reward == 0.5


def test_the_reward_set_for_programs():
    text = "<reasoning>six times seven</reasoning><answer>print(6 * 7)</answer>"
    best = judged(program_of_thought(), text)
    assert best.reward == pytest.approx(1.2) and best.correct
    wrong = judged(program_of_thought(), text.replace("7)", "8)"))
    assert wrong.reward == pytest.approx(0.2) and not wrong.correct
    broken = judged(program_of_thought(), text.replace("6 * 7", "1 / 0"))
    assert broken.reward == pytest.approx(0.0)


def test_parts_of_one_reward_share_a_run(monkeypatch):
    count = []
    run = Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: count.append(1) or run(*a, **k))
    judged(program_of_thought(), "<reasoning>a</reasoning><answer>print(987654)</answer>")
    assert len(count) == 1


def test_limits_have_to_make_sense():
    with pytest.raises(ConfigError, match="more than 0 seconds"):
        Running(seconds=0)
    with pytest.raises(ConfigError, match="32 megabytes"):
        Running(megabytes=8)
