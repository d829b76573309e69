"""What config.json says of a run: the environment and the config of each of its steps."""

from typing import Any

import pytest

from paceline import recipes
from paceline.errors import ConfigError, DataError
from paceline.store.base import RecordError
from paceline.store.description import ConfigChange, Environment, RunDescription

HASHES = {"problems": "p1", "tokenizer": "t1", "model": "m1"}
HERE = Environment({"torch": "2"}, {"threads": 1, "cpus": 2, "dtype": "bfloat16"}, HASHES)


def described(**fields: Any) -> RunDescription:
    return RunDescription(
        **{
            "config": {"steps": 8}, "versions": HERE.versions, "machine": HERE.machine,
            "fingerprints": HERE.fingerprints, **fields,
        }
    )  # fmt: skip


def changed(step: int, keys: dict[str, tuple[Any, Any]] | None = None, **fields: Any):
    return ConfigChange(step=step, keys=keys or {}, **fields)


def test_what_is_read_of_a_config_has_a_name():
    schedule, task = {"minibatches": 4, "epochs": 2}, {"reward": "mine.py:paid"}
    config = {
        "steps": 8, "save_every": 5, "save_keep": 2, "schedule": schedule, "task": task,
        "evaluation": {"temperature": 0.7},
    }  # fmt: skip
    run = described(config=config, versions={"paceline": "0.9"}, machine={"device": "cpu"})
    assert (run.steps, run.save_every, run.save_keep, run.updates_a_round) == (8, 5, 2, 8)
    assert (run.reward, run.evaluation_temperature) == ("mine.py:paid", 0.7)
    assert (run.paceline, run.device, run.dtype) == ("0.9", "cpu", "")


def test_what_a_config_does_not_say_is_not_known():
    run = RunDescription.from_json({"config": {"task": {}, "evaluation": None}})
    assert run.reward is run.evaluation_temperature is None
    assert run.paceline == run.device == run.dtype == ""


def test_a_change_is_written_without_what_is_as_it_was():
    assert changed(5).to_json() == {"step": 5, "keys": {}}
    told = changed(5, {"steps": (8, 9)}, versions={"torch": "3"}).to_json()
    assert told == {"step": 5, "keys": {"steps": [8, 9]}, "versions": {"torch": "3"}}


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("problems", DataError, "The problems of the task, or how they are asked, are not those"),
        ("tokenizer", ConfigError, "The model's tokenizer and chat template are not those"),
        ("model", ConfigError, "The model's files are not those"),
    ],
)
def test_an_input_that_is_another_one_is_named(kind, error, said):
    other = Environment({}, {}, {**HASHES, kind: "x"})
    with pytest.raises(error, match=f"^{said} of the run; put the old ones back\\.$"):
        HERE.check_same(other, kind)
    with pytest.raises(error, match=r"of the run; look\.$"):
        HERE.check_same(other, kind, "look")
    HERE.check_same(HERE, kind)
    # An earlier version did not know it: nothing can be said.
    Environment({}, {}, {}).check_same(other, kind)


def test_what_changed_is_kept_whole_and_processors_are_no_change():
    assert HERE.changed_to(HERE) == {"fingerprints": {}}
    more_cpus = Environment(HERE.versions, {**HERE.machine, "cpus": 64}, HASHES)
    assert HERE.changed_to(more_cpus) == {"fingerprints": {}}
    now = Environment(
        {"torch": "3", "python": "3.13"},
        {**HERE.machine, "threads": 4},
        {**HASHES, "model": "m2", "code": "c1"},
    )
    assert HERE.changed_to(now) == {
        "versions": now.versions,
        "machine": now.machine,
        "fingerprints": {"model": ("m1", "m2"), "code": (None, "c1")},
    }


def test_what_decides_rounding_is_told_with_both_values():
    hashes = {**HASHES, "code": "c"}  # a session of this version always has one
    now = Environment({"torch": "3"}, {"threads": 4, "cpus": 64, "dtype": "bfloat16"}, hashes)
    assert HERE.unlike(now) == [("torch", "2", "3"), ("threads", 1, 4)]
    assert now.unlike(now) == []


def test_code_of_the_users_is_told_by_the_beginning_of_its_hash():
    def read(**hashes: str) -> Environment:
        return Environment({}, {}, hashes)

    was = read(**{"code": "a" * 20, "code of mine.py": "0123456789"})
    now = read(**{"code": "b" * 20, "code of mine.py": "abcdefghij", "code of new.py": "c"})
    assert was.unlike(now) == [("mine.py, by its hash,", "01234567", "abcdefgh")]
    # An earlier version had one hash of all such files.
    (told,) = read(code="a" * 20).unlike(now)
    assert told == ("a file of yours that the config names, by its hash,", "a" * 8, "b" * 8)


def test_a_step_was_taken_in_the_environment_before_or_after_a_change():
    hashes = {"model": ("m0", "m1")}
    run = described(
        changes=(
            changed(2, machine={"threads": 3}),
            changed(5, versions={"torch": "3"}, fingerprints=hashes),
        )
    )
    first, third, sixth = (run.environment_at(step) for step in (2, 3, 6))
    assert first == Environment(HERE.versions, HERE.machine, {**HASHES, "model": "m0"})
    assert third == Environment(HERE.versions, {"threads": 3}, {**HASHES, "model": "m0"})
    assert sixth == Environment({"torch": "3"}, {"threads": 3}, HASHES) == run.environment_at()


def test_what_an_earlier_version_did_not_know_was_not_there():
    run = described(
        fingerprints={"problems": "1", "model": "2"},
        changes=(changed(10, fingerprints={"model": (None, "2")}),),
    )
    assert run.environment_at(5).fingerprints == {"problems": "1"}
    assert run.environment_at(11).fingerprints == {"problems": "1", "model": "2"}


@pytest.mark.parametrize("name", ["versions", "machine", "fingerprints"])
def test_without_an_environment_a_run_is_refused(name):
    data = {"config": {}, "versions": {}, "machine": {}, "fingerprints": {}}
    del data[name]
    with pytest.raises(RecordError, match=f"config.json lacks '{name}', so that this version"):
        RunDescription.from_json(data).environment_at()


def test_the_config_of_a_step_takes_later_changes_back():
    run = described(
        config={"steps": 20, "optimizer": {"lr": 3.0}, "task": "gone"},
        changes=(
            changed(4, {"optimizer.lr": (1.0, 2.0), "task.low": (7, None)}),
            changed(9, {"optimizer.lr": (2.0, 3.0), "steps": (10, 20)}),
        ),
    )
    assert run.config_at(10) == run.config
    assert run.config_at(9)["optimizer"] == {"lr": 2.0} and run.config_at(9)["steps"] == 10
    # Another task stood there since, which has no key `low`.
    assert run.config_at(4) == {"steps": 10, "optimizer": {"lr": 1.0}, "task": {"low": 7}}
    assert run.config["optimizer"] == {"lr": 3.0}, "the description itself is not changed"


def test_the_limits_of_packs_are_those_of_the_start_and_of_each_resume():
    key = "tokens_per_forward"
    run = described(
        config={key: 512},
        changes=(changed(3, {key: (4096, 1024)}), changed(6, {key: (1024, 512)})),
    )
    assert run.pack_limits() == {0: 4096, 3: 1024, 6: 512}


def test_the_dtype_that_was_left_open_is_what_it_meant_at_the_start():
    config = recipes.tiny().with_(**{"model.dtype": "auto"})
    assert described().as_it_began(config).model.dtype == "bf16"
    assert described(machine={"dtype": "float32"}).as_it_began(config).model.dtype == "fp32"


def test_a_resume_as_before_changes_nothing():
    run = described()
    assert run.resumed({"steps": 8}, "", HERE, {}, 5) is run


def test_a_resume_is_kept_with_its_step():
    now = Environment({"torch": "3"}, HERE.machine, {**HASHES, "problems": "p2"})
    run = described(changes=(changed(3, {"steps": (4, 6)}), changed(6, {"steps": (6, 8)})))
    keys = {"optimizer.lr": (0.1, 0.2)}
    # The checkpoint is one of step 5: the change at 6 holds from there on.
    on = run.resumed({"steps": 8, "new": True}, "Objective()", now, keys, 5)
    assert [(c.step, c.keys) for c in on.changes] == [
        (3, {"steps": (4, 6)}), (5, {"steps": (6, 8)}), (5, keys),
    ]  # fmt: skip
    assert on.changes[-1].versions == {"torch": "3"} and on.changes[-1].machine is None
    assert on.changes[-1].fingerprints == {"problems": ("p1", "p2")}
    assert (on.config, on.objective) == ({"steps": 8, "new": True}, "Objective()")
    assert on.fingerprints == now.fingerprints and on.versions == HERE.versions


def test_changes_are_written_though_the_file_had_none():
    data = {
        "config": {}, "versions": HERE.versions, "machine": HERE.machine, "fingerprints": HASHES,
    }  # fmt: skip
    run = RunDescription.from_json(data)
    assert "changes" not in run.to_json()
    on = run.resumed({}, "Objective()", HERE, {"steps": (8, 9)}, 8)
    assert on.to_json()["changes"] == [{"step": 8, "keys": {"steps": [8, 9]}}]
    assert on.to_json()["objective"] == "Objective()" and "command" not in on.to_json()
