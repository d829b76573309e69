"""SwanLab, offline, read back from its own files."""

import json

import pytest

from tests.helpers.tracked_runs import sent_in_two_sessions
from tests.helpers.tracker_files import swanlab_records

pytest.importorskip("swanlab")


def test_a_run_of_two_sessions_is_one_run_with_all_that_it_has(tmp_path):
    folder = tmp_path / "demo"
    said = sent_in_two_sessions(folder, "swanlab", SWANLAB_MODE="offline", SWANLAB_PROJ_NAME="mine")
    assert all("swanlab is kept offline; `swanlab sync " in one for one in said)
    place = folder / "trackers/swanlab"
    records = swanlab_records(place)
    starts = [record.start for record in records if record.HasField("start")]
    assert len(starts) == 2 and len({start.id for start in starts}) == 1
    assert {(start.project, start.name) for start in starts} == {("mine", "demo")}
    scalars = [record.scalar for record in records if record.HasField("scalar")]
    assert [s.step for s in scalars if s.key == "train/accuracy"] == list(range(1, 13))
    assert [s.step for s in scalars if s.key == "eval/sampled_accuracy"] == [0, 10, 12]
    assert all(0 <= s.value.number <= 1 for s in scalars if s.key == "train/accuracy")
    media = [record.media for record in records if record.HasField("media")]
    assert [one.step for one in media if one.key == "completions"] == list(range(1, 13))
    assert [one.step for one in media if one.key == "report"] == [12]
    (page,) = place.glob("run-*/media/html/*.html")
    assert page.read_text() == "<p>the report</p>"
    configs = [path.read_text() for path in place.glob("run-*/files/config.yaml")]
    assert len(configs) == 2 and all("objective" in text for text in configs)
    states = [record.finish.state for record in records if record.HasField("finish")]
    assert len(set(states)) == 2  # the first session did not see its end


def test_what_a_model_says_is_no_html(tmp_path):
    """One completion of the first round opens scripts."""
    folder = tmp_path / "demo"
    sent_in_two_sessions(folder, "swanlab", SWANLAB_MODE="offline")
    first = min(folder.glob("trackers/swanlab/run-*/media/echarts/001-*.json"))
    text = json.dumps(json.loads(first.read_text()))
    assert "alert" in text and "<script" not in text and "<img" not in text
