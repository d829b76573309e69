"""compare.json as records, and the files of earlier versions as they are written again."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from paceline.analysis.compare import Comparison, renew
from paceline.cli import main
from paceline.errors import ConfigError
from paceline.store.base import Record, RecordError, read_lines, read_object
from paceline.store.comparison import ComparisonRecord, KlRecord
from paceline.store.records import Event, StepRecord, Summary

PACKS = sorted((Path(__file__).parents[1] / "fixtures").glob("*.tar.xz"))
WHOLE: dict[str, type[Record]] = {
    "compare.json": ComparisonRecord, "summary.json": Summary, "kl.json": KlRecord,
}  # fmt: skip
LINES: dict[str, type[Record]] = {"metrics.jsonl": StepRecord, "events.jsonl": Event}


@pytest.fixture(params=PACKS, ids=lambda pack: pack.name.removesuffix(".tar.xz"))
def old(request, tmp_path) -> Path:
    """Runs and a comparison of an earlier version."""
    with tarfile.open(request.param) as pack:
        pack.extractall(tmp_path, filter="data")
    return tmp_path


def test_files_are_written_again_byte_for_byte(old):
    seen = set()
    for path in (p for p in old.rglob("*.json*") if p.name in WHOLE | LINES):
        text = path.read_text(encoding="utf-8")
        if path.name in LINES:
            found = list(read_lines(path, LINES[path.name]))
            again = "".join(json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in found)
        else:
            record = read_object(path, WHOLE[path.name])
            again, found = (
                json.dumps(record.to_json(), ensure_ascii=False, indent=2) + "\n",
                [record],
            )
        assert again == text, path
        assert not any(one.unknown for one in found), path
        seen.add(path.name)
    assert seen == {*WHOLE, *LINES}


def figures_of(comparison: Comparison) -> dict[str, Any]:
    """All of compare.json but when it was written, floats to nine digits."""
    text = comparison.file.read_text(encoding="utf-8")
    found = json.loads(text, parse_float=lambda number: float(f"{float(number):.9g}"))
    del found["written"]
    return found


def test_a_comparison_is_computed_again_as_it_was(old):
    comparison = Comparison.open(old / "comparison")
    before = figures_of(comparison)
    renew(comparison)
    assert figures_of(comparison) == before and list(figures_of(comparison)) == list(before)


def test_a_comparison_without_later_figures_is_computed_again(old):
    comparison = Comparison.open(old / "comparison")
    before, less = figures_of(comparison), comparison.data
    for key in ("same_test", "made_with", "sentences"):
        del less[key]
    for one in less["objectives"].values():
        del one["lost"], one["steps"]
    comparison.file.write_text(json.dumps({**less, "fingerprint": "of an earlier version"}))
    with pytest.raises(RecordError, match=r"compare\.json' cannot .*: the comparison lacks 'made"):
        _ = comparison.record
    renew(comparison)
    assert figures_of(comparison) == before


def test_a_comparison_that_lacks_what_runs_do_not_say_is_refused(old, capsys):
    comparison = Comparison.open(old / "comparison")
    data = comparison.data
    del data["baseline"]
    comparison.file.write_text(json.dumps(data))
    before = comparison.file.read_bytes()
    with pytest.raises(ConfigError, match=r"lacks 'baseline'; make the comparison again with"):
        renew(comparison)
    assert main(["report", str(comparison.path)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert comparison.file.read_bytes() == before and not comparison.page.exists()
