"""Charts as files: the same lines and bars that the terminal shows, as a Vega-Lite specification, SVG, PNG or a page.

The specification needs nothing. Drawing it needs vl-convert, which is an extra and loads only when asked; a page holds
its own scripts and works with the cable out.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tokonomics.errors import InputError
from tokonomics.report.bars import Bars
from tokonomics.report.chart import Chart

SUFFIXES: Final = (".svg", ".png", ".html", ".json")
_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_WIDTH: Final = 640
_HEIGHT: Final = 400
_PNG_SCALE: Final = 2.0
_NO_DRAWER: Final = (
    "drawing a chart needs vl-convert, which is not installed; run `pip install 'tokonomics[charts]'`,"
    " or end the file in .json for the specification"
)


Drawing = Chart | Bars


def chart_file(chart: Drawing | Sequence[Drawing], path: Path) -> bytes:
    """What a file called `path` should hold: a specification (.json), a drawing (.svg, .png) or a page (.html).

    Several charts stand one below the other.

    Raises: InputError for another suffix, or where vl-convert is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"cannot draw {path}: the suffix {suffix or 'is missing'}; end it in {', '.join(SUFFIXES)}")
    told = vega_lite(chart) if isinstance(chart, Chart | Bars) else _stacked(chart)
    spec = json.dumps(told, indent=2, allow_nan=False)
    if suffix == ".json":
        return (spec + "\n").encode()
    try:
        import vl_convert  # an extra, and 30 MB that only a chart needs
    except ImportError:
        raise InputError(_NO_DRAWER) from None
    if suffix == ".png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=_PNG_SCALE))
    if suffix == ".svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    return str(vl_convert.vegalite_to_html(spec, bundle=True)).encode()


def vega_lite(chart: Drawing) -> dict[str, Any]:
    """The chart as a Vega-Lite specification that carries its own data.

    >>> from tokonomics.report.chart import Series
    >>> drawn = Chart(title="t", x_label="x", y_label="y", series=[Series(name="a", xs=[1.0], ys=[2.0])])
    >>> vega_lite(drawn)["data"]["values"]
    [{'series': 'a', 'x': 1.0, 'y': 2.0}]
    """
    return _bars(chart) if isinstance(chart, Bars) else _lines(chart)


def _stacked(charts: Sequence[Drawing]) -> dict[str, Any]:
    """The charts one below the other, each with its own colours and legend."""
    frame = ("$schema", "background")
    specs = [vega_lite(one) for one in charts]
    return {
        "$schema": _SCHEMA,
        "background": "white",
        "vconcat": [{key: value for key, value in one.items() if key not in frame} for one in specs],
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
    }


def _lines(chart: Chart) -> dict[str, Any]:
    encoding = {
        "x": _axis("x", chart.x_label, chart.log_x),
        "y": _axis("y", chart.y_label, chart.log_y),
        "color": {"field": "series", "type": "nominal", "title": None, "sort": None, "legend": {"labelLimit": 0}},
    }
    layers: list[dict[str, Any]] = [{"mark": {"type": "line", "point": True, "tooltip": True}, "encoding": encoding}]
    if chart.marks:
        marks = {"values": [{"mark": chart.mark_label, "x": x, "y": y} for x, y in chart.marks]}
        layers.append(_marks(marks, encoding))
    return {**_frame(chart.title), "data": {"values": list(_points(chart))}, "layer": layers}


def _marks(data: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": data,
        "mark": {"type": "point", "size": 160, "filled": True, "color": "black", "tooltip": True},
        "encoding": {
            "x": encoding["x"],
            "y": encoding["y"],
            "shape": {"field": "mark", "type": "nominal", "title": None},
        },
    }


def _points(chart: Chart) -> Iterator[dict[str, Any]]:
    """Every point that the axes can show, each with the name of its line."""
    for series in chart.series:
        for x, y in zip(series.xs, series.ys, strict=True):
            if (x > 0 or not chart.log_x) and (y > 0 or not chart.log_y):
                yield {"series": series.name, "x": float(x), "y": float(y)}


def _axis(field: str, label: str, log: bool) -> dict[str, Any]:
    scale = {"type": "log"} if log else {"type": "linear", "zero": False}
    return {"field": field, "type": "quantitative", "title": label, "scale": scale}


def _bars(bars: Bars) -> dict[str, Any]:
    rows = [
        {"label": bar.label, "share": bar.share_frac, "text": bar.text, "order": i} for i, bar in enumerate(bars.bars)
    ]
    place = {
        "field": "label",
        "type": "nominal",
        "title": None,
        "sort": {"field": "order"},
        "axis": {"labelLimit": 300},
    }
    length = {"field": "share", "type": "quantitative", "title": None, "axis": None}
    return {
        **_frame(bars.title),
        "height": {"step": 24},
        "data": {"values": rows},
        "encoding": {"y": place, "x": length},
        "layer": [
            {"mark": {"type": "bar", "tooltip": True}},
            {"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": {"text": {"field": "text"}}},
        ],
    }


def _frame(title: str) -> dict[str, Any]:
    return {"$schema": _SCHEMA, "title": title, "width": _WIDTH, "height": _HEIGHT, "background": "white"}
