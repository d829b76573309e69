"""docs/architecture.md speaks of rooms, files and classes that there are."""

import importlib
import re

import pytest

import paceline
from tests.helpers.floors import FLOORS
from tests.helpers.markdown import ROOT, Page, tables

PAGE = Page.of("docs/architecture.md")
SOURCE = ROOT / "src" / "paceline"
NAMED = {
    "Verifier": "types", "BatchVerifier": "types", "Round": "types", "Group": "types",
    "Given": "types",
    "TaskSource": "tasks", "Engine": "engine", "LocalEngine": "engine", "ScriptedEngine": "engine",
    "Session": "run.session", "Trainer": "training", "Learner": "training.learner",
    "RoundSource": "training.source", "StoredRounds": "training.source", "Sampler": "training",
    "TrainerHooks": "training", "Optimizer": "training", "LoraLinear": "model.lora",
    "Loss": "objective.loss",
    "Objective": "objective", "Metrics": "objective", "Policy": "model",
    "Listener": "run.listeners",
    "RunFiles": "run.listeners", "Diagnostics": "run.listeners", "Screen": "run.screen",
    "VerifierPool": "verify.calling.pool", "StepRecord": "store.records", "Problem": "types",
    "Completion": "types", "Verdict": "types", "Rollout": "types", "SOURCES": "tasks",
    "ENGINES": "engine.make", "EngineConfig": "config.record", "Batch": "batch",
    "Tracker": "tracking.tracker", "TrackerName": "settings", "PACKAGES": "preflight.trackers",
}  # fmt: skip
"""Names of the page -> where they are."""


def test_the_law_is_the_laws():
    (law,) = PAGE.code("text")
    floors = [{room.strip() for room in floor.split(",")} for floor in law.split("<")]
    assert floors == FLOORS


def test_every_room_is_in_the_table():
    (rooms, *_) = tables(PAGE.text)
    told = {
        name.removesuffix(".py").strip("/")
        for row in rooms
        for name in re.findall("`([^`]+)`", row[0])
    }
    assert told == set.union(*FLOORS)


def test_every_file_exists():
    (rooms, *_) = tables(PAGE.text)
    for row in rooms:
        room = SOURCE / re.findall("`([^`]+)`", row[0])[0].strip("/")
        for name in re.findall(r"`([^`]+\.py)`", f"{row[1]} {row[2]}"):
            inside = [SOURCE / one.strip("/") / name for one in re.findall("`([^`]+)`", row[0])]
            assert any(path.is_file() for path in (*inside, SOURCE / name)), (room, name)
    places = (SOURCE, ROOT, *SOURCE.iterdir())
    for name in re.findall(r"`([\w/]+/[\w/]*(?:\.py)?)`", PAGE.text):
        assert name in ("rollouts/", "adapter/") or any(
            (base / name).exists() for base in places
        ), name


@pytest.mark.parametrize("name", NAMED)
def test_every_name_is_there(name):
    assert f"`{name}" in PAGE.text
    assert hasattr(importlib.import_module(f"{paceline.__name__}.{NAMED[name]}"), name)


def test_no_other_name_is_told():
    told = set(re.findall(r"`([A-Z]\w+)", PAGE.text)) - {"LogProb"}
    assert told <= set(NAMED)
    for owner, attribute in re.findall(r"`([A-Z]\w+)\.(\w+)`", PAGE.text):
        where = importlib.import_module(f"{paceline.__name__}.{NAMED[owner]}")
        kind = getattr(where, owner)
        known = {*dir(kind), *getattr(kind, "__dataclass_fields__", {})}
        assert attribute in known, f"{owner}.{attribute}"
