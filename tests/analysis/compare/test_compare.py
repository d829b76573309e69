"""Whole comparisons of recipe tiny: real runs in processes of their own."""

import html
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from paceline.analysis.compare import Comparison, compare
from paceline.analysis.compare.kl import kl_of
from paceline.errors import ConfigError
from paceline.recipes import tiny
from paceline.run import Run

KEYS = ("steps=24", "schedule.minibatches=4", "evaluation.problems=5", "save_every=4")
TWO = ("--objectives", "grpo,gspo", "--seeds", "2")


def command(out, *words, keys=KEYS):
    program = [sys.executable, "-m", "paceline.cli", "compare", "tiny", *TWO, "--out", str(out)]
    return [*program, *words, *keys]


def run_command(out, *words, keys=KEYS):
    return subprocess.run(command(out, *words, keys=keys), capture_output=True, text=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """grpo and gspo over two seeds, made two at a time."""
    out = tmp_path_factory.mktemp("compare") / "tiny"
    done = run_command(out, "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return Comparison.open(out), done.stdout


def test_the_figures_are_those_of_the_runs(made):
    data = made[0].data
    assert data["complete"] and data["baseline"] == "grpo" and data["seeds"] == [0, 1]
    for label, of in made[0].runs().items():
        one = data["objectives"][label]
        for place, run in enumerate(of.values()):
            summary = run.summary
            for side, name in (("before", "initial_accuracy"), ("after", "final_accuracy")):
                assert one[name]["per_seed"][place] == summary[side]["sampled_accuracy"]
        assert one["curve"]["steps"] == [0, 8, 16, 24]  # a quarter of 6 rounds, as whole rounds


def test_runs_of_one_seed_begin_alike(made):
    runs = made[0].runs()
    for seed in (0, 1):
        one, other = runs["grpo"][seed], runs["gspo"][seed]
        assert one.summary["before"] == other.summary["before"]
        asked = [_first_round(run) for run in (one, other)]
        assert asked[0] == asked[1]
    assert _first_round(runs["grpo"][0]) != _first_round(runs["grpo"][1])


def _first_round(run):
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(run.rollouts_of(0)).to_pylist()
    return [(row["prompt"], row["completion"]) for row in rows]


def test_accuracy_before_training_is_measured_once_for_each_seed(made):
    logs = [p.read_text() for p in made[0].path.glob("runs/*/*.log")]
    assert len(logs) == 4
    measured = [log for log in logs if "evaluating before training" in log]
    told = [log for log in logs if "measured elsewhere" in log]
    assert len(measured) == 2 and len(told) == 2


def test_a_finished_run_gives_up_its_checkpoints_and_keeps_its_model(made):
    for of in made[0].runs().values():
        for run in of.values():
            assert run.model.is_dir() and not run.checkpoints.exists()


def test_how_far_a_policy_moved_is_measured_from_its_rounds(made):
    points = json.loads((made[0].path / "runs/grpo/seed-0/kl.json").read_text())["points"]
    assert [p["step"] for p in points] == [0, 4, 8, 12, 16, 20]
    assert points[0]["kl"] == pytest.approx(0, abs=1e-5)  # the start itself
    assert max(abs(p["kl"]) for p in points[1:]) > 1e-4


def test_the_terminal_shows_the_table_and_the_sentences(made):
    said = made[1]
    assert "2 × 2 seeds (0 to 1) = 4 runs of 24 steps" in said
    assert re.search(r"gspo seed 1: \d+\.\d → \d+\.\d %", said)
    assert re.search(r"seed \d: .* %, \d+ s; 3 left, about \d+ s\n", said)
    # Seeds that start alike have no interval behind the first accuracy.
    assert re.search(r"^ ?grpo +\d+\.\d ", said, re.M)
    assert re.search("gspo against grpo: |gspo is (better|worse) than grpo: ", said)
    assert "5 problems only" in said and str(made[0].page) in said


def test_the_page_is_one_closed_file(made):
    page = html.unescape(made[0].page.read_text(encoding="utf-8"))
    assert "default-src 'none'" in page
    assert set(re.findall(r"https?://[^\s\"']+", page)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    for label in ("grpo", "gspo"):
        assert f"</i>{label}</button>" in page
    for part in ("Held-out accuracy", "KL to the start", "Clip fraction", "Gradient norm", "Cost"):
        assert part in page
    data = re.search(r'id="side-data">(.*?)</script>', page, re.S)
    assert data is not None
    side = json.loads(data[1])
    first = side["rounds"][0]["problems"][0]["answers"]
    assert first["grpo"] == first["gspo"]  # before any update
    last = side["rounds"][-1]
    for label, of in made[0].runs().items():  # each shows its own
        rows = pq.read_table(of[side["seed"]].rollouts_of(last["round"])).to_pylist()
        shown = [row["text"] for p in last["problems"] for row in p["answers"][label]["rows"]]
        assert shown and set(shown) <= {row["completion"] for row in rows}


def test_the_page_can_be_written_again(made):
    old = made[0].page.read_bytes()
    made[0].page.unlink()
    program = [sys.executable, "-m", "paceline.cli", "report", str(made[0].path)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.stdout.strip() == str(made[0].page)
    again = made[0].page.read_bytes()
    assert _without_minute(again) == _without_minute(old)


def _without_minute(page):
    return re.sub(rb"Written [\d-]+ [\d:]+ by", b"", page)


def test_finished_runs_are_used_and_a_failed_one_does_not_end_the_others(made, tmp_path):
    # On a copy: a third objective breaks in its second round, a fourth is made behind it.
    out = tmp_path / "tiny"
    shutil.copytree(made[0].path, out)
    (tmp_path / "mine.py").write_text(
        "from paceline.objective import Center, Objective\n"
        "def breaks(round):\n"
        "    if round.index == 1:\n"
        "        raise ValueError('as it was written to')\n"
        "    return Center()(round)\n"
        "broken = Objective(advantage=breaks)\n"
    )
    before = {p: p.stat().st_mtime_ns for p in out.glob("runs/g*/*/summary.json")}
    objectives = f"grpo,gspo,{tmp_path}/mine.py:broken,rloo"
    done = run_command(out, "--jobs", "2", "--objectives", objectives, "--seeds", "1")
    assert done.returncode == 9
    pace = r"about \d+ s for 2 runs, if they go on as the finished ones did, which took \d+ s each"
    assert re.search(pace, done.stdout)
    assert "1 of 4 runs failed; the first of them is broken seed 0" in done.stderr
    assert "ValueError: as it was written to" in done.stderr
    data = Comparison.open(out).data
    assert list(data["objectives"]) == ["grpo", "gspo", "rloo"] and not data["complete"]
    assert data["failed"][0]["run"] == "broken seed 0"
    # Unedited, the command goes on: it tries the failed one again.
    again = run_command(out, "--objectives", objectives, "--seeds", "1")
    assert again.returncode == 9 and "broken seed 0" in again.stderr
    mine = tmp_path / "mine.py"  # an edited function is another one under the same name
    mine.write_text(mine.read_text().replace("round.index == 1", "round.index == 2"))
    again = run_command(out, "--objectives", objectives, "--seeds", "1")
    assert again.returncode == 2 and "was made with other code of yours" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_run_that_is_another_one_is_refused(made):
    done = run_command(made[0].path, keys=(*KEYS[1:], "steps=28"))
    assert done.returncode == 2
    assert re.search(r"seed-0' is a run with (steps|evaluation.every)=\d+", done.stderr)
    assert "choose another directory" in done.stderr


def test_a_run_that_went_on_as_another_one_is_refused(made, tmp_path):
    out = tmp_path / "tiny"
    shutil.copytree(made[0].path, out)
    run = Run(out / "runs/gspo/seed-1")
    config = run.config
    config["changes"] = [{"step": 8, "keys": {"save_every": [4, 2]}}]
    run.write_json("config.json", config)
    assert run_command(out).returncode == 0  # that changes no figure
    config["changes"].append({"step": 12, "keys": {"optimizer.lr": [1e-3, 1e-2]}})
    run.write_json("config.json", config)
    done = run_command(out)
    assert done.returncode == 2
    assert (
        "was resumed with optimizer.lr after step 12, so a part of it is another run" in done.stderr
    )


def test_a_round_that_cannot_be_read_costs_a_point_of_a_curve(made, tmp_path):
    out = tmp_path / "tiny"
    shutil.copytree(made[0].path, out)
    run = Run(out / "runs/gspo/seed-1")
    # By another estimator, as earlier versions had one: it is measured again.
    other = [{"step": step, "kl": 5.0, "tokens": 1} for step in (0, 20)]
    run.write_json("kl.json", {"of": "KL(policy | start), k3", "points": other})
    (out / "compare.json.tmp").write_bytes(b"{")  # as of a process that was killed
    damaged = run.rollouts_of(2)
    damaged.write_bytes(damaged.read_bytes()[:100])
    done = run_command(out)
    assert done.returncode == 0, done.stderr
    assert len(kl_of(run)) == len(kl_of(Run(out / "runs/gspo/seed-0"))) - 1


def test_a_comparison_that_is_ended_by_whatever_goes_on(made, tmp_path):
    out = tmp_path / "tiny"
    for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        process = subprocess.Popen(command(out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = _wait_for_lines(out, process)
        process.send_signal(number)
        assert process.wait() == code
        _wait_for_end(lines.parent)  # the run ends with the comparison, and has saved
    done = run_command(out)
    assert done.returncode == 0 and "begun: they are used" in done.stdout
    assert _without_times(Comparison.open(out).data) == _without_times(made[0].data)


def _wait_for_lines(out: Path, process: subprocess.Popen[bytes]) -> Path:
    """metrics.jsonl of a run that has taken steps since now, and is not finished."""
    old = {p: p.stat().st_size for p in out.glob("runs/*/*/metrics.jsonl")}
    while process.poll() is None:
        for path in out.glob("runs/*/*/metrics.jsonl"):
            if path.stat().st_size > old.get(path, 0) + 2000 and not Run(path.parent).finished:
                return path
        time.sleep(0.02)
    raise AssertionError(f"no run took a step: {process.communicate()[0].decode()}")


def _wait_for_end(folder: Path) -> None:
    """Wait until nobody has the run's lock."""
    run = Run(folder)
    while True:
        try:
            run.acquire()
        except ConfigError:
            time.sleep(0.1)
            continue
        run.release()
        return


def _without_times(data):
    kept = {}
    for label, one in data["objectives"].items():
        kept[label] = {k: v for k, v in one.items() if not k.startswith("seconds")}
    return kept, data["differences"]


@pytest.mark.parametrize(
    ("config", "options", "said"),
    [
        (tiny(), {"objectives": ["grpo", "gspo"], "threshold": 70.0}, "a share of right answers"),
        (tiny(), {"objectives": ["grpo"]}, "at least two things"),
        (tiny(), {"objectives": ["grpo", "gspo"], "seeds": 0}, "must be at least 1"),
        (tiny().with_(evaluation={"problems": 0}), {"objectives": ["grpo", "gspo"]}, "held-out"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_starts(config, options, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        compare(config, out=tmp_path / "x", quiet=True, **options)
    assert not (tmp_path / "x").exists()


def test_a_varied_key_compares_its_values(tmp_path):
    out = tmp_path / "x"
    words = ["--vary", "task.high=4,6", "--seeds", "1", "steps=2", "task.heldout=5"]
    program = [sys.executable, "-m", "paceline.cli", "compare", "tiny", "--out", str(out)]
    done = subprocess.run([*program, *words, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert list(data["objectives"]) == ["task.high=4", "task.high=6"] and data["complete"]
    # Other problems are another test, and no answers to them stand side by side.
    assert any("accuracies are of different tests" in text for text in data["sentences"])
    page = (out / "compare.html").read_text()
    side = re.search(r'id="side-data">(.*?)</script>', page, re.S)
    assert side is not None
    for of in json.loads(side[1])["rounds"]:
        assert all(len(problem["answers"]) == 2 for problem in of["problems"])


def test_a_run_that_loads_the_script_of_its_comparison_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PACELINE_IN_COMPARISON", "1")
    with pytest.raises(ConfigError, match="__main__"):
        compare(tiny(), ["grpo", "gspo"], out=tmp_path / "x", quiet=True)


def test_an_own_objective_without_a_name_is_refused(tmp_path):
    from paceline.objective import Objective

    mine = Objective(advantage=lambda round: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigError, match="no name under which"):
        compare(tiny(), {"mine": mine, "grpo": tiny().objective}, out=tmp_path / "x", quiet=True)
