"""Needs of a run beside what there is: what is a note, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from paceline.errors import ConfigError
from paceline.preflight.calibrate import Throughput
from paceline.preflight.estimate import Disk, Memory
from paceline.preflight.limits import check_disk, check_memory, check_others, disk_in_words
from paceline.preflight.resources import Resources
from tests.helpers.work import CPU

MB = 10**6
# Six numbers that no setting makes smaller have 6 MB, and 30 MB are of use in all.
NEEDS = Memory(
    program=10 * MB, weights=MB, masters=MB, gradients=MB, moments=2 * MB, reference=MB, critic=0,
    host=0, activations=5 * MB, head=4 * MB, decoding=3 * MB, gaps=2 * MB,
)  # fmt: skip
WRITES = Disk(checkpoints=36 * MB, model=4 * MB, rollouts=2 * MB, checkpoint=12 * MB)


def room(memory: int = 10**9, total: int = 10**9, disk: int = 10**9) -> Resources:
    return Resources(memory, total, disk, "here", host=3 * MB)


def test_a_machine_that_others_use_is_told():
    rates = Throughput(1.0, 1.0, 1.0, 1.0, 1.0, others=0.45)
    (note,) = check_others(rates, CPU)
    assert note.startswith("other programs used 45 % of the processors")
    assert not check_others(replace(rates, others=0.05), CPU)
    assert not check_others(None, CPU)


def test_memory_that_is_free_is_nothing_to_say():
    # The program's 10 MB are taken already: 20 of 30 are needed.
    assert check_memory(NEEDS, room(memory=20 * MB), "tiny") == []


def test_memory_that_is_short_now_is_a_note():
    assert check_memory(NEEDS, room(memory=20 * MB - 1), "tiny") == [
        "up to 20 MB of memory may be needed, and 20 MB are free on this machine; end other "
        "programs, or set tokens_per_forward or rows_at_once lower."
    ]
    (note,) = check_memory(replace(NEEDS, program=0), room(memory=MB), "tiny")
    assert "1 MB are free on the GPU" in note


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "6 MB of memory for weights, gradients and moments and the reference alone, and "
             "there are 6 MB on this machine; take a smaller model, or train adapters "
             "(lora.rank=16), or a smaller reference."),
        ({"reference": 0, "moments": 3 * MB, "program": 0},
         "6 MB of memory for weights, gradients and moments alone, and there are 6 MB on the GPU; "
         "take a smaller model, or train adapters (lora.rank=16)."),
    ],
)  # fmt: skip
def test_memory_that_can_never_suffice_is_refused(changes: Any, says: str):
    needs = replace(NEEDS, **changes)
    check_memory(needs, room(total=6 * MB), "tiny")
    with pytest.raises(ConfigError) as refused:
        check_memory(needs, room(total=6 * MB - 1), "tiny")
    assert str(refused.value) == f"'tiny' needs {says}"
    with pytest.raises(ConfigError) as refused:
        check_memory(needs, room(total=6 * MB - 1), "tiny", adapted=True)
    assert "lora" not in str(refused.value)


def test_a_disk_that_would_be_full_is_refused():
    check_disk(WRITES, room(disk=42 * MB))
    with pytest.raises(
        ConfigError, match=r"42 MB \(3 checkpoints of 12 MB, model 4 MB,"
    ) as refused:
        check_disk(WRITES, room(disk=42 * MB - 1))
    assert "42 MB are free in 'here'; make room, choose another directory" in str(refused.value)


def test_what_is_written_is_told_in_its_parts():
    told = "3 checkpoints of 12 MB, model 4 MB, rollouts 2 MB"
    assert disk_in_words(WRITES) == told
    one = replace(WRITES, checkpoints=12 * MB)
    assert disk_in_words(one).startswith("1 checkpoint of 12 MB,")


def test_on_a_gpu_busy_processors_are_no_news():
    assert (
        check_others(Throughput(1.0, 1.0, 1.0, 1.0, 1.0, others=0.45), torch.device("cuda")) == []
    )


def test_what_is_offloaded_has_to_fit_into_the_machines_memory():
    assert check_memory(replace(NEEDS, host=3 * MB), room(), "tiny") == []
    with pytest.raises(ConfigError, match=r"needs 4 MB of the machine's memory for what opt"):
        check_memory(replace(NEEDS, host=4 * MB), room(), "tiny")
