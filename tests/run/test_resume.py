"""Before a run goes on: what may have changed, what may not, and what is said."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from paceline.cli import main
from paceline.config import objective_from
from paceline.errors import ConfigError, DataError
from paceline.objective import named
from paceline.preflight import load as preflight_load
from paceline.run import Run, resume, train
from paceline.store.records import Event
from tests.helpers.runs import OWN_SURROGATE, small
from tests.helpers.stopped_runs import Stop, of_eight_steps


def test_what_an_error_leaves(stopped):
    run = Run.open(stopped)
    assert run.summary["steps"] == 5 and run.summary["stopped"].startswith("Stop")
    assert not run.finished and not run.summary["interrupted"]
    assert sorted(p.name for p in run.checkpoints.iterdir()) == ["step-000004", "step-000005"]
    assert len(list(run.metrics())) == 5
    assert (run.model / "model.safetensors").is_file() and (stopped / "report.html").is_file()


def test_the_command_goes_on_and_says_where(copy, capsys):
    assert main(["resume", str(copy)]) == 0
    said = capsys.readouterr().out
    assert "after step 5 of 8" in said and "initial" in said
    run = Run.open(copy)
    assert run.finished and [line["step"] for line in run.metrics()] == list(range(1, 9))
    assert run.summary["counters"]["resumes"] == 1
    assert main(["resume", str(copy)]) == 0
    assert "is finished, after 8 steps: nothing is left to do" in capsys.readouterr().out
    assert main(["resume", str(copy), "steps=10"]) == 0
    assert len(list(run.metrics())) == 10
    assert run.config["changes"] == [{"step": 8, "keys": {"steps": [8, 10]}}]


def test_keys_that_change_no_step_pass_and_others_are_named(copy, capsys):
    config = of_eight_steps(copy)
    with pytest.raises(ConfigError, match=r"optimizer.lr is 0.5 here and 0.01 in the run, which"):
        resume(copy, config.with_(optimizer={"lr": 0.5}), quiet=True)
    with pytest.raises(ConfigError, match=r"seed is 3 here and 0 in the run, and cannot change"):
        resume(copy, config.with_(seed=3), named=["seed"], quiet=True)
    assert len(list(Run.open(copy).metrics())) == 5
    assert main(["resume", str(copy), "optimizer.lr=0.5", "show_every=0"]) == 0
    said = capsys.readouterr().out
    assert "optimizer.lr: 0.01 → 0.5" in said and "show_every: 20 → 0" in said
    run = Run.open(copy)
    assert [line["lr"] for line in run.metrics()] == [0.01] * 5 + [0.5] * 3
    (change,) = run.config["changes"]
    assert change["step"] == 5 and change["keys"]["optimizer.lr"] == [0.01, 0.5]


def test_a_key_that_an_earlier_version_did_not_write_is_no_change(copy):
    path = copy / "config.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["config"]["show_every"]
    del data["config"]["objective"]["correction"]
    path.write_text(json.dumps(data), encoding="utf-8")
    assert main(["resume", str(copy), "--quiet"]) == 0
    assert Run.open(copy).finished and "changes" not in Run.open(copy).config


@pytest.mark.parametrize("name", ["metrics.jsonl", "events.jsonl"])
def test_lines_that_cannot_be_read_are_refused_before_anything_is_changed(copy, capsys, name):
    first, *others = (copy / name).read_text(encoding="utf-8").splitlines()
    broken = json.loads(first)
    del broken["step"]
    text = "\n".join([json.dumps(broken), *others]) + "\n"
    (copy / name).write_text(text, encoding="utf-8")

    def written() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in copy.rglob("*") if p.name != ".owner"}

    before = written()
    assert main(["resume", str(copy)]) == 2
    said = capsys.readouterr().err
    assert f"'{copy / name}', line 1, cannot be read by this version" in said
    assert "lacks 'step'" in said and "Traceback" not in said
    assert written() == before


def test_an_objective_changes_between_rounds_only(copy, capsys):
    assert main(["resume", str(copy), "objective=dr_grpo"]) == 2
    assert "after step 5, in which objective cannot change" in capsys.readouterr().err
    assert main(["resume", str(copy), "rollouts.temperature=0.7"]) == 2
    assert "in which rollouts.temperature cannot change" in capsys.readouterr().err
    assert main(["resume", str(copy), "steps=6", "--quiet"]) == 0
    assert main(["resume", str(copy), "steps=8", "objective=dr_grpo", "--quiet"]) == 0
    run = Run.open(copy)
    assert "Center()" in run.config["objective"] and run.finished
    assert [c["step"] for c in run.config["changes"]] == [5, 6]


def test_train_on_the_same_directory_offers_it(copy, capsys):
    words = ["train", "tiny", "--out", str(copy), "steps=8", "rollouts.problems=3"]
    words += ["rollouts.completions=4", "rollouts.max_tokens=4", "schedule.minibatches=2"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "reached step 5 of 8" in said and f"paceline resume {copy}" in said
    assert main([*words, "--resume", "--quiet", "save_every=2"]) == 0
    assert Run.open(copy).finished
    assert main([*words, "--resume", "--quiet", "save_every=2"]) == 0  # what a scheduler repeats
    assert main(words) == 2
    assert "which is finished" in capsys.readouterr().err


def test_train_with_resume_begins_where_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "tiny", "--resume", "--quiet", "steps=2", "evaluation.problems=0"]
    assert main(words) == 0 and main(words) == 0
    assert [p.name for p in Path("runs").iterdir()] == ["tiny"]


def test_a_run_that_begins_again_begins_with_the_same_model(copy):
    run = Run(copy)
    shutil.rmtree(run.checkpoints)
    run.lines.unlink()
    config = run.config
    config["fingerprints"]["model"] = "of other weights"
    run.write_json("config.json", config)
    with pytest.raises(ConfigError, match="files are not those of the run"):
        resume(copy, quiet=True)
    del config["fingerprints"]["model"]  # an earlier version's
    run.write_json("config.json", config)
    assert resume(copy, quiet=True).finished


def test_rows_that_changed_are_told(tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"

    def write(answer):
        data = [{"prompt": f"say {i}", "answer": str(i + answer)} for i in range(12)]
        rows.write_text("".join(json.dumps(row) + "\n" for row in data))

    write(0)
    words = ["train", "tiny", "--task", "rows", f"task.path={rows}", "task.allow_cut=true"]
    words += ["--out", str(tmp_path / "r"), "--quiet", "steps=2", "evaluation.problems=0"]
    # So few that nothing is concluded if all of them are cut.
    few = ["rollouts.problems=2", "rollouts.completions=4", "rollouts.max_tokens=3"]
    assert main([*words, *few]) == 0
    write(1)
    assert main(["resume", str(tmp_path / "r"), "steps=3"]) == DataError.exit_code
    assert "are not those of the run" in capsys.readouterr().err
    named_again = ["resume", str(tmp_path / "r"), "steps=3", f"task.path={rows}", "--quiet"]
    assert main(named_again) == 0


def test_the_last_step_is_named_where_the_learning_rate_falls_towards_it(tmp_path):
    out = tmp_path / "r"
    config = small(out, steps=2, optimizer={"decay": "linear"}, evaluation={"problems": 0})
    train(config, quiet=True)
    with pytest.raises(ConfigError, match=r"steps is 3 here and 2 in the run, which changes"):
        resume(out, config.with_(steps=3), quiet=True)
    resume(out, config.with_(steps=3), named=["steps"], quiet=True)
    assert [line["step"] for line in Run(out).metrics()] == [1, 2, 3]


def test_a_dtype_that_was_left_open_stays_what_it_was_and_open(tmp_path):
    out = tmp_path / "r"
    config = small(out, steps=1, model={"dtype": "auto"}, evaluation={"problems": 0})
    run = train(config, quiet=True)
    dtype = run.config["machine"]["dtype"]
    resume(out, config.with_(steps=2), quiet=True)
    assert run.config["config"]["model"]["dtype"] == "auto"
    # On a machine on which auto means the other one.
    other = {"bfloat16": torch.float32, "float32": torch.bfloat16}[dtype]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preflight_load, "best_dtype", lambda device: other)
        resume(out, config.with_(steps=3), quiet=True)
    assert run.finished and run.config["machine"]["dtype"] == dtype
    assert not [event for event in run.events() if "dtype" in event["text"]]


def test_a_limit_of_memory_that_was_asked_for_stays(copy):
    """Also where nothing new was saved before the next stop."""
    from paceline.training import Trainer

    seen = []

    def stops(self):
        seen.append(self.learner.tokens_per_forward)
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", stops)
        config = of_eight_steps(copy)
        for asked in (config.with_(tokens_per_forward=1024), None):
            with pytest.raises(Stop):
                resume(copy, asked, quiet=True)
    assert seen == [1024, 1024]


def test_a_reference_that_no_checkpoint_has_is_refused_before_anything_changes(tmp_path, capsys):
    out = tmp_path / "r"
    train(small(out, steps=2, objective=named.grpo(kl=0.1), evaluation={"problems": 0}), quiet=True)
    before = (out / "config.json").read_bytes()
    assert main(["resume", str(out), "steps=4", "reference.every=1"]) == 2
    assert "no reference that follows the policy, as reference.every=1" in capsys.readouterr().err
    assert (out / "config.json").read_bytes() == before
    assert main(["resume", str(out), "steps=4", "--quiet"]) == 0


def test_somebody_elses_folders_are_not_taken_for_a_start(tmp_path):
    precious = tmp_path / "r" / "checkpoints" / "weights.bin"
    precious.parent.mkdir(parents=True)
    precious.write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        train(small(tmp_path / "r"), quiet=True)
    assert precious.read_text() == "precious"


def test_an_event_behind_a_torn_one_is_not_lost(copy):
    run = Run(copy)
    with (copy / "events.jsonl").open("a") as file:
        file.write('{"time": "2026')
    run.append_event(Event.now("note", 3, "whole"))
    assert list(run.events())[-1]["text"] == "whole"


def test_other_versions_are_told_and_pass(copy, capsys):
    config = json.loads((copy / "config.json").read_text())
    here = config["versions"], config["machine"]
    then = {**here[0], "torch": "1.0"}, {**here[1], "threads": 99, "cpus": 1000}
    config["versions"], config["machine"] = then
    (copy / "config.json").write_text(json.dumps(config))
    assert main(["resume", str(copy), "steps=6"]) == 0
    said = capsys.readouterr().out
    assert "note: torch was 1.0 and is " in said and "note: threads was 99 and is " in said
    assert "not bit for bit" in said and "cpus" not in said
    # Kept for whoever goes on or replays; the start's own stay what they are.
    run = Run.open(copy)
    changes = [{"step": 5, "keys": {"steps": [8, 6]}, "versions": here[0], "machine": here[1]}]
    assert run.config["changes"] == changes
    assert (run.config["versions"], run.config["machine"]) == then
    assert run.description.environment_at(5).versions == then[0]
    assert run.description.environment_at(6).machine == here[1]
    assert main(["resume", str(copy), "steps=7"]) == 0
    assert "bit for bit" not in capsys.readouterr().out  # as in the last session
    assert run.config["changes"] == [*changes, {"step": 6, "keys": {"steps": [6, 7]}}]


def test_another_number_of_processors_is_no_change(copy):
    config = json.loads((copy / "config.json").read_text())
    config["machine"]["cpus"] = 1000
    (copy / "config.json").write_text(json.dumps(config))
    assert main(["resume", str(copy), "--quiet"]) == 0
    assert Run.open(copy).config == config


def test_a_file_that_was_edited_is_told_once_and_kept_by_its_hash(tmp_path, capsys):
    mine, out = tmp_path / "mine.py", tmp_path / "r"
    mine.write_text(OWN_SURROGATE)
    train(
        small(out, steps=1, objective=objective_from(f"{mine}:mine"), evaluation={"problems": 0}),
        quiet=True,
    )
    was, before = (Run(out).config["fingerprints"][key] for key in ("code", f"code of {mine}"))
    mine.write_text(mine.read_text() + "# another\n")
    assert main(["resume", str(out), "steps=2"]) == 0
    now = Run(out).config["fingerprints"]["code"]
    read = Run(out).config["fingerprints"][f"code of {mine}"]
    told = f"note: {mine}, by its hash, was {before[:8]} and is {read[:8]}; the run continues, but"
    assert told in capsys.readouterr().out
    (change,) = Run(out).config["changes"]
    both = {"code": [was, now], f"code of {mine}": [before, read]}
    assert change == {"step": 1, "keys": {"steps": [1, 2]}, "fingerprints": both}
    assert Run(out).description.environment_at(1).fingerprints["code"] == was
    assert main(["resume", str(out), "steps=3"]) == 0
    assert "by its hash" not in capsys.readouterr().out


def test_what_a_resume_replaces_is_not_loaded(tmp_path, capsys):
    mine, out, read = tmp_path / "mine.py", tmp_path / "r", tmp_path / "read"
    mine.write_text(f"open({str(read)!r}, 'a').write('.')\n{OWN_SURROGATE}")
    objective = objective_from(f"{mine}:mine")
    train(small(out, steps=1, objective=objective, evaluation={"problems": 0}), quiet=True)
    read.write_text("")
    assert main(["resume", str(out), "steps=2", "--quiet"]) == 0
    assert read.read_text() == "."  # once, for what the run goes on with
    aside = tmp_path / "aside"
    shutil.copytree(out, aside)
    read.write_text("")
    assert main(["resume", str(aside), "steps=3", "objective=grpo", "--quiet"]) == 0
    assert read.read_text() == "", "what is replaced is not loaded, though it is there"
    mine.unlink()
    assert main(["resume", str(out), "steps=3"]) == 2
    assert f"There is no file '{mine}'" in capsys.readouterr().err
    assert main(["resume", str(out), "steps=3", "objective=grpo", "--quiet"]) == 0
    config = small(out, steps=4, evaluation={"problems": 0})
    assert len(list(resume(out, config, quiet=True).metrics())) == 4
    (change,) = (c for c in Run(out).config["changes"] if "objective" in c["keys"])
    assert change["keys"]["objective"][0]["surrogate"] == {"function": f"{mine}:plain"}


def test_no_run_and_an_old_one_are_told(copy, capsys, tmp_path):
    assert main(["resume", str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    config = json.loads((copy / "config.json").read_text())
    del config["id"]
    (copy / "config.json").write_text(json.dumps(config))
    assert main(["resume", str(copy)]) == 2
    assert "could not resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"dtype": "fp16"}},
        {"optimizer": {"moments": "8bit", "lr": 0.01}},
        {"lora": {"rank": 4}, "model": {"quantisation": "nf4", "dtype": "bf16"}},
        {"lora": {"rank": 4, "merge": "no"}, "model": {"quantisation": "int8", "dtype": "bf16"}},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_with_less_memory_too_it_goes_on_bit_for_bit(tmp_path, changes):
    rounds = {"schedule": {"minibatches": 2}, "steps": 6, **changes}
    whole = train(small(tmp_path / "whole", **rounds), quiet=True)
    half = train(small(tmp_path / "half", **{**rounds, "steps": 3}), quiet=True)
    resume(half.path, small(half.path, **rounds), named=["steps"], quiet=True)
    one, other = ((run.model / "model.safetensors").read_bytes() for run in (whole, half))
    assert one == other
    norms = [[line["grad_norm"] for line in run.metrics()] for run in (whole, half)]
    assert norms[0] == norms[1] and len(norms[0]) == 6


def test_an_adapter_that_it_began_with_may_move_and_must_not_change(tmp_path):
    first = train(small(tmp_path / "a", lora={"rank": 4}), quiet=True)
    start = {"start": str(first.adapter)}
    run = train(small(tmp_path / "b", lora=start, steps=2), quiet=True)
    moved = tmp_path / "moved"
    shutil.move(first.adapter, moved)
    with pytest.raises(ConfigError, match=r"There is no adapter at '.*adapter'"):
        resume(run.path, small(run.path, lora=start, steps=4), named=["steps"], quiet=True)
    elsewhere = small(run.path, lora={"start": str(moved)}, steps=4)
    settings = json.loads((moved / "adapter_config.json").read_text())
    other = {**settings, "lora_alpha": 2 * settings["lora_alpha"]}
    (moved / "adapter_config.json").write_text(json.dumps(other))
    named = ["steps", "lora.start"]
    with pytest.raises(ConfigError, match=r"adapter that it began with \(lora.start\) are not"):
        resume(run.path, elsewhere, named=named, quiet=True)
    (moved / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    resume(run.path, elsewhere, named=named, quiet=True)
    assert run.finished and run.steps == 4


def test_whoever_needs_a_reference_changes_under_adapters_as_without(tmp_path):
    run = train(small(tmp_path / "r", lora={"rank": 4}, steps=2), quiet=True)
    with_kl = small(run.path, lora={"rank": 4}, steps=4, objective=named.grpo(kl=0.1))
    resume(run.path, with_kl, named=["steps", "objective"], quiet=True)
    assert [line["kl"] is not None for line in run.metrics()] == [False, False, True, True]
