"""The small records of a page, as the macros show them and the page's data holds them."""

import json
from dataclasses import FrozenInstanceError

import pytest

from paceline.report.elements import Cell, Chart, CurveData, Dot, Plot, Spot, Stretch, Strip, Term
from paceline.report.page import TEMPLATES, environment, json_text


def shown(macro: str, *words: object) -> str:
    """The HTML of a macro of elements.html."""
    module = environment(TEMPLATES).get_template("elements.html").module
    return "".join(str(getattr(module, macro)(*words)).splitlines())


def test_a_term_shows_its_figure_before_its_text_and_may_be_muted() -> None:
    assert shown("terms", [Term("Cut", "none <was>", "0 %")]) == (
        "<div><dt>Cut</dt><dd><b>0 %</b> none &lt;was&gt;</dd></div>"
    )
    assert shown("terms", [Term("Rule", "so", muted=True)]) == (
        '<div class="muted"><dt>Rule</dt><dd>so</dd></div>'
    )


def test_a_cell_knows_its_column_for_narrow_screens() -> None:
    assert shown("cell", Cell("After", "78.4 %", "74.6–81.8 %")) == (
        '<td data-label="After"><b>78.4 %</b> <small>74.6–81.8 %</small></td>'
    )


def test_a_strip_is_drawn_from_its_shares_within_its_ends() -> None:
    html = shown("strip", Strip(28, [Stretch("way", 0.25, 1.5)], [Spot("after", -0.1, 4.5)]))
    assert '<svg height="28"' in html
    assert '<line class="way" x1="25.00%" x2="100.00%" y1="50%" y2="50%"/>' in html
    assert '<circle class="after" cx="0.00%" cy="50%" r="4.5"/>' in html


def test_a_chart_has_a_note_only_where_there_is_something_to_say() -> None:
    plot = Plot(id="kl", unit="number", series=(("KL", [0.1, None]),))
    plain = shown("chart", Chart(plot, "KL", "Far."))
    assert 'class="chart" id="chart-kl"' in plain and "note" not in plain
    told = shown("chart", Chart(plot, "KL", "Far.", "It grew.", "odd", wide=True))
    assert '<p class="note odd">It grew.</p>' in told and 'class="chart wide"' in told
    legend = '<p class="legend"></p>'
    below = shown("chart", Chart(plot, "KL", "Far.", legend_below=True))
    assert plain.count(legend) == below.count(legend) == 1
    assert plain.index(legend) < plain.index("Far.") and below.index(legend) > below.index("Far.")


def test_a_plots_numbers_reach_the_page_by_their_names() -> None:
    plot = Plot(
        id="kl",
        unit="number",
        series=(("KL", [0.1, None]),),
        dots=(Dot(80, 0.784, "held out", 0.746, None),),
    )
    assert json.loads(json_text(CurveData([1, 2], 1, [plot]))) == {
        "steps": [1, 2],
        "window": 1,
        "charts": [
            {
                "id": "kl", "unit": "number", "series": [["KL", [0.1, None]]], "bands": [],
                "stacked": False, "log": False, "smooth": True, "connect": False,
                "dots": [{"x": 80, "y": 0.784, "label": "held out", "low": 0.746, "high": None}],
            }
        ],
    }  # fmt: skip


def test_a_record_is_never_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Term("Model", "tiny").text = "other"  # type: ignore[misc]
