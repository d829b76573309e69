"""The record of a run's exports."""

import json

import pytest

from paceline.errors import UserError
from paceline.store.exports import EXPORTS_FILE, Exported, Reading, exports_of, remember
from paceline.store.run import Run


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def exported(path, **changes):
    reading = Reading(by="transformers", version="5.23", prompts=8, same_prompts=8, equal=8)
    return Exported(
        **{"to": "folder", "path": str(path), "dtype": "bf16", "verified": (reading,)} | changes
    )


def test_exports_are_kept_in_their_order(run):
    assert exports_of(run) == []
    first, second = exported("a"), exported("b", not_read={"vLLM": "not installed"})
    remember(run, first)
    remember(run, second)
    assert exports_of(run) == [first, second]
    (one, _) = json.loads((run.path / EXPORTS_FILE).read_text())
    assert one["to"] == "folder" and one["path"] == "a"
    assert one["verified"][0] == {
        "by": "transformers", "version": "5.23", "prompts": 8, "same_prompts": 8, "equal": 8,
        "near_ties": 0,
    }  # fmt: skip


def test_an_export_to_the_same_place_takes_the_place_of_the_earlier_one(run, tmp_path):
    remember(run, exported(tmp_path / "a"))
    remember(run, exported(tmp_path / "b"))
    remember(run, exported(tmp_path / "b", dtype="f16"))
    assert [one.dtype for one in exports_of(run)] == ["bf16", "f16"]


@pytest.mark.parametrize(
    ("content", "why"),
    [("[", "not valid JSON"), ("{}", "is a list, not"), ("[{}]", "the export lacks 'dtype'")],
)
def test_a_file_that_holds_something_else_is_named(run, content, why):
    (run.path / EXPORTS_FILE).write_text(content)
    with pytest.raises(UserError, match=f"export.json' cannot be read by this.*{why}"):
        exports_of(run)
