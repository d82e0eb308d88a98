"""One view, four renderings."""

import csv
import io
import json
import re
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokonomics import __version__
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.chart import Chart, Series
from tokonomics.report.json import document, render_json
from tokonomics.report.render import FORMATS, render
from tokonomics.report.table import kept_columns
from tokonomics.report.view import Column, Table, View

COLUMNS = (
    Column(title="option", key="name"),
    Column(title="blended", key="blended_usd_per_mtok", unit="USD/Mtok", style="number", missing="unpriced"),
    Column(title="used", key="utilisation_frac", style="percent", priority=2),
    Column(title="TTFT p95", key="ttft_p95_s", style="duration", priority=1),
)
ROWS = [("4x h100-sxm fp8", 1.3856, 0.421, 0.31), ("acme/[red]model[/]", None, None, None)]
TABLE = Table(title="Options", columns=COLUMNS, rows=ROWS)
CHART = Chart(
    title="Cost against load",
    x_label="requests/s",
    y_label="USD/Mtok",
    series=[Series(name="fleet", xs=[0.1, 1.0, 10.0], ys=[10.0, 1.0, 0.5])],
)
VIEW = View(headline=["The answer."], tables=[TABLE], charts=[CHART], notes=["prices of 2026-11-01"])


def plain(view: View = VIEW, width: int = 100, **options) -> str:
    return render(view, {}, "table", width=width, **options)


class TestTable:
    def test_says_everything_in_order(self):
        text = plain()
        places = [
            text.index(part) for part in ("The answer.", "Options", "USD/Mtok", "1.39", "Cost against", "prices of")
        ]
        assert places == sorted(places)
        assert "42 %" in text
        assert "310 ms" in text

    def test_missing_is_a_word_and_never_zero(self):
        row = next(line for line in plain().splitlines() if line.startswith("acme"))
        assert row.split()[1:] == ["unpriced", "-", "-"]

    def test_names_are_no_markup(self):
        assert "acme/[red]model[/]" in plain(color=True)

    def test_plain_text_holds_no_escapes_and_no_trailing_blanks(self):
        assert "\x1b" not in plain()
        assert all(line == line.rstrip() for line in plain().splitlines())

    def test_colour_only_styles(self):
        assert "\x1b[" in plain(color=True)
        assert re.sub(r"\x1b\[[0-9;]*m", "", plain(color=True)).split() == plain().split()

    def test_without_unicode_all_is_ascii(self):
        assert plain(unicode=False).isascii()

    def test_narrow_terminals_drop_the_least_columns_and_say_so(self):
        text = plain(width=45)
        assert "used" in text.split("not shown at 45 columns: ")[1].split(";")[0]
        assert "42 %" not in text
        assert "310 ms" in text
        assert "1.39" in text

    def test_wide_terminals_drop_nothing(self):
        assert "not shown" not in plain(width=80)

    @pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
    def test_lines_fit(self, width):
        table = Table(columns=COLUMNS, rows=[("n" * 30, 1.0, 0.1, 0.2)])
        assert all(len(line) <= width for line in plain(View(tables=[table]), width=width).splitlines())

    def test_empty_table_keeps_its_head(self):
        assert "option" in plain(View(tables=[Table(columns=COLUMNS, rows=[])]))

    def test_empty_view_is_nothing(self):
        assert plain(View()) == ""

    def test_rows_must_fit_the_columns(self):
        with pytest.raises(ValueError, match="row 1 has 2 cells"):
            Table(columns=COLUMNS, rows=[ROWS[0], ("a", 1.0)])


class TestKeptColumns:
    def test_largest_priority_goes_first(self):
        dropped = [set(range(4)) - set(kept_columns(TABLE, width)) for width in range(80, 20, -1)]
        assert all(a <= b for a, b in pairwise(dropped))
        assert dropped[0] == set()
        assert {2} in dropped
        assert dropped[-1] == {2, 3}

    @given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(20, 120))
    def test_first_to_go_never_outranks_what_stays(self, priorities, width):
        columns = tuple(Column(title=f"column {i}", priority=p) for i, p in enumerate(priorities))
        kept = kept_columns(Table(columns=columns, rows=[]), width)
        gone = [p for i, p in enumerate(priorities) if i not in kept]
        droppable = [p for i, p in enumerate(priorities) if i in kept and p > 0]
        assert 0 not in gone
        assert not gone or not droppable or min(gone) >= max(droppable)


class TestCsv:
    def read(self, view: View) -> list[list[str]]:
        return list(csv.reader(io.StringIO(render(view, {}, "csv"))))

    def test_holds_raw_values_under_names_with_units(self):
        head, first, second = self.read(VIEW)
        assert head == ["name", "blended_usd_per_mtok", "utilisation_frac", "ttft_p95_s"]
        assert first == ["4x h100-sxm fp8", "1.3856", "0.421", "0.31"]
        assert second == ["acme/[red]model[/]", "", "", ""]

    def test_keeps_columns_that_a_terminal_would_drop(self):
        assert render(VIEW, {}, "csv", width=20) == render(VIEW, {}, "csv", width=200)

    def test_columns_without_key_take_their_title(self):
        assert self.read(View(tables=[Table(columns=(Column(title="As of"),), rows=[])])) == [["as_of"]]

    @pytest.mark.parametrize(
        ("cell", "text"),
        [
            (True, "true"),
            (date(2026, 1, 2), "2026-01-02"),
            (Decimal("0.10"), "0.10"),
            ('a,"b"', 'a,"b"'),
            (-1.5, "-1.5"),
        ],
    )
    def test_cells(self, cell, text):
        assert self.read(View(tables=[Table(columns=(Column(title="x"),), rows=[(cell,)])]))[1] == [text]

    @pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+1", "@sum"])
    def test_no_text_becomes_a_formula(self, cell):
        assert self.read(View(tables=[Table(columns=(Column(title="x"),), rows=[(cell,)])]))[1] == [f"'{cell}"]

    @pytest.mark.parametrize("cell", [float("nan"), float("inf"), Decimal("NaN")])
    def test_refuses_what_is_no_number(self, cell):
        with pytest.raises(ValueError, match="finite"):
            self.read(View(tables=[Table(columns=(Column(title="x"),), rows=[(cell,)])]))

    def test_no_table_is_nothing(self):
        assert render(View(headline=["x"]), {}, "csv") == ""


class TestMarkdown:
    def test_rows_have_one_cell_a_column_and_pipes_are_escaped(self):
        text = render(
            View(tables=[Table(columns=(Column(title="a"), Column(title="b")), rows=[("x|y", "z\nw")])]), {}, "md"
        )
        assert "| x\\|y | z w |" in text

    def test_numbers_lean_right(self):
        assert "| --- | ---: | ---: | ---: |" in render(VIEW, {}, "md")

    def test_has_title_units_chart_and_notes(self):
        text = render(VIEW, {}, "md")
        assert "**Options**" in text
        assert "blended (USD/Mtok)" in text
        assert "```text\nCost against load" in text
        assert "- prices of 2026-11-01" in text


class TestJson:
    def test_envelope_names_shape_and_writer(self):
        made = document("quote", {"options": []})
        assert made == {
            "schema": "tokonomics/quote/1",
            "kind": "quote",
            "tokonomics_version": __version__,
            "options": [],
        }

    def test_body_may_not_repeat_the_envelope(self):
        with pytest.raises(ValueError, match="kind"):
            document("quote", {"kind": "other"})

    def test_keeps_order_and_writes_money_as_numbers(self):
        text = render_json({"b": Decimal("0.15"), "a": (1, None, True), "day": date(2026, 11, 23)})
        assert list(json.loads(text)) == ["b", "a", "day"]
        assert json.loads(text) == {"b": 0.15, "a": [1, None, True], "day": "2026-11-23"}

    def test_numpy_scalars_become_numbers(self):
        assert json.loads(render_json({"i": np.int64(3), "f": np.float64(0.5), "g": np.float32(0.5)})) == {
            "i": 3,
            "f": 0.5,
            "g": 0.5,
        }

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), np.float64("nan"), Decimal("Infinity")])
    def test_not_finite_is_refused_with_its_path(self, bad):
        with pytest.raises(ValueError, match=r"\$\.options\[1\]\.itl_p95_s"):
            render_json({"options": [{}, {"itl_p95_s": bad}]})

    def test_unknown_types_are_refused_with_their_path(self):
        with pytest.raises(TypeError, match=r"\$\.x holds a set"):
            render_json({"x": {1}})

    def test_does_not_depend_on_the_view(self):
        assert render(View(), {"a": 1}, "json") == render(VIEW, {"a": 1}, "json")

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        )
    )
    def test_reads_back_equal(self, value):
        assert json.loads(render_json({"value": value})) == {"value": value}


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_ends_with_one_line_break(fmt):
    text = render(VIEW, document("quote", {}), fmt)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


class TestBars:
    def test_length_follows_share(self):
        text = Bars(title="memory", bars=[Bar(label="a", share_frac=1.0), Bar(label="b", share_frac=0.5)]).draw(
            width=40
        )
        full, half = (line.count("█") for line in text.splitlines()[1:])
        assert full == 2 * half + full % 2 > 0

    @pytest.mark.parametrize("share", [-1.0, 0.0, 2.0])
    def test_never_leaves_its_box(self, share):
        for unicode in (True, False):
            text = Bars(title="t", bars=[Bar(label="a", share_frac=share, text="x")]).draw(width=40, unicode=unicode)
            assert len(text.splitlines()[1]) <= 40

    def test_ascii(self):
        assert Bars(title="t", bars=[Bar(label="a", share_frac=0.3)]).draw(unicode=False).isascii()

    def test_nothing_is_its_title(self):
        assert Bars(title="memory", bars=[]).draw() == "memory"
