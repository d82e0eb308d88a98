"""How values are written for people."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokonomics.report.numbers import cell_text, duration, percent, significant
from tokonomics.report.view import Column


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1.3856, 3, "1.39"),
        (2.0, 3, "2.00"),
        (0.069, 3, "0.0690"),
        (0.0001234, 3, "0.000123"),
        (9.996, 3, "10.0"),
        (99.96, 3, "100"),
        (999.6, 3, "1,000"),
        (1234.6, 3, "1,230"),
        (1234567.0, 4, "1,235,000"),
        (-1.3856, 3, "-1.39"),
        (0.0, 3, "0"),
        (1e-9, 2, "0.0000000010"),
    ],
)
def test_significant(value, digits, text):
    assert significant(value, digits) == text


@given(st.floats(1e-6, 1e12), st.integers(1, 6))
def test_significant_is_off_by_at_most_half_a_digit(value, digits):
    written = float(significant(value, digits).replace(",", ""))
    assert abs(written - value) <= 0.5001 * 10 ** (1 - digits) * value
    assert "e" not in significant(value, digits)


@given(st.floats(1e-6, 1e12), st.floats(1e-6, 1e12))
def test_significant_keeps_order(low, high):
    low, high = sorted((low, high))
    assert float(significant(low).replace(",", "")) <= float(significant(high).replace(",", ""))


@pytest.mark.parametrize(
    ("value_s", "text"),
    [(0.0463, "46.3 ms"), (0.999, "999 ms"), (1.0, "1.00 s"), (0.0, "0 s"), (125.0, "125 s"), (0.00042, "0.420 ms")],
)
def test_duration(value_s, text):
    assert duration(value_s) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.031, "3.1 %"), (0.0994, "9.9 %"), (0.0999, "10 %"), (0.42, "42 %"), (1.0, "100 %")],
)
def test_percent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (None, "number", "unpriced"),
        ("", "text", "unpriced"),
        ("misses", "number", "misses"),
        (True, "text", "yes"),
        (False, "count", "no"),
        (date(2026, 11, 23), "text", "2026-11-23"),
        (1234567, "count", "1,234,567"),
        (Decimal("0.150"), "number", "0.150"),
        (0.5, "percent", "50 %"),
        (0.25, "duration", "250 ms"),
        (80e9, "gb", "80.0"),
        (0, "count", "0"),
        (0.0, "number", "0"),
    ],
)
def test_cell_text(value, style, text):
    assert cell_text(value, Column(title="x", style=style, missing="unpriced")) == text
