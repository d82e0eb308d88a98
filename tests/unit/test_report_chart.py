"""Charts in plain text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokonomics.report.chart import Chart, Series


def chart(*series: Series, **options) -> Chart:
    return Chart(title="Cost", x_label="requests/s", y_label="USD/Mtok", series=series, **options)


def plot_area(text: str) -> list[str]:
    """The canvas of an ASCII chart, top row first."""
    return [line.split("|", 1)[1] for line in text.splitlines() if "|" in line]


FALLING = Series(name="fleet", xs=[0.1, 1.0, 10.0], ys=[10.0, 1.0, 0.1])
FLAT = Series(name="api", xs=[0.1, 10.0], ys=[1.0, 1.0])


def test_a_power_law_is_a_straight_line_on_log_axes():
    rows = plot_area(chart(FALLING, height=10).draw(width=50, unicode=False))
    starts = [row.index("A") for row in rows if "A" in row]
    steps = [b - a for a, b in pairwise(starts)]
    assert len(starts) == 10
    assert max(steps[1:-1]) - min(steps[1:-1]) <= 1


def test_ends_lie_in_the_corners():
    rows = plot_area(chart(FALLING, height=8).draw(width=40, unicode=False))
    assert rows[0].startswith("A")
    assert rows[-1].rstrip().endswith("A")
    assert len(rows[-1].rstrip()) == 40 - 11


def test_linear_axes():
    line = Series(name="x", xs=[0.0, 5.0, 10.0], ys=[0.0, 5.0, 10.0])
    text = chart(line, log_x=False, log_y=False, height=6).draw(width=60, unicode=False)
    assert plot_area(text)[0].rstrip().endswith("A")
    assert "10" in text
    assert "0 " in text


def test_names_axes_units_series_and_the_own_point():
    text = chart(FALLING, FLAT, marks=[(1.0, 1.0)], mark_label="you: 1 request/s").draw()
    assert "y: USD/Mtok" in text
    assert "requests/s" in text
    assert "A  fleet" in text
    assert "B  api" in text
    assert "●  you: 1 request/s" in text


def test_the_own_point_is_where_it_should_be():
    rows = plot_area(chart(FALLING, marks=[(1.0, 1.0)], height=9).draw(width=52, unicode=False))
    assert rows[4].index("*") == 20  # the middle of 41 columns, the middle of 9 rows


def test_every_line_has_its_letter_on_the_canvas():
    text = chart(FALLING, FLAT).draw()
    canvas = "".join(line.split("┤", 1)[1] for line in text.splitlines() if "┤" in line)
    assert "A" in canvas
    assert "B" in canvas


def test_braille_is_four_times_finer_than_ascii():
    text = chart(FALLING, height=4).draw(width=40)
    dots = sum(bin(ord(c) - 0x2800).count("1") for c in text if "\u2800" < c <= "\u28ff")
    assert dots > 29


def test_ascii_fallback():
    assert chart(FALLING, FLAT, marks=[(1.0, 1.0)]).draw(unicode=False).isascii()


@pytest.mark.parametrize("ys", [[0.0, 0.0, 0.0], [float("nan")] * 3, []])
def test_nothing_to_draw_is_a_sentence(ys):
    assert chart(Series(name="x", xs=[1.0, 2.0, 3.0][: len(ys)], ys=ys)).draw() == "Cost: nothing to draw"


def test_points_off_the_axis_break_the_line():
    gap = Series(name="x", xs=[1.0, 2.0, 3.0, 4.0, 5.0], ys=[1.0, 1.0, float("nan"), 1.0, 1.0])
    row = next(row for row in plot_area(chart(gap, log_x=False).draw(width=60, unicode=False)) if "A" in row)
    assert " " in row.strip()


@pytest.mark.parametrize("value", [1.0, 0.0, 1e-9, 1e12])
def test_a_single_point_has_room(value):
    text = chart(Series(name="x", xs=[1.0], ys=[value]), log_y=False).draw(unicode=False)
    assert sum(row.count("A") for row in plot_area(text)) == 1


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [(0.1, 10.0, ["0.1", "1", "10"]), (1e-6, 1e6, ["1e-06", "0.001", "1", "1,000"]), (20.0, 70.0, ["20", "50"])],
)
def test_ticks_are_round(low, high, labels):
    line = Series(name="x", xs=[low, high], ys=[1.0, 1.0])
    rows = chart(line).draw(width=60).splitlines()
    ruler = next(below for row, below in pairwise(rows) if "└" in row)
    assert [label for label in labels if label in ruler.split()] == labels


finite = st.floats(1e-9, 1e15)


@given(
    st.lists(st.tuples(finite, finite), min_size=1, max_size=20),
    st.integers(20, 120),
    st.integers(2, 30),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_any_line_fits_its_frame(points, width, height, log_x, log_y, unicode):
    xs, ys = zip(*sorted(points), strict=True)
    drawn = chart(Series(name="s", xs=xs, ys=ys), marks=points[:1], log_x=log_x, log_y=log_y, height=height)
    lines = drawn.draw(width=width, unicode=unicode).splitlines()
    side = "┤" if unicode else "|"
    canvas = [line for line in lines if side in line]
    assert len(canvas) == height
    assert all(len(line) <= max(width, 28) for line in lines)
