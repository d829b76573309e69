"""Programs judged by assert lines, in the real sandbox."""

import pytest

from paceline.errors import RewardError
from paceline.verify.programs.asserts import Asserts
from paceline.verify.programs.sandbox import Sandbox
from tests.helpers.verdicts import fenced, judged

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
