"""Records in general: read by the types of their fields, or refused with what is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from paceline.store.base import Json, Record, RecordError, read_lines, read_object, read_objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(Record):
    noun: ClassVar[str] = "leaf"

    veins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree(Record):
    noun: ClassVar[str] = "tree"

    height: float
    age: int | None
    kind: str = "oak"
    old: bool = False
    girth: float | None = None
    span: tuple[float, float] = (0.0, 0.0)
    years: tuple[int, ...] = ()
    leaves: Mapping[str, Leaf] = field(default_factory=dict)
    first: Leaf | None = None
    more: Any = None
    notes: Json = field(default_factory=dict)


WHOLE = {
    "height": 3, "age": None, "kind": "ash", "old": True, "girth": 0.5, "span": [0.0, 1],
    "years": [1, 2], "leaves": {"top": {"veins": 5}}, "first": {"veins": 1, "hue": "red"},
    "more": [1, {}], "notes": {"a": [None]},
}  # fmt: skip


def test_every_type_is_read_and_written_again():
    tree = Tree.from_json(json.loads(json.dumps(WHOLE)))
    assert tree.span == (0.0, 1) and tree.years == (1, 2) and tree.leaves["top"].veins == 5
    assert tree.first is not None and tree.first.unknown == {"hue": "red"}
    assert tree.to_json() == WHOLE and list(tree.to_json()) == list(WHOLE)
    assert not tree.absent and not tree.unknown


def test_what_is_not_there_has_its_default_and_is_not_written():
    tree = Tree.from_json({"height": 3.0, "age": 5, "nests": 2})
    assert (tree.kind, tree.girth, tree.years) == ("oak", None, ())
    assert tree.to_json() == {"height": 3.0, "age": 5, "nests": 2}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"height": None}, "'height' of the tree is None, not a finite number."),
        ({"height": True}, "'height' of the tree is True, not a finite number."),
        ({"height": float("inf")}, "'height' of the tree is inf, not a finite number."),
        ({"age": 2.5}, "'age' of the tree is 2.5, not a whole number."),
        ({"kind": 1}, "'kind' of the tree is 1, not text."),
        ({"old": 0}, "'old' of the tree is 0, not true or false."),
        ({"span": [1.0]}, r"'span' of the tree is \[1.0\], not a list of 2."),
        ({"years": 3}, "'years' of the tree is 3, not a list."),
        ({"leaves": []}, r"'leaves' of the tree is \[\], not an object."),
        ({"leaves": {"top": {}}}, "The leaf lacks 'veins'."),
        ({"first": 4}, "A leaf is a JSON object, not 4."),
    ],
)
def test_a_value_of_another_kind_is_named(change, said):
    with pytest.raises(RecordError, match=f"^{said}$"):
        Tree.from_json({**WHOLE, **change})


def test_what_is_no_number_is_none_where_there_may_be_none():
    for value in (float("nan"), float("-inf"), "much", True, None):
        assert Tree.from_json({**WHOLE, "girth": value}).girth is None


def test_a_file_and_a_line_of_it_are_named(tmp_path):
    path = tmp_path / "leaves.jsonl"
    path.write_text('{"veins": 1}\n\n[]\n{"veins": 2}\n{"rains": 3}\n{"vei')
    assert [(n, found is None) for n, found in read_objects(path)] == [
        (1, False), (3, True), (4, False), (5, False), (6, True),
    ]  # fmt: skip
    found = read_lines(path, Leaf)
    assert [next(found).veins, next(found).veins] == [1, 2]  # what is no object is left out
    with pytest.raises(RecordError, match=r"leaves\.jsonl', line 5, .*: the leaf lacks 'veins'\.$"):
        next(found)
    assert list(read_lines(tmp_path / "nowhere", Leaf)) == []
    whole = tmp_path / "leaf.json"
    whole.write_text('{"veins"')
    with pytest.raises(RecordError, match=r"leaf\.json' is not valid JSON"):
        read_object(whole, Leaf)
    whole.write_text("{}")
    with pytest.raises(RecordError, match=r"^'.*leaf\.json' cannot be read .*: the leaf lacks"):
        read_object(whole, Leaf)
    whole.write_text('{"veins": 7}')
    assert read_object(whole, Leaf) == Leaf(veins=7)
