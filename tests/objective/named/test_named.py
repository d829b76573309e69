"""The names themselves: each stands for one value, and for one kind."""

import copy
import inspect
import pickle
from dataclasses import fields

import pytest

import paceline.objective as room
from paceline.errors import ConfigError
from paceline.objective import (
    CRITICS,
    GIVEN,
    GROUPS,
    LIKELIHOODS,
    NAMES,
    OBJECTIVES,
    PAIRS,
    RANKINGS,
    TEACHERS,
    Objective,
    Preference,
    Ranking,
    by_name,
    named,
)

KINDS = (GROUPS, CRITICS, LIKELIHOODS, TEACHERS, PAIRS, RANKINGS)


def test_every_algorithm_has_its_name():
    for name, make in NAMES.items():
        assert by_name(name) == make() and make is getattr(named, name) is getattr(room, name)
        assert make.__name__ == name


def test_every_name_is_of_one_kind():
    assert [name for kind in KINDS for name in kind] == list(NAMES)
    assert list(OBJECTIVES) == [name for kind in KINDS[:4] for name in kind]
    assert {name for name, make in NAMES.items() if isinstance(make(), Objective)} == {*OBJECTIVES}
    assert {name for name, make in NAMES.items() if isinstance(make(), Preference)} == {*PAIRS}
    assert {name for name, make in NAMES.items() if isinstance(make(), Ranking)} == {*RANKINGS}
    assert {name for name, make in OBJECTIVES.items() if make().needs_values} == {*CRITICS}
    assert {name for name, make in NAMES.items() if make().whole_groups} == GIVEN - {"sft"}
    assert set(NAMES) >= GIVEN


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_value(name):
    make = NAMES[name]
    value = make()
    assert eval(repr(value), vars(room)) == value == make()
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)
    assert hash(value) == hash(make())
    with pytest.raises(AttributeError):
        setattr(value, fields(value)[0].name, None)
    assert value.describe().endswith(".") and value.describe()[0].isupper()


def test_no_two_are_equal_and_none_prints_like_another():
    made = [make() for make in NAMES.values()]
    assert len({*made}) == len({*map(repr, made)}) == len(NAMES)


def test_each_gives_its_paper_and_its_equation():
    for name, make in NAMES.items():
        said = inspect.getdoc(make) or ""
        assert "arXiv" in said or "NIPS" in said or "1992" in said, name
        assert "\n\n    " in said, f"{name} has no equation"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no objective 'dr-grpo'\. Did you mean 'dr_grpo'\?"):
        by_name("dr-grpo")
    with pytest.raises(ConfigError, match=r"Known are reinforce, .*, bradley_terry\."):
        by_name("xyz")
