"""The memory and disk that there is."""

from collections import namedtuple
from pathlib import Path

import pytest

from paceline.preflight import resources
from paceline.preflight.resources import Resources, _limits
from tests.helpers.work import CPU

Virtual = namedtuple("Virtual", "available total")
Usage = namedtuple("Usage", "total used free")


def test_the_limits_of_a_container_count(tmp_path):
    root, mine = tmp_path / "cgroup", tmp_path / "mine"
    inner = root / "service" / "job"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    outer = root / "service"
    (outer / "memory.max").write_text("1000\n")
    (outer / "memory.current").write_text("700\n")
    (outer / "memory.stat").write_text("anon 1\ninactive_file 300\n")
    mine.write_text("0::/service/job\n")
    assert list(_limits(root, mine)) == [(1000, 400)]
    mine.write_text("3:memory:/old\n")
    assert list(_limits(root, mine)) == []
    assert list(_limits(root, tmp_path / "gone")) == []


def test_disk_is_looked_at_where_the_directory_will_be(tmp_path):
    assert Resources.of(CPU, tmp_path / "a" / "b").place == str(tmp_path)
    assert Resources.of(CPU, Path("not/there")).place == str(Path.cwd())


@pytest.mark.parametrize(
    ("limits", "memory", "total"),
    [
        ([], 6000, 9000),
        ([(8000, 1000), (5000, 3500)], 1500, 5000),  # the closest of each
        ([(10_000, 9500)], 500, 9000),
        ([(1000, 1200)], 0, 1000),  # less than nothing is nothing
    ],
)
def test_memory_is_that_of_the_machine_within_every_limit(monkeypatch, limits, memory, total):
    monkeypatch.setattr(resources.psutil, "virtual_memory", lambda: Virtual(6000, 9000))
    monkeypatch.setattr(resources, "_limits", lambda root: iter(limits))
    room = Resources.of(CPU, Path.cwd() / "there/is/none")
    assert (room.memory, room.memory_total) == (memory, total)


def test_what_the_run_has_written_already_counts_as_free(monkeypatch, tmp_path):
    monkeypatch.setattr(resources.shutil, "disk_usage", lambda place: Usage(0, 0, 1000))
    (tmp_path / "r" / "rollouts").mkdir(parents=True)
    (tmp_path / "r" / "rollouts" / "one").write_bytes(b"x" * 30)
    (tmp_path / "r" / "two").write_bytes(b"x" * 4)
    (tmp_path / "beside").write_bytes(b"x" * 500)
    assert Resources.of(CPU, tmp_path / "r").disk == 1034
    assert Resources.of(CPU, tmp_path / "new").disk == 1000
