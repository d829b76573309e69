"""What earlier versions wrote opens, or is refused with one sentence.

The packs lie in tests/fixtures; README.md there says how they were made. Nothing is used here but
files, the command line and what `paceline` itself exports, so that no change of form within the
package touches this file. Where versions, processor or threads are others than those of a pack,
numbers round differently: gradients are compared loosely, sampled tokens never.
"""

import hashlib
import json
import shlex
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from paceline import Run
from paceline.cli import main

PACKS = sorted((Path(__file__).parents[1] / "fixtures").glob("*.tar.xz"))
COMPARE = (
    "compare recipes.py:finished --objectives grpo,rloo --seeds 2 schedule.minibatches=2 "
    "save_keep=2 --out comparison"
)


@pytest.fixture(autouse=True, params=PACKS, ids=lambda pack: pack.name.removesuffix(".tar.xz"))
def unpacked(request, tmp_path, monkeypatch) -> None:
    """A pack, unpacked into the folder in which the commands are given."""
    with tarfile.open(request.param) as pack:
        pack.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def told(capsys) -> Callable[[str], str]:
    """Gives a command that has to succeed; returns what it says."""

    def give(command: str) -> str:
        capsys.readouterr()
        code, (out, error) = main(shlex.split(command)), capsys.readouterr()
        assert code == 0, error
        return out

    return give


@pytest.fixture
def refused(capsys) -> Callable[[str], tuple[int, str]]:
    """Gives a command that has to be refused; returns its exit code and its one sentence."""

    def give(command: str) -> tuple[int, str]:
        capsys.readouterr()
        code, (out, error) = main(shlex.split(command)), capsys.readouterr()
        lines = error.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("paceline: "), (out, error)
        assert "Traceback" not in error
        return code, lines[0]

    return give


def read(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_lines(path: str) -> list[Any]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def edit(path: str, change: Callable[[Any], object]) -> None:
    """Change a JSON file, or every line of a file of JSON lines, in place. A line keeps its length
    where it can: a checkpoint knows how many bytes of lines it counts."""
    if path.endswith(".jsonl"):
        text = ""
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            value = json.loads(line)
            change(value)
            text += json.dumps(value, ensure_ascii=False).ljust(len(line)) + "\n"
    else:
        value = read(path)
        change(value)
        text = json.dumps(value, indent=2) + "\n"
    Path(path).write_text(text, encoding="utf-8")


def hashes(folder: str) -> dict[str, str]:
    """Every file below a folder by its hash, without pages, locks and logs."""
    found = [p for p in Path(folder).rglob("*") if p.is_file() and not p.name.startswith(".")]
    kept = [p for p in found if p.suffix not in (".html", ".log")]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in kept}


def checkpoint_of(run: str) -> int:
    """The step of a run's newest checkpoint."""
    return max(int(p.name.removeprefix("step-")) for p in Path(run, "checkpoints").iterdir())


def differing(old: Any, new: Any, place: str = "") -> list[str]:
    """Where a number of the old record is missing from the new one, or is another there. Words may
    be others, and what is measured by a clock."""
    if isinstance(old, dict):
        keys = [key for key in old if "seconds" not in key]
        lost = [f"{place}.{key}" for key in keys if key not in new]
        kept = [key for key in keys if key in new]
        return lost + [d for key in kept for d in differing(old[key], new[key], f"{place}.{key}")]
    if isinstance(old, list):
        if len(old) != len(new):
            return [f"{place}: {len(old)} and {len(new)} values"]
        pairs = enumerate(zip(old, new, strict=True))
        return [d for i, (a, b) in pairs for d in differing(a, b, f"{place}[{i}]")]
    same = old == new or isinstance(old, str) or old == pytest.approx(new, rel=1e-6)
    return [] if same else [f"{place}: {old} and {new}"]


def test_there_are_packs():
    assert PACKS


def test_runs_are_read():
    finished, stopped, killed = map(Run, ("finished", "stopped", "killed"))
    assert finished.finished and not stopped.finished and not killed.finished
    for run in (finished, stopped, killed):
        steps = len(read_lines(f"{run.path}/metrics.jsonl"))
        assert run.steps == steps and f" {steps} steps" in repr(run)


@pytest.mark.parametrize("run", ["finished", "stopped", "killed"])
def test_a_page_is_made_from_the_files_alone(run, told):
    before = hashes(run)
    assert told(f"report {run}").strip() == f"{run}/report.html"
    page = Path(run, "report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>") and "What is " in page
    assert hashes(run) == before


@pytest.mark.parametrize(("run", "step"), [("finished", 5), ("stopped", 3)])
def test_a_replay_finds_what_it_found(run, step, told):
    before, was = hashes(run), read(f"replay-{run}-{step}.json")
    names = ",".join(one["name"] for one in was["objectives"][1:])
    found = json.loads(told(f"replay {run} --step {step} --objective {names} --json"))
    assert [one["name"] for one in found["objectives"]] == [o["name"] for o in was["objectives"]]
    for here, there in zip(found["objectives"], was["objectives"], strict=True):
        assert here["grad_norm"] == pytest.approx(there["grad_norm"], rel=1e-2)
        assert here["rows_trained"] == there["rows_trained"] and here["tokens"] == there["tokens"]
    for here, there in zip(found["cosine"], was["cosine"], strict=True):
        assert here == pytest.approx(there, abs=1e-2)
    assert found["redone"]["difference"] < 1e-2
    assert found["completions"][0].keys() == was["completions"][0].keys()
    assert Path(found["page"]).is_file() and hashes(run) == before


def test_a_replay_is_told_in_words(told):
    said = told("replay killed --step 4 --objective gspo")
    assert "grpo" in said and "gspo" in said and "replay-step-000004.html" in said


@pytest.mark.parametrize(("run", "steps"), [("finished", 9), ("stopped", 14), ("killed", 10)])
def test_a_run_goes_on(run, steps, told):
    config, lines = read(f"{run}/config.json")["config"], read_lines(f"{run}/metrics.jsonl")
    begin, kept = checkpoint_of(run), hashes(f"{run}/rollouts")
    told(f"resume {run} steps={steps}")
    after = read_lines(f"{run}/metrics.jsonl")
    # What the checkpoint knows is kept, and every later step is taken, each at its place.
    sure = min(begin, len(lines))  # a line that was not written yet is in the checkpoint
    assert after[:sure] == lines[:sure]
    assert [line["step"] for line in after] == [*range(1, steps + 1)]
    parts = config["schedule"]["minibatches"] * config["schedule"]["epochs"]
    for line in after:
        assert (line["round"], line["part"]) == divmod(line["step"] - 1, parts)
    rounds = -(-begin // parts)
    for path in sorted(kept)[:rounds]:
        assert hashes(f"{run}/rollouts")[path] == kept[path]
    assert len(hashes(f"{run}/rollouts")) == -(-steps // parts)
    assert Run(run).finished and read(f"{run}/summary.json")["steps"] == steps
    assert not config["save_every"] or checkpoint_of(run) == steps
    assert Path(run, "model", "model.safetensors").is_file()
    kinds = [event["kind"] for event in read_lines(f"{run}/events.jsonl")]
    assert kinds.count("resumed") == 1 + (run == "finished") and kinds[-1] == "finished"


def test_other_versions_are_a_note_and_no_mistake(told):
    versions = {"paceline": "9.0.0", "torch": "1.0.0"}
    edit("stopped/config.json", lambda data: data["versions"].update(versions))
    said = told("resume stopped steps=9")
    assert "9.0.0" in said and "1.0.0" in said
    assert read("stopped/config.json")["changes"][-1]["versions"]["torch"] == torch.__version__


def test_a_model_is_measured_and_asked(told):
    assert json.loads(told("eval finished --json"))["n"] == 5
    assert told("sample finished 'What is 1 + 2?' -n 2").count("---") == 1


def renewed(now, was):
    """What an old config has, with the keys that came later, in its parts too, as they are now."""
    if not (isinstance(was, dict) and isinstance(now, dict)):
        return was
    return now | {key: renewed(now.get(key), value) for key, value in was.items()}


def test_a_config_is_a_recipe(told):
    for run in ("finished", "stopped", "killed"):
        shown = json.loads(told(f"show {run}/config.json --json"))["config"]
        for key, was in read(f"{run}/config.json")["config"].items():
            if key == "task":  # a reward's class may have moved
                assert shown[key].keys() >= was.keys() and shown[key]["type"] == was["type"]
            elif key != "out":  # another run goes elsewhere
                # Keys that came later have their usual values.
                assert shown[key] == renewed(shown[key], was)
    told("train stopped/config.json --out again steps=5 --quiet")
    assert Run("again").finished


def test_an_audit_finds_what_it_found(told):
    was = read("audit/audit.json")
    told("audit finished/config.json --no-model --page again")
    found = read("again/audit.json")
    assert was.keys() <= found.keys() and was["sound"] == found["sound"]
    assert was["overlap"] == found["overlap"] and was["reward"].keys() <= found["reward"].keys()


def test_a_comparison_is_computed_again(told):
    before, was = hashes("comparison/runs"), read("comparison/compare.json")
    assert told("report comparison").strip() == "comparison/compare.html"
    assert differing(was, read("comparison/compare.json")) == []
    assert hashes("comparison/runs") == before


def test_the_same_comparison_uses_the_runs_that_are_there(told):
    before, was = hashes("comparison/runs"), read("comparison/compare.json")
    assert "compare.html" in told(COMPARE)
    assert differing(was, read("comparison/compare.json")) == []
    assert hashes("comparison/runs") == before


def test_a_comparison_of_another_form_is_refused_and_made_again(told, refused):
    edit("comparison/compare.json", lambda data: data.pop("same_start"))
    code, sentence = refused("report comparison")
    assert code == 2 and "version" in sentence and "same_start" in sentence
    told(COMPARE)
    assert "same_start" in read("comparison/compare.json")


def test_a_checkpoint_of_a_later_version_is_refused(refused):
    before = hashes("finished")
    path = Path(f"finished/checkpoints/step-{checkpoint_of('finished'):06d}/MANIFEST.json")
    manifest = {**read(str(path)), "schema": 99}
    del manifest["sha256"]  # it is of the rest
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    code, sentence = refused("resume finished steps=9")
    assert code == 5 and "99" in sentence and "version" in sentence
    assert {p: h for p, h in hashes("finished").items() if p != str(path)} == {
        p: h for p, h in before.items() if p != str(path)
    }


@pytest.mark.parametrize("command", ["resume finished steps=9", "replay finished --step 5"])
def test_a_config_of_a_later_version_is_refused(command, refused):
    edit("finished/config.json", lambda data: data["config"].update(wings=2))
    code, sentence = refused(command)
    assert code == 2 and "'wings'" in sentence
    edit("finished/config.json", lambda data: data["config"].pop("wings"))
    edit("finished/config.json", lambda data: data["config"]["objective"].update(type="Wings"))
    code, sentence = refused(command)
    assert code == 2 and "'Wings'" in sentence and "version" in sentence


@pytest.mark.parametrize(
    "command",
    ["report finished", "resume finished steps=9", "replay finished --step 5", "eval finished"],
)
def test_what_a_later_version_adds_beside_is_no_mistake(command, told):
    if "resume" not in command:  # the checkpoint knows how long the lines are
        edit("finished/metrics.jsonl", lambda line: line.update(wings=2))
    edit("finished/summary.json", lambda summary: summary.update(wings=2))
    edit("finished/config.json", lambda data: data.update(wings=2))
    told(command)


GONE = {
    "metrics.jsonl": ["step", "round", "part", "skipped", "grad_norm", "seconds", "reward"],
    "summary.json": ["finished", "before", "steps", "counters"],
    "config.json": ["versions", "machine", "fingerprints"],
}
COMMANDS = ("resume", "replay", "report")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("file", "key"), [(file, key) for file in GONE for key in GONE[file]])
def test_a_missing_key_is_no_traceback(command, file, key, capsys):
    edit(f"finished/{file}", lambda data: data.pop(key))
    arguments = {"resume": ["steps=9"], "replay": ["--step", "5"]}.get(command, [])
    code = main([command, "finished", *arguments])
    error = capsys.readouterr().err.strip()
    assert "Traceback" not in error
    if code != 0:  # refused: one sentence, which names the key
        assert len(error.splitlines()) == 1 and f"'{key}'" in error
