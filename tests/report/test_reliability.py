"""How sure a reward model is, beside how often it is right."""

from paceline.report.reliability import reliability
from paceline.store.records import Bin
from tests.helpers.records import a_given_step, a_pair_step, a_summary, some_pairs
from tests.helpers.snapshots import a_snapshot

BINS = (Bin(pairs=40, probability=0.55, right=0.5), Bin(pairs=1200, probability=0.98, right=0.97))


def test_each_bin_is_a_row_with_the_interval_of_what_is_right() -> None:
    run = a_snapshot([a_pair_step()], a_summary(after=some_pairs(0.9, reliability=BINS)))
    unsure, sure = reliability(run)
    assert (unsure.sure.value, unsure.right.value, unsure.pairs.value) == (
        "55.0\u202f%", "50.0\u202f%", "40"
    )  # fmt: skip
    assert unsure.right.small == "35.2–64.8\u202f%" and sure.pairs.value == "1,200"
    assert [spot.at for spot in sure.strip.spots] == [0.98, 0.97]
    low, high = sure.strip.stretches[0].start, sure.strip.stretches[0].end
    assert low < 0.97 < high


def test_other_runs_have_none() -> None:
    assert reliability(a_snapshot([a_given_step()])) == ()
    assert reliability(a_snapshot([a_pair_step()], a_summary(after=some_pairs(0.9)))) == ()
