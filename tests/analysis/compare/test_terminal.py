"""A comparison on the terminal: its plan and its results."""

from types import SimpleNamespace as Some

from paceline.analysis.compare import Comparison
from paceline.analysis.compare.arms import arms_of
from paceline.analysis.compare.comparison import About, write
from paceline.analysis.compare.planned import planned
from paceline.analysis.compare.preflight import check_all
from paceline.analysis.compare.terminal import (
    _tell_forecast,
    change,
    share,
    table,
    tell_plan,
    tell_result,
    until,
)
from paceline.config import labelled
from paceline.recipes import tiny
from paceline.run.screen import Screen
from paceline.store.comparison import MeanRecord, ReachedRecord
from tests.helpers.comparisons import a_record, describe


def test_the_terminals_table_leaves_columns_out_and_never_labels(runs):
    lines = table(a_record(runs))
    assert lines[1].split("  ")[-1].strip() == "training" and lines[3].startswith("grpo")
    assert all(len(line) <= 60 for line in table(a_record(runs), 60)[1:])
    assert [line.split()[0] for line in table(a_record(runs), 30)[3:]] == ["grpo", "gspo", "rloo"]


def test_the_tables_figures_are_means_with_half_their_intervals(runs):
    title, head, line, grpo, *_ = table(a_record(runs))
    assert title == "% right on held-out problems: means over 3 seeds, ± 95 % t interval"
    assert head.split("  ")[-1].strip() == "training" and set(line) == {"─"}
    # The mean of 60, 50 and 55 %; t(2) = 4.303 times 5 / √3.
    assert "55.0 ±12.4" in grpo
    one = table(a_record({label: {0: of[0]} for label, of in runs.items()}))
    assert one[0].endswith(", one seed each") and "±" not in one[3]


def test_a_label_with_fewer_seeds_says_so(runs):
    assert [line.partition("  ")[0] for line in table(a_record(runs))[3:]] == [
        "grpo", "gspo", "rloo (2 of 3)",
    ]  # fmt: skip


def test_different_tests_leave_the_differences_empty(runs):
    for label in runs:
        describe(runs, label, fingerprints={"problems": label})
    lines = table(a_record(runs))
    heads, rows = lines[1], lines[3:]
    start, end = heads.index("Δ") + 1, heads.index("p (Holm)") + len("p (Holm)")
    # The column of Δ ends where it stands; behind it are the differences and their p.
    assert [row[start:end].strip() for row in rows] == ["", "", ""]


def test_single_figures():
    three = MeanRecord(mean=0.74, low=0.665, high=0.815, per_seed=(0.71, 0.74, 0.77))
    alone = MeanRecord(mean=-0.02, low=None, high=None, per_seed=(-0.02,))
    # t(2) = 4.303 times 0.03 / √3.
    assert (share(three), change(three), change(alone)) == ("74.0 ±7.5", "+74.0 ±7.5", "−2.0")
    some = ReachedRecord(mean=None, low=None, high=None, per_seed=(12.0, None), reached=1)
    every = ReachedRecord(mean=1234.5, low=1.0, high=2.0, per_seed=(1.0, 2468.0), reached=2)
    assert (until(some), until(every)) == ("1 of 2", "1,234")


def test_values_that_are_all_the_same_have_no_interval():
    same = MeanRecord(mean=0.025, low=0.025, high=0.025, per_seed=(0.025, 0.025))
    assert (share(same), change(same)) == ("2.5", "+2.5")


def test_the_plan_is_told_with_what_differs(tmp_path, capsys):
    vary = {"schedule.minibatches": [1, 2]}
    config = tiny().with_(steps=4, **{"evaluation.problems": 5})
    runs = planned(arms_of(config, labelled(["grpo", "gspo"]), vary), [0, 1], tmp_path)
    tell_plan(config.name, check_all(runs, tmp_path, 2), runs, tmp_path, 2, Screen(0))
    said = capsys.readouterr().out
    for text in (
        f"paceline: comparing on tiny  →  {tmp_path}",
        "plan       4 × 2 seeds (0 to 1) = 8 runs of 4 steps, 2 at a time",
        "1 or 2 updates a round of 8 × 16 completions",
        "measured   on 5 held-out problems: before, every 1 or 2 steps, after",
        "note: One update a round: every ratio is 1",
        "for 8 runs, up to",
    ):
        assert text in said, text
    assert "found" not in said


def test_a_plan_of_one_step_is_told_in_the_singular(tmp_path, capsys):
    config = tiny().with_(steps=1, **{"evaluation.problems": 5, "evaluation.every": 1})
    runs = planned(arms_of(config, labelled(["grpo", "gspo"]), {}), [0, 1], tmp_path)
    tell_plan(config.name, check_all(runs, tmp_path, 1), runs, tmp_path, 1, Screen(0))
    said = capsys.readouterr().out
    assert "= 4 runs of 1 step, 1 at a time" in said
    assert "1 update a round" in said and "before, every step, after" in said


def test_finished_runs_are_told_and_give_the_time(trained, capsys):
    path = trained[0].path.parents[2]
    more = planned([one.arm for one in trained], [0, 1], path)
    tell_plan("tiny", check_all(more, path, 1), more, path, 1, Screen(0))
    said = capsys.readouterr().out
    assert "found      2 runs finished, 0 begun: they are used" in said
    assert "for 2 runs, if they go on as the finished ones did, which took" in said
    tell_plan("tiny", check_all(trained, path, 1), trained, path, 1, Screen(0))
    assert "  time  " not in capsys.readouterr().out


def test_the_result_is_told_with_its_places(trained, tmp_path, capsys):
    result = Comparison(trained[0].path.parents[2])
    write(result, About("tiny", trained, None))
    tell_result(result, Screen(0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("% right on held-out problems: means, one seed each")
    assert [line for line in lines if line.startswith("– ")] == [
        f"– {text}" for text in result.record.sentences
    ]
    assert lines[-2:] == [f"figures  {result.file}", f"page     {result.page}"]


def test_the_forecast_is_no_less_than_its_longest_run(capsys):
    def checked(seconds):
        needs = Some(seconds=Some(total=seconds - 10))
        return Some(estimate=needs, loaded=Some(device=Some(type="cpu")))

    every = {"short": checked(100.0), "long": checked(1000.0)}
    left = [Some(arm=Some(label=label)) for label in every]
    _tell_forecast(every, left, 2, Screen(0))  # type: ignore[arg-type]
    _tell_forecast(every, left[:1], 2, Screen(0))  # type: ignore[arg-type]
    said = capsys.readouterr().out.split()
    assert " ".join(said[:12]) == "time up to 17 min for 2 runs, up to 17 min"
    assert "time up to 2 min for 1 run, up to 2 min each" in " ".join(said)
    # Two that take as long share the processors: 2 · 1000 s / 1.25.
    _tell_forecast({**every, "short": checked(1000.0)}, left, 2, Screen(0))  # type: ignore[arg-type]
    assert "time       up to 27 min for 2 runs, up to 17 min each" in capsys.readouterr().out
