"""Charts as files: the specification always, the drawings where the drawer is installed."""

import json
import sys
from pathlib import Path

import pytest

from tokonomics.errors import InputError
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.chart import Chart, Series
from tokonomics.report.chart_spec import chart_file, vega_lite

LINES = Chart(
    title="Cost <of> load",
    x_label="ms",
    y_label="tok/s",
    series=[Series(name="a & b", xs=[1.0, 10.0], ys=[3.0, 30.0]), Series(name="c", xs=[2.0], ys=[5.0])],
    marks=[(10.0, 30.0)],
    mark_label="sweet spot",
)
BARS = Bars(
    title="Stack", bars=[Bar(label="naive", share_frac=0.0, text="does not fit"), Bar(label="int4", share_frac=1.0)]
)


def test_every_point_is_in_the_specification():
    values = vega_lite(LINES)["data"]["values"]
    assert values == [
        {"series": "a & b", "x": 1.0, "y": 3.0},
        {"series": "a & b", "x": 10.0, "y": 30.0},
        {"series": "c", "x": 2.0, "y": 5.0},
    ]
    marks = vega_lite(LINES)["layer"][1]
    assert marks["data"]["values"] == [{"mark": "sweet spot", "x": 10.0, "y": 30.0}]


def test_axes_are_named_and_scaled():
    encoding = vega_lite(LINES)["layer"][0]["encoding"]
    assert (encoding["x"]["title"], encoding["y"]["title"]) == ("ms", "tok/s")
    assert encoding["x"]["scale"]["type"] == "log"
    linear = Chart(title="t", x_label="x", y_label="y", series=LINES.series, log_x=False, log_y=False)
    spec = vega_lite(linear)
    assert spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "linear"
    assert len(spec["layer"]) == 1, "no marks, no layer for them"


def test_a_log_axis_has_no_place_for_zero():
    zero = Chart(title="t", x_label="x", y_label="y", series=[Series(name="a", xs=[0.0, 1.0], ys=[1.0, 0.0])])
    assert vega_lite(zero)["data"]["values"] == []


def test_bars_keep_their_order_and_words():
    spec = vega_lite(BARS)
    assert [row["label"] for row in spec["data"]["values"]] == ["naive", "int4"]
    assert spec["data"]["values"][0]["text"] == "does not fit"
    assert spec["encoding"]["y"]["sort"] == {"field": "order"}


def test_several_charts_stand_one_below_the_other():
    told = json.loads(chart_file((LINES, BARS), Path("c.json")))
    assert [one["title"] for one in told["vconcat"]] == ["Cost <of> load", "Stack"]
    assert all("$schema" not in one for one in told["vconcat"])
    assert told["vconcat"][0]["layer"] == vega_lite(LINES)["layer"]


def test_the_specification_needs_no_drawer(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert json.loads(chart_file(LINES, Path("a.json")))["title"] == "Cost <of> load"


@pytest.mark.parametrize("suffix", ["svg", "png", "html"])
def test_a_missing_drawer_is_advice(monkeypatch, suffix):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(InputError, match=r"pip install 'tokonomics\[charts\]'.*\.json"):
        chart_file(LINES, Path(f"a.{suffix}"))


@pytest.mark.parametrize("name", ["a.gif", "a", "a.svg.exe"])
def test_other_suffixes_are_refused(name):
    with pytest.raises(InputError, match=r"end it in \.svg, \.png, \.html, \.json"):
        chart_file(LINES, Path(name))


@pytest.mark.parametrize("chart", [LINES, BARS])
def test_drawings(chart):
    pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    svg = chart_file(chart, Path("a.SVG")).decode()
    assert svg.startswith("<svg")
    assert ("does not fit" if chart is BARS else "sweet spot") in svg
    assert "<of>" not in svg, "text is escaped"
    assert chart_file(chart, Path("a.png")).startswith(b"\x89PNG")


def test_a_page_works_with_the_cable_out():
    pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    page = chart_file(LINES, Path("a.html")).decode()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "sweet spot" in page
    assert 'src="http' not in page
    assert "cdn." not in page.split("<body")[-1][-2000:]
